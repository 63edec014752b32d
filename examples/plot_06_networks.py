"""
CNN, LSTM, or both?
===================

Four networks with the same training and the same tasks: how accurate are they, and how long does
the training take?
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=40, n_recordings=5, duration=1.0, random_state=0)

# %%
# The frames are computed once, for all networks.
from sklearn_siamese_speaker import MFCC
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=2).split(X, y))
frames = MFCC().fit_transform(X)

# %%
# This example trains each network for seconds. For a fair comparison on your own data, train each
# one as long as it improves.
from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve

filters = {"network__filters": (32, 48, 64)}
sizes = {"cnn2d": filters, "lstm": {"network__n_units": 128}, "cnn_lstm": filters, "tdnn": filters}
curves, seconds = {}, {}
for network, size in sizes.items():
    encoder = SiameseSpeakerEncoder(
        network, **size, network__embedding_dim=64, max_epochs=6, random_state=0
    )
    encoder.fit(frames[background], y[background])
    curves[network] = n_shot_k_way_curve(
        encoder, frames[new], y[new], k_ways=[2, 5, 10], n_shots=[1], n_tasks=300
    )
    seconds[network] = sum(epoch["seconds"] for epoch in encoder.history_["epochs"])

# %%
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import NShotKWayDisplay

NShotKWayDisplay(curves).plot()

# %%
fig, ax = plt.subplots(figsize=(6, 2.5))
ax.barh(list(seconds), list(seconds.values()))
ax.set(xlabel="seconds of training")
fig.tight_layout()
plt.show()
