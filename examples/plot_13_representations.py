"""
Which representation of sound?
==============================

The case study fed its network with raw audio, MFCC and VGGish embeddings. Here the same network
learns from several representations, and all are judged by the same tasks among speakers that none
of them was trained on.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=60, n_recordings=6, duration=1.0, random_state=0)

# %%
# One pipeline for each. VGGish would be one more, ``make_pipeline(VGGish(), encoder)``; its weights
# are a download of 289 MB, and with random ones its accuracy would mean nothing.
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, LogMelSpectrogram, RawAudio, SiameseSpeakerEncoder

encoder = SiameseSpeakerEncoder(
    "cnn1d", filters=(32, 48, 64), embedding_dim=64, max_epochs=15, random_state=0
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
# A point for each representation: how many values it makes of 3 s of sound, and how well the
# network recognises from them. The bars are 95 % intervals for other speakers.
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import RepresentationDisplay
from sklearn_siamese_speaker.model_selection import compare_representations

comparison = compare_representations(pipelines, X, y, k_way=5, n_tasks=300)
RepresentationDisplay(comparison).plot()
plt.show()

# %%
# The differences to the best are known better than the accuracies, for the tasks are the same.
for i, name in enumerate(comparison.names):
    print(
        f"{name:18}{comparison.n_values[i]:7,} values  accuracy {comparison.mean[i]:.2f}  "
        f"difference {comparison.difference[i]:+.2f} "
        f"[{comparison.difference_lower[i]:+.2f}, {comparison.difference_upper[i]:+.2f}]  "
        f"trained in {comparison.fit_seconds[i]:.0f} s"
    )

# %%
# Synthetic voices and seconds of training say nothing about people. Real speech is compared in the
# user guide, :doc:`/representations`.
