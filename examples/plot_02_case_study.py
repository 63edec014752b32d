"""
The case study, step by step
============================

A Siamese network learns from pairs whether two recordings are of one voice. How does the training
proceed, how well does the network recognize new people, and how are their embeddings arranged?

The figures have the order of the case study: training, validation, testing, embedding. The network
is smaller here, and trained for seconds.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=40, n_recordings=5, duration=1.0, n_sessions=1, random_state=0)

# %%
# Training
# --------
#
# The training of the case study: binary cross-entropy on random pairs, a constant learning rate,
# RAdam. The learning rate is ten times as high, because this training takes seconds. A quarter of
# the background speakers is held out for validation.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.inspection import TrainingHistoryDisplay
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=4).split(X, y))
encoder = SiameseSpeakerEncoder(
    network="cnn2d",
    network__filters=(32, 48, 64),
    network__embedding_dim=128,
    loss="bce",
    pairs="random",
    schedule="constant",
    max_epochs=40,
    validation_fraction=0.25,
    validate_every=8,
    random_state=0,
)
siamese = make_pipeline(MFCC(), encoder).fit(X[background], y[background])
TrainingHistoryDisplay.from_estimator(encoder)

# %%
# Validation
# ----------
#
# Every few batches, 100 tasks of 1-shot 4-way measure the accuracy on the held-out speakers. They
# are eight speakers only, so each point is uncertain by about 10 percentage points: look at the
# trend, not at the single steps.
import matplotlib.pyplot as plt

validations = encoder.history_["validations"]
fig, ax = plt.subplots()
ax.plot([v["batch"] for v in validations], [v["accuracy"] for v in validations], "o-")
ax.axhline(1 / 4, linestyle=":", color="0.4", label="chance")
ax.set(xlabel="batch", ylabel="validation accuracy, 1-shot 4-way", ylim=(0, 1))
ax.legend()

# %%
# Testing
# -------
#
# The accuracy on new speakers, against the number of speakers to choose from, next to k-NN on the
# same tasks. The bands are 95 % intervals over speakers; they are wide with ten speakers.
from sklearn_siamese_speaker import FramePooling
from sklearn_siamese_speaker.inspection import NShotKWayDisplay

knn = make_pipeline(MFCC(), FramePooling()).fit(X[background])
NShotKWayDisplay.from_estimators(
    {"Siamese": siamese, "k-NN": knn},
    X[new],
    y[new],
    k_ways=range(2, 11),
    n_shots=[1],
    n_tasks=300,
)

# %%
# With so few speakers and seconds of training, k-NN is better. The figure on the front page of the
# documentation shows a longer training on real speech.
#
# Embedding
# ---------
#
# The embeddings of two sets of new speakers, projected to two dimensions.
from sklearn_siamese_speaker.inspection import EmbeddingDisplay

EmbeddingDisplay.from_estimator(siamese, X[new], y[new], n_sets=2, n_speakers=5)
plt.show()
