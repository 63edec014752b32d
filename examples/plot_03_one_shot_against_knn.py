"""
Is the network better than k-NN?
================================

A difference between two systems means something when both were asked the same questions, and when
it would hold for other speakers too.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=90, n_recordings=6, duration=1.0, random_state=0)

# %%
# Both systems learn on the background speakers: the network its weights, the baseline only how to
# standardize the frames whose mean and standard deviation it compares.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
siamese = make_pipeline(
    MFCC(),
    SiameseSpeakerEncoder(
        "tdnn", filters=(48, 64, 96), embedding_dim=64, max_epochs=30, random_state=0
    ),
).fit(X[background], y[background])
knn = make_pipeline(MFCC(), FramePooling()).fit(X[background])

# %%
# The same tasks for both. The bands are 95 % intervals for other speakers.
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import NShotKWayDisplay
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve, paired_difference

curves = {
    name: n_shot_k_way_curve(
        system, X[new], y[new], k_ways=range(2, 21, 2), n_tasks=300, n_shots=[1]
    )
    for name, system in {"Siamese": siamese, "k-NN": knn}.items()
}
NShotKWayDisplay(curves).plot()

# %%
# Bands that overlap would settle nothing: some speakers are hard for both systems. The
# *difference* on the same tasks is known better. Where its interval is on one side of zero, one
# system is better, for other speakers too. On synthetic voices and after seconds of training, the
# answer says nothing about real ones.
paired = paired_difference(curves["Siamese"], curves["k-NN"])
fig, ax = plt.subplots()
ax.fill_between(curves["k-NN"].k_ways, paired.lower[0], paired.upper[0], alpha=0.2)
ax.plot(curves["k-NN"].k_ways, paired.difference[0], "o-")
ax.axhline(0, linestyle=":", color="0.4")
ax.set(xlabel="speakers to choose from (k)", ylabel="accuracy: Siamese minus k-NN")
plt.show()
