"""
Choosing the distance and the loss
==================================

The loss is what the training minimizes; the distance compares two recordings. Not every loss can be
combined with every distance; see :ref:`losses`.
"""

# %%
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, load_voices

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = load_voices(return_X_y=True)

# %%
from sklearn_siamese_speaker import MFCC
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
frames = MFCC().fit_transform(list(X))
known, unknown = [frames[i] for i in background], [frames[i] for i in new]

# %%
# One network, trained with several losses for the same number of recordings. The encoder stores the
# metric that it was trained for, and the evaluation uses it.
from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve

choices = [
    ("bce", "euclidean"),
    ("contrastive", "cosine"),
    ("triplet", "manhattan"),
    ("prototypical", "euclidean"),
    ("aam", "cosine"),
]
k_way = min(5, len(np.unique(y[new])))
curves = {}
for loss, metric in choices:
    encoder = SiameseSpeakerEncoder(
        "tdnn",
        network__filters=(32, 48, 64),
        network__embedding_dim=64,
        loss=loss,
        metric=metric,
        crop_frames=100,
        max_epochs=12,
        random_state=0,
    ).fit(known, y[background])
    curves[f"{loss}\n{encoder.embedding_metric_}"] = n_shot_k_way_curve(
        encoder, unknown, y[new], k_ways=[k_way], n_shots=[1], n_tasks=1000
    )

# %%
# The bars are 95 % intervals over speakers. Where they are as wide as the differences, the order of
# the points means nothing. Seconds do not show which loss learns fastest; :ref:`results_losses` has
# the comparison after minutes.
import matplotlib.pyplot as plt

means = np.array([curve.mean[0, 0] for curve in curves.values()])
lower = np.array([curve.lower[0, 0] for curve in curves.values()])
upper = np.array([curve.upper[0, 0] for curve in curves.values()])
fig, ax = plt.subplots()
ax.errorbar(list(curves), means, yerr=[means - lower, upper - means], fmt="o", capsize=4)
ax.axhline(1 / k_way, linestyle=":", color="0.4", label="chance")
ax.set(ylabel=f"accuracy, 1-shot {k_way}-way", ylim=(0, 1))
ax.legend()
plt.show()
