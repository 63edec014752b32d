"""
Your own network, your own loss
===============================

How can you try a network or a loss that the library does not have?
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
# A network is a torch module from ``(batch, n_features, n_frames)`` to ``(batch, n_dims)`` for any
# number of frames. This one processes each frame alone, and averages over time. The arguments of
# its class are parameters of the encoder, here ``network__embedding_dim``.
import torch
from torch import nn


class FrameByFrame(nn.Module):
    """Two layers on every frame, and the mean over time."""

    def __init__(self, n_features, embedding_dim):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(n_features, 64, 1), nn.ReLU(), nn.Conv1d(64, embedding_dim, 1)
        )

    def forward(self, frames):
        """Map (batch, n_features, n_frames) to (batch, embedding_dim)."""
        return self.layers(frames).mean(2)


# %%
# A loss maps embeddings and labels to a number. This one is a softmax over the cosines of all
# pairs: it is small when the nearest embeddings are of the same speaker.
def all_pairs_softmax(embeddings, labels):
    """Return a scalar for a batch of embeddings and their speakers."""
    similarities = 10 * embeddings @ embeddings.T
    same = labels[:, None] == labels
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    log_shares = similarities.masked_fill(itself, -torch.inf).log_softmax(1)
    return -log_shares[same & ~itself].mean()


# %%
# Pass both in place of the names of built-in ones. The losses of pytorch-metric-learning can be
# passed in the same way. With ``metric="cosine"``, the loss gets embeddings of length 1.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
encoder = SiameseSpeakerEncoder(
    FrameByFrame,
    network__embedding_dim=64,
    loss=all_pairs_softmax,
    metric="cosine",
    max_epochs=20,
    random_state=0,
)
own = make_pipeline(MFCC(), encoder).fit(X[background], y[background])

# %%
import matplotlib.pyplot as plt

from sklearn_siamese_speaker import FramePooling
from sklearn_siamese_speaker.inspection import NShotKWayDisplay, TrainingHistoryDisplay

TrainingHistoryDisplay.from_estimator(encoder)

# %%
# How good is it? We evaluate it as everything else, next to k-NN on the same tasks. A few lines
# come close to k-NN after seconds, although this network looks at one frame at a time.
knn = make_pipeline(MFCC(), FramePooling()).fit(X[background])
NShotKWayDisplay.from_estimators(
    {"own": own, "k-NN": knn},
    X[new],
    y[new],
    k_ways=range(2, min(20, len(np.unique(y[new]))) + 1),
    n_shots=[1],
    n_tasks=300,
)
plt.show()
