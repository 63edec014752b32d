"""
CNN, LSTM, or statistics?
=========================

Five networks with the same speakers and the same tasks: how accurate are they, and how long does
the training take?
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
# The frames are computed once, for all networks.
from sklearn_siamese_speaker import MFCC
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
frames = MFCC().fit_transform(list(X))
known, unknown = [frames[i] for i in background], [frames[i] for i in new]

# %%
# Each network has seconds to learn. The first four are trained from random weights; the last, the
# default one, starts from a discriminant in closed form.
from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve

convolutions = {"network__filters": (32, 48, 64), "crop_frames": 100, "max_epochs": 8}
networks = {
    "cnn2d": convolutions,
    "lstm": {"network__n_units": 64, "crop_frames": 100, "max_epochs": 8},
    "cnn_lstm": convolutions,
    "tdnn": convolutions,
    "statistics": {"network__n_mixtures": 16, "max_epochs": 3},
}
most = min(20, len(np.unique(y[new])))
curves, seconds = {}, {}
for network, params in networks.items():
    encoder = SiameseSpeakerEncoder(network, **params, random_state=0).fit(known, y[background])
    curves[network] = n_shot_k_way_curve(
        encoder, unknown, y[new], k_ways=range(2, most + 1, 2), n_shots=[1], n_tasks=300
    )
    seconds[network] = sum(epoch["seconds"] for epoch in encoder.history_["epochs"])

# %%
# With few speakers and few recordings, the network that starts from statistics is ahead of all that
# start from random weights. The bands of three of those overlap, so their order says nothing. The
# network of the case study, "cnn2d", has hardly begun to learn after seconds.
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import NShotKWayDisplay

NShotKWayDisplay(curves).plot()

# %%
# The time of the epochs alone, without that of the closed form. After minutes the networks are much
# closer: see :ref:`results_networks`.
fig, ax = plt.subplots(figsize=(6, 2.5))
ax.barh(list(seconds), list(seconds.values()))
ax.set(xlabel="seconds of training")
fig.tight_layout()
plt.show()
