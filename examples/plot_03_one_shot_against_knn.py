"""
Is the network better than k-NN?
================================

Two systems can be compared when both solve the same tasks. The difference counts when it also holds
for other speakers.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=90, n_recordings=6, duration=1.0, random_state=0)

# %%
# Both systems learn from the background speakers: the network learns its weights, the baseline
# learns only how to standardize the frames.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
siamese = make_pipeline(
    MFCC(),
    SiameseSpeakerEncoder(
        "tdnn",
        network__filters=(48, 64, 96),
        network__embedding_dim=64,
        max_epochs=30,
        random_state=0,
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
# Overlapping bands do not answer the question, because some speakers are hard for both systems. The
# *difference* on the same tasks has a narrower interval. Where this interval does not contain zero,
# one system is better, for other speakers too. These voices are synthetic and the training takes
# seconds, so the answer says nothing about real voices.
paired = paired_difference(curves["Siamese"], curves["k-NN"])
fig, ax = plt.subplots()
ax.fill_between(curves["k-NN"].k_ways, paired.lower[0], paired.upper[0], alpha=0.2)
ax.plot(curves["k-NN"].k_ways, paired.difference[0], "o-")
ax.axhline(0, linestyle=":", color="0.4")
ax.set(xlabel="speakers to choose from (k)", ylabel="accuracy: Siamese minus k-NN")
plt.show()
