"""
Searching the whole pipeline
============================

How long a fragment, which sampling rate, which network, how much training, which distance? One grid
searches all of them together, and evaluates every candidate on speakers that it was not trained on.
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
# The recordings of the search are paths: each candidate reads them in its own way. Of the speakers,
# a third is kept out of the search, for the final test.
from sklearn_siamese_speaker.model_selection import SpeakerKFold

searched, held_out = next(SpeakerKFold(n_splits=3).split(X, y))
X[searched][:2]

# %%
# The scorer gives all candidates the same tasks. With `memory`, the front end extracts each
# recording once for each of its settings. The networks are small, and their training is short.
import tempfile

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import NShotKWayScorer

grid = {
    "mfcc__duration": [1.0, 2.0],  # seconds
    "mfcc__sample_rate": [8000, 16000],  # Hz
    "encoder__network": ["cnn2d", "tdnn"],
    "encoder__max_epochs": [1, 3],
    "encoder__metric": ["euclidean", "cosine"],
}
k_way = min(5, len(np.unique(y[searched])) // 2)
encoder = SiameseSpeakerEncoder(network__filters=(16, 24, 32), random_state=0)
cache = tempfile.TemporaryDirectory()
search = GridSearchCV(
    Pipeline([("mfcc", MFCC(memory=cache.name)), ("encoder", encoder)]),
    grid,
    scoring=NShotKWayScorer(n_shots=1, k_way=k_way, n_tasks=300),
    cv=SpeakerKFold(2),
    error_score="raise",
)
search.fit(X[searched], y[searched])
print(search.best_params_)

# %%
# What does each choice bring? Each point is the mean over all candidates that share a value.
import matplotlib.pyplot as plt

results = search.cv_results_
fig, axes = plt.subplots(1, len(grid), sharey=True, figsize=(10, 3), layout="constrained")
for ax, (name, values) in zip(axes, grid.items(), strict=True):
    of_value = [results["mean_test_score"][results[f"param_{name}"] == value] for value in values]
    ax.plot([str(value) for value in values], [np.mean(scores) for scores in of_value], "o-")
    ax.set(xlabel=name.split("__")[1], xlim=(-0.5, 1.5))
axes[0].set_ylabel(f"accuracy, 1-shot {k_way}-way")

# %%
# The network and the length of the fragments matter most here, the distance least. The best
# candidate was chosen by its score, so this score is too optimistic; the speakers that were not
# used in the search show what to expect.
print(f"in the search {search.best_score_:.2f}, on other speakers", end=" ")
print(f"{search.score(X[held_out], y[held_out]):.2f}")
cache.cleanup()
plt.show()
