"""
Seen against unseen speakers
============================

How much better does a network recognize the people that it was trained on? An evaluation that
splits recordings instead of speakers hides this difference.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, load_voices

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = load_voices(return_X_y=True)

# %%
# Two systems. The network learns to tell its training speakers apart; k-NN learns only how to
# standardize frames, and knows nothing of anybody.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder

siamese = SiameseSpeakerEncoder(
    "tdnn",
    network__filters=(32, 48, 64),
    network__embedding_dim=64,
    loss="aam",
    metric="cosine",
    crop_frames=100,
    max_epochs=40,
    random_state=0,
)
systems = {
    "Siamese": make_pipeline(MFCC(), siamese),
    "k-NN": make_pipeline(MFCC(), FramePooling()),
}

# %%
# One training for each, and two tests: one with other recordings of the training speakers, one with
# other speakers.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_siamese_speaker.inspection import SeenUnseenDisplay
from sklearn_siamese_speaker.model_selection import SeenUnseenSplit

k_way = min(20, int(0.4 * len(np.unique(y))))
SeenUnseenDisplay.from_estimators(
    systems,
    X,
    y,
    cv=SeenUnseenSplit(unseen_size=0.4, seen_size=0.4, random_state=0),
    k_way=k_way,
    n_tasks=1000,
    random_state=0,
)

# %%
# The network is better on the speakers it knows; for k-NN both groups are about as hard. A
# figure for seen speakers is too high for the next person who is enrolled.
plt.show()
