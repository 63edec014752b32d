"""
How many recordings does an enrolment need?
===========================================

One recording of each person is enough to start with. A second one helps; the tenth hardly does.
"""

# %%
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=30, n_recordings=11, duration=0.7, random_state=0)

# %%
# The encoder of this example is statistics of MFCCs, which needs no training. Any other encoder can
# take its place.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling
from sklearn_siamese_speaker.model_selection import SpeakerKFold, n_shot_k_way_curve

background, new = next(SpeakerKFold(n_splits=2).split(X, y))
encoder = make_pipeline(MFCC(), FramePooling()).fit(X[background])

# %%
# Each speaker is represented by the mean of the enrolled embeddings. A task needs one more
# recording of each speaker, the one to recognize.
most = min(10, np.unique(y[new], return_counts=True)[1].min() - 1)
n_shots = range(1, most + 1)
curve = n_shot_k_way_curve(encoder, X[new], y[new], k_ways=[2, 5, 10], n_shots=n_shots, n_tasks=500)

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
for column, k_way in enumerate(curve.k_ways):
    ax.fill_between(n_shots, curve.lower[:, column], curve.upper[:, column], alpha=0.15)
    ax.plot(n_shots, curve.mean[:, column], "o-", label=f"{k_way} speakers")
ax.set(xlabel="recordings of each speaker enrolled (n)", ylabel="accuracy", ylim=(0, 1.02))
ax.legend(loc="lower right")
plt.show()
