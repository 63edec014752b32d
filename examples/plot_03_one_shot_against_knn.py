"""
Is the network better than k-NN?
================================

Two systems can be compared when both solve the same tasks. The difference counts when it also holds
for other speakers.
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
# Both systems learn from the background speakers: the network learns its weights, the baseline
# learns only how to standardize the frames.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
encoder = SiameseSpeakerEncoder(network__n_mixtures=16, max_epochs=3, random_state=0)
siamese = make_pipeline(MFCC(), encoder).fit(X[background], y[background])
knn = make_pipeline(MFCC(), FramePooling()).fit(X[background])

# %%
# The same tasks for both. The bands are 95 % intervals for other speakers.
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import NShotKWayDisplay
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve, paired_difference

most = min(20, len(np.unique(y[new])))
curves = {
    name: n_shot_k_way_curve(
        system, X[new], y[new], k_ways=range(2, most + 1, 2), n_tasks=1000, n_shots=[1]
    )
    for name, system in {"Siamese": siamese, "k-NN": knn}.items()
}
NShotKWayDisplay(curves).plot()

# %%
# Overlapping bands do not answer the question, because some speakers are hard for both systems. The
# *difference* on the same tasks has a narrower interval. Where this interval does not contain zero,
# one system is better, for other speakers too. The more speakers there are to choose from, the
# clearer it is that the network is better: its interval lies above zero.
paired = paired_difference(curves["Siamese"], curves["k-NN"])
fig, ax = plt.subplots()
ax.fill_between(curves["k-NN"].k_ways, paired.lower[0], paired.upper[0], alpha=0.2)
ax.plot(curves["k-NN"].k_ways, paired.difference[0], "o-")
ax.axhline(0, linestyle=":", color="0.4")
ax.set(xlabel="speakers to choose from (k)", ylabel="accuracy: Siamese minus k-NN")
plt.show()
