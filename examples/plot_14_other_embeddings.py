"""
======================================================
How good are embeddings that come from somewhere else?
======================================================

Pretrained speaker encoders are usually one function: a waveform in, a vector out. Wrapped as a
transformer, such a function is judged by the same tasks as anything else here, among speakers
that nobody trained on.
"""

# %%
# The function to judge. Put yours in its place; it may call any network. This one is a stand-in
# that needs no download: the average spectrum of the voice, which knows nothing of speakers.

import numpy as np


def embed(waveform):
    """Return a vector for a waveform at 16 kHz."""
    spectrum = np.abs(np.fft.rfft(waveform))
    bands = np.array_split(spectrum[: len(spectrum) // 2], 60)
    return np.log([band.mean() for band in bands])


# %%
# `FunctionTransformer` makes a transformer of it, a row of the output for each recording.
# For files, put :class:`~sklearn_siamese_speaker.RawAudio` before it: it reads, checks and
# resamples them.

from sklearn.preprocessing import FunctionTransformer


def embed_all(waveforms):
    """Return the embeddings of recordings as rows."""
    return np.stack([embed(np.ravel(waveform)) for waveform in waveforms])


other = FunctionTransformer(embed_all)

# %%
# Beside it: the same, followed by a linear map learned on the training speakers that brings
# recordings of one speaker together; and statistics of MFCCs, the usual baseline.

from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_siamese_speaker import MFCC, FramePooling

pipelines = {
    "embed()": other,
    "embed() + NCA": make_pipeline(
        other, StandardScaler(), NeighborhoodComponentsAnalysis(n_components=20, random_state=0)
    ),
    "MFCC statistics": make_pipeline(MFCC(), FramePooling()),
}

# %%
# Every system sees the same 1-shot 5-way tasks among the same 10 of 40 speakers.

from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.model_selection import compare_representations

X, y = make_speakers(n_speakers=40, n_recordings=6, duration=1.0, random_state=0)
comparison = compare_representations(pipelines, X, y, unseen=0.25, k_way=5, n_tasks=500)
for name, mean, lower, upper in zip(
    comparison.names, comparison.mean, comparison.lower, comparison.upper, strict=True
):
    print(f"{name:<16} {mean:.2f} [{lower:.2f}, {upper:.2f}]")

# %%
# The bars are 95 % intervals for other speakers. With 10 speakers to judge on they are wide:
# `comparison.difference_lower` and `comparison.difference_upper`, paired on the same tasks, say
# more about which of two is better than bars that overlap.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(layout="constrained")
below, above = comparison.mean - comparison.lower, comparison.upper - comparison.mean
ax.errorbar(comparison.names, comparison.mean, yerr=[below, above], fmt="o", capsize=4)
ax.axhline(comparison.chance, linestyle=":", color="0.4", label="chance")
ax.set(ylabel="1-shot 5-way accuracy", ylim=(0, 1.02), title="The same tasks for all")
ax.legend(frameon=False)
plt.show()
