"""
Seen against unseen speakers
============================

How much better does a network recognize the people that it was trained on? An evaluation that
splits recordings instead of speakers hides this difference.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=40, n_recordings=5, duration=1.0, random_state=0)

# %%
# One training and two tests: one with other recordings of the training speakers, one with other
# speakers.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import SeenUnseenSplit, seen_unseen_score

pipeline = make_pipeline(
    MFCC(),
    SiameseSpeakerEncoder(
        "tdnn",
        network__filters=(32, 48, 64),
        network__embedding_dim=64,
        max_epochs=15,
        random_state=0,
    ),
)
cv = SeenUnseenSplit(unseen_size=0.4, seen_size=0.4, random_state=0)
scores = seen_unseen_score(pipeline, X, y, cv=cv, k_way=5, n_tasks=500, random_state=0)

# %%
# The bars are 95 % intervals over speakers.
import matplotlib.pyplot as plt

fig, ax = plt.subplots()
for name in ("seen", "unseen"):
    score = scores[name]
    ax.errorbar(
        [f"{name} speakers"],
        [score.mean],
        yerr=[[score.mean - score.lower], [score.upper - score.mean]],
        fmt="o",
        capsize=5,
    )
ax.axhline(1 / 5, linestyle=":", color="0.4", label="chance")
ax.set(ylabel="accuracy, 1-shot 5-way", ylim=(0, 1.02), xlim=(-0.5, 1.5))
ax.legend()
plt.show()
