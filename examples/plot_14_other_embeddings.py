"""
======================================================
How good are embeddings that come from somewhere else?
======================================================

A pretrained speaker encoder is usually a function from a waveform to a vector. Wrapped as a
transformer, it is evaluated with the same tasks as every other estimator, on speakers that were not
used in training.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, load_voices

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = load_voices(return_X_y=True)

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
# `FunctionTransformer` turns it into a transformer with one row of output for each recording.
# :class:`~sklearn_siamese_speaker.RawAudio` before it reads, checks and resamples the files.
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import RawAudio


def embed_all(waveforms):
    """Return the embeddings of recordings as rows."""
    return np.stack([embed(np.ravel(waveform)) for waveform in waveforms])


other = make_pipeline(RawAudio(), FunctionTransformer(embed_all))

# %%
# Two more systems for comparison: the same function followed by a discriminant that is learned on
# the training speakers, and the usual baseline, statistics of MFCCs.
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from sklearn_siamese_speaker import MFCC, FramePooling

discriminant = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.5)
pipelines = {
    "embed()": other,
    # A discriminant is a classifier, too. Followed by a step that changes nothing, it transforms.
    "embed() + discriminant": make_pipeline(other, discriminant, FunctionTransformer()),
    "MFCC statistics": make_pipeline(MFCC(), FramePooling()),
}

# %%
# All systems solve the same tasks, with the same third of the speakers.
from sklearn_siamese_speaker.model_selection import compare_representations

k_way = min(20, len(np.unique(y)) // 3)
comparison = compare_representations(pipelines, X, y, unseen=0.34, k_way=k_way, n_tasks=1000)
for name, mean, lower, upper in zip(
    comparison.names, comparison.mean, comparison.lower, comparison.upper, strict=True
):
    print(f"{name:<22} {mean:.2f} [{lower:.2f}, {upper:.2f}]")

# %%
# The bars are 95 % intervals over speakers. To see which of two systems is better, use the
# intervals of the paired differences, `comparison.difference_lower` and
# `comparison.difference_upper`. A discriminant makes even a poor embedding much better: try it
# behind yours before you train a network.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(layout="constrained")
below, above = comparison.mean - comparison.lower, comparison.upper - comparison.mean
ax.errorbar(comparison.names, comparison.mean, yerr=[below, above], fmt="o", capsize=4)
ax.axhline(comparison.chance, linestyle=":", color="0.4", label="chance")
ax.set(ylabel=f"1-shot {k_way}-way accuracy", ylim=(0, 1.02), title="The same tasks for all")
ax.legend(frameon=False)
plt.show()
