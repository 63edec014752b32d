"""
How many recordings does an enrolment need?
===========================================

One recording of each person is enough to start with. What does a second one bring, and a fifth?
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
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import SpeakerKFold, n_shot_k_way_curve

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
encoder = SiameseSpeakerEncoder(network__n_mixtures=16, max_epochs=3, random_state=0)
siamese = make_pipeline(MFCC(), encoder).fit(X[background], y[background])
knn = make_pipeline(MFCC(), FramePooling()).fit(X[background])

# %%
# Each speaker is represented by the mean of the enrolled embeddings. A task needs one more
# recording of each speaker, the one to recognize.
most = min(10, np.unique(y[new], return_counts=True)[1].min() - 1)
n_shots, k_way = range(1, most + 1), min(20, len(np.unique(y[new])))
curves = {
    name: n_shot_k_way_curve(system, X[new], y[new], k_ways=[k_way], n_shots=n_shots, n_tasks=1000)
    for name, system in {"Siamese": siamese, "k-NN": knn}.items()
}

# %%
# The second recording removes more errors than all later ones together, with either system. In this
# corpus, all recordings of a speaker are from one session; one from another session would help
# more.
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
for name, curve in curves.items():
    ax.plot(n_shots, 1 - curve.mean[:, 0], "o-", label=name)
    ax.fill_between(n_shots, 1 - curve.upper[:, 0], 1 - curve.lower[:, 0], alpha=0.15)
ax.set(
    xlabel="recordings of each speaker enrolled (n)",
    ylabel=f"errors among {k_way} speakers",
    ylim=(0, None),
    xticks=list(n_shots),
)
ax.legend()
plt.show()
