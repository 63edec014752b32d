"""
Choosing the distance and the loss
==================================

The loss is what the training minimizes; the distance compares two recordings. Not every loss can be
combined with every distance; see :ref:`losses`.
"""

# %%
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=40, n_recordings=5, duration=1.0, random_state=0)

# %%
from sklearn_siamese_speaker import MFCC
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=2).split(X, y))
frames = MFCC().fit_transform(X)

# %%
# The encoder stores the metric that it was trained for, and the evaluation uses it.
from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve

choices = [
    ("prototypical", "euclidean"),
    ("bce", "euclidean"),
    ("contrastive", "cosine"),
    ("triplet", "manhattan"),
    ("aam", "cosine"),
]
curves = {}
for loss, metric in choices:
    encoder = SiameseSpeakerEncoder(
        "tdnn",
        network__filters=(32, 48, 64),
        network__embedding_dim=64,
        loss=loss,
        metric=metric,
        max_epochs=6,
        random_state=0,
    ).fit(frames[background], y[background])
    curves[f"{loss}\n{encoder.embedding_metric_}"] = n_shot_k_way_curve(
        encoder, frames[new], y[new], k_ways=[5], n_shots=[1], n_tasks=500
    )

# %%
# The bars are 95 % intervals over speakers. If they are as wide as the differences, the order of
# the points means nothing: keep the default, and use more speakers.
import matplotlib.pyplot as plt

means = np.array([curve.mean[0, 0] for curve in curves.values()])
lower = np.array([curve.lower[0, 0] for curve in curves.values()])
upper = np.array([curve.upper[0, 0] for curve in curves.values()])
fig, ax = plt.subplots()
ax.errorbar(list(curves), means, yerr=[means - lower, upper - means], fmt="o", capsize=4)
ax.axhline(1 / 5, linestyle=":", color="0.4", label="chance")
ax.set(ylabel="accuracy, 1-shot 5-way", ylim=(0, 1))
ax.legend()
plt.show()
