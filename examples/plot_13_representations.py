"""
Which representation of sound?
==============================

The case study used raw audio, MFCC and VGGish embeddings as the input of its network. Here, one
network is trained on several representations, and all are evaluated with the same tasks on speakers
that were not used in training.
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
# One pipeline for each representation, with the same network behind it: "cnn1d" takes the samples
# of raw audio through a filter bank that it learns, and frames directly. We leave VGGish out,
# because its weights are a download of 289 MB.
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, LogMelSpectrogram, RawAudio, SiameseSpeakerEncoder

encoder = SiameseSpeakerEncoder(
    "cnn1d", network__filters=(32, 48, 64), network__embedding_dim=64, max_epochs=20, random_state=0
)
front_ends = {
    "raw audio, 4 kHz": RawAudio(sample_rate=4000),
    "MFCC": MFCC(),
    "log-mel": LogMelSpectrogram(),
}
pipelines = {
    name: make_pipeline(front_end, clone(encoder)) for name, front_end in front_ends.items()
}

# %%
# Each point is a representation: the number of values for 3 s of sound, and the accuracy of the
# network. The bars are 95 % intervals over speakers.
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import RepresentationDisplay
from sklearn_siamese_speaker.model_selection import compare_representations

k_way = min(5, len(np.unique(y)) // 4)
comparison = compare_representations(pipelines, X, y, unseen=0.34, k_way=k_way, n_tasks=1000)
RepresentationDisplay(comparison).plot()
plt.show()

# %%
# The differences to the best representation have narrower intervals than the accuracies, because
# the tasks are the same.
for i, name in enumerate(comparison.names):
    print(
        f"{name:18}{comparison.n_values[i]:7,} values  accuracy {comparison.mean[i]:.2f}  "
        f"difference {comparison.difference[i]:+.2f} "
        f"[{comparison.difference_lower[i]:+.2f}, {comparison.difference_upper[i]:+.2f}]  "
        f"trained in {comparison.fit_seconds[i]:.0f} s"
    )

# %%
# Frames of the spectrum are ahead of raw audio: with few recordings, a network does not learn a
# filter bank as good as the mel scale. :ref:`results_representations` has
# the comparison after minutes.
