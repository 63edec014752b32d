"""
Searching the whole pipeline
============================

How many cepstral coefficients, which distance? We search front end and network together, and
evaluate every candidate on speakers that it was not trained on.
"""

# %%
import os

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=24, n_recordings=5, duration=0.7, random_state=0)

# %%
# A third of the speakers is not used in the search, but for the final test.
from sklearn_siamese_speaker.model_selection import SpeakerKFold

searched, held_out = next(SpeakerKFold(n_splits=3).split(X, y))

# %%
# In each fold, the scorer gives all candidates the same tasks. With `memory`, the front end
# extracts each recording once for each of its settings.
import tempfile

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import NShotKWayScorer

encoder = SiameseSpeakerEncoder(
    "tdnn", network__filters=(16, 24, 32), network__embedding_dim=32, max_epochs=4, random_state=0
)
cache = tempfile.TemporaryDirectory()
search = GridSearchCV(
    Pipeline([("mfcc", MFCC(memory=cache.name)), ("encoder", encoder)]),
    {"mfcc__n_mfcc": [13, 40], "encoder__metric": ["euclidean", "cosine"]},
    scoring=NShotKWayScorer(n_shots=1, k_way=5, n_tasks=300),
    cv=SpeakerKFold(2),
    error_score="raise",
)
search.fit(X[searched], y[searched])
print(search.best_params_)

# %%
import matplotlib.pyplot as plt

results = search.cv_results_
names = [f"{p['mfcc__n_mfcc']} coefficients\n{p['encoder__metric']}" for p in results["params"]]
fig, ax = plt.subplots()
ax.errorbar(names, results["mean_test_score"], yerr=results["std_test_score"], fmt="o", capsize=4)
ax.axhline(1 / 5, linestyle=":", color="0.4", label="chance")
ax.set(ylabel="accuracy, 1-shot 5-way", ylim=(0, 1))
ax.legend()

# %%
# The best candidate was chosen by its score, so this score is too optimistic. The speakers that
# were not used in the search show what to expect:
print(f"{search.score(X[held_out], y[held_out]):.2f}")
cache.cleanup()
plt.show()
