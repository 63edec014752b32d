"""
The case study, step by step
============================

A Siamese network learns from pairs whether two recordings are of one voice. How does the training
proceed, how well does the network recognize new people, and how are their embeddings arranged?

The network and its training are those of the case study, and the figures have its order: training,
validation, testing, embedding. Here the training lasts for seconds; :doc:`/case_study` tells what
minutes bring.
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
# Training
# --------
#
# Binary cross-entropy on 64 random pairs a batch, RAdam at a constant learning rate. A quarter of
# the background speakers is held out for validation. Left: the loss. Right: how well one threshold
# of the distance tells pairs of one speaker from pairs of two.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.inspection import TrainingHistoryDisplay
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
encoder = SiameseSpeakerEncoder(
    "cnn2d",
    network__stride=3,
    network__pool_size=2,
    loss="bce",
    pairs="random",
    optimizer="radam",
    schedule="constant",
    lr=1e-3,
    batch_size=64,
    crop_frames=100,
    max_epochs=20,
    validation_fraction=0.25,
    validate_every=5,
    random_state=0,
)
siamese = make_pipeline(MFCC(), encoder).fit(X[background], y[background])
TrainingHistoryDisplay.from_estimator(encoder)

# %%
# Validation
# ----------
#
# Every few batches, 100 tasks of 1-shot 4-way measure the accuracy on the held-out speakers. A
# network with random weights is far above chance already. In these seconds it does not get better:
# training on random pairs needs minutes to move.
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
# same tasks. The bands are 95 % intervals over speakers.
from sklearn_siamese_speaker import FramePooling
from sklearn_siamese_speaker.inspection import NShotKWayDisplay

knn = make_pipeline(MFCC(), FramePooling()).fit(X[background])
NShotKWayDisplay.from_estimators(
    {"Siamese": siamese, "k-NN": knn},
    X[new],
    y[new],
    k_ways=range(2, min(20, len(np.unique(y[new]))) + 1),
    n_shots=[1],
    n_tasks=300,
)

# %%
# The training of the case study is far behind k-NN after seconds: a random pair takes two encoded
# recordings for one comparison. The next example shows the default encoder on the same speakers.
#
# Embedding
# ---------
#
# The embeddings of two sets of new speakers, projected to two dimensions.
from sklearn_siamese_speaker.inspection import EmbeddingDisplay

EmbeddingDisplay.from_estimator(siamese, X[new], y[new], n_sets=2, n_speakers=10)
plt.show()
