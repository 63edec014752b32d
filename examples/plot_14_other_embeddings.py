"""
======================================================
How good are embeddings that come from somewhere else?
======================================================

A pretrained speaker encoder is usually a function from a waveform to a vector. Wrapped as a
transformer, it is evaluated with the same tasks as every other estimator, on speakers that were not
used in training.
"""

# %%
# The function to evaluate. Replace it by yours; it can call any network. This one needs no
# download: it is the average spectrum of the recording.

import numpy as np


def embed(waveform):
    """Return a vector for a waveform at 16 kHz."""
    spectrum = np.abs(np.fft.rfft(waveform))
    bands = np.array_split(spectrum[: len(spectrum) // 2], 60)
    return np.log([band.mean() for band in bands])


# %%
# `FunctionTransformer` turns it into a transformer with one row of output for each recording. For
# files, put :class:`~sklearn_siamese_speaker.RawAudio` before it, which reads, checks and resamples
# them.

from sklearn.preprocessing import FunctionTransformer


def embed_all(waveforms):
    """Return the embeddings of recordings as rows."""
    return np.stack([embed(np.ravel(waveform)) for waveform in waveforms])


other = FunctionTransformer(embed_all)

# %%
# Two more systems for comparison: the same function followed by a linear map that is learned on the
# training speakers, and the usual baseline, statistics of MFCCs.

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
# All systems solve the same 1-shot 5-way tasks with the same 10 of 40 speakers.

from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.model_selection import compare_representations

X, y = make_speakers(n_speakers=40, n_recordings=6, duration=1.0, random_state=0)
comparison = compare_representations(pipelines, X, y, unseen=0.25, k_way=5, n_tasks=500)
for name, mean, lower, upper in zip(
    comparison.names, comparison.mean, comparison.lower, comparison.upper, strict=True
):
    print(f"{name:<16} {mean:.2f} [{lower:.2f}, {upper:.2f}]")

# %%
# The bars are 95 % intervals over speakers. They are wide, because there are 10 speakers. To see
# which of two systems is better, use the intervals of the paired differences,
# `comparison.difference_lower` and `comparison.difference_upper`.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(layout="constrained")
below, above = comparison.mean - comparison.lower, comparison.upper - comparison.mean
ax.errorbar(comparison.names, comparison.mean, yerr=[below, above], fmt="o", capsize=4)
ax.axhline(comparison.chance, linestyle=":", color="0.4", label="chance")
ax.set(ylabel="1-shot 5-way accuracy", ylim=(0, 1.02), title="The same tasks for all")
ax.legend(frameon=False)
plt.show()
