"""
Who spoke when?
===============

A conversation of unknown people is cut into fragments. Nobody is enrolled. Which fragments are of
the same voice?
"""

# %%
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=24, n_recordings=4, duration=3.0, n_sessions=1, random_state=0)

# %%
# Four people take turns; the others are background speakers. Each turn is cut into
# fragments of 1.5 s.
from sklearn_siamese_speaker.datasets import split_into_fragments

speakers = np.unique(y)
present = [np.flatnonzero(y == speaker)[:3] for speaker in speakers[:4]]
turns = np.random.default_rng(0).permutation(np.concatenate(present))
background = np.isin(y, speakers[4:])
fragments, truth, turn = split_into_fragments(X[turns], y[turns], duration=1.5)

# %%
# The embeddings are statistics of MFCCs. We pass lists, because a list can hold recordings of
# different lengths.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling

encoder = make_pipeline(MFCC(), FramePooling()).fit(list(X[background]))
embeddings = encoder.transform(list(fragments))

# %%
# Here, the number of people is known. In practice it must be estimated, which is harder.
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

found = AgglomerativeClustering(n_clusters=4).fit_predict(embeddings)
print(f"adjusted Rand index {adjusted_rand_score(truth, found):.2f}; 1 is perfect, 0 is chance")

# %%
# The upper row is the truth, the lower row the result. Each color is a voice. The colors of the two
# rows need not be the same; they should change at the same fragments.
import matplotlib.pyplot as plt

fig, axes = plt.subplots(2, 1, sharex=True, figsize=(8, 2.4))
for ax, labels, title in zip(axes, (truth, found), ("truth", "found"), strict=True):
    codes = np.unique(labels, return_inverse=True)[1]
    ax.imshow(codes[None], aspect="auto", cmap="tab10", vmin=0, vmax=9)
    ax.set(yticks=[0], yticklabels=[title])
axes[1].set_xlabel("fragment")
fig.tight_layout()

# %%
# Fragments of one recording share its session, so a cluster can be a session instead of a voice.
# A diarization of real meetings has the same problem.
plt.show()
