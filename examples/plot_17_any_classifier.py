"""
One recording each: which classifier?
=====================================

Behind a frozen encoder, any classifier can be fitted on one recording of each person. Do the usual
ones of scikit-learn do better than the nearest recording?
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
# The encoder learns from background speakers. The other speakers are embedded once.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=3).split(X, y))
encoder = make_pipeline(
    MFCC(), SiameseSpeakerEncoder(network__n_mixtures=16, max_epochs=3, random_state=0)
)
encoder.fit(X[background], y[background])
E, names = encoder.transform(X[new]), y[new]

# %%
# A splitter makes the tasks: each split enrolls one recording of k speakers, and tests another one
# of each. So `cross_val_score` evaluates every classifier on the same tasks.
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from sklearn_siamese_speaker import OneShotClassifier
from sklearn_siamese_speaker.model_selection import NShotKWaySplit

classifiers = {
    "OneShotClassifier": OneShotClassifier(metric="euclidean"),
    "k-NN": KNeighborsClassifier(n_neighbors=1),
    "logistic regression": LogisticRegression(C=100),
    "SVC, linear": SVC(kernel="linear"),
}
k_way = min(20, len(np.unique(names)))
means = {}
for n_shots in (1, 3):
    tasks = NShotKWaySplit(n_shots=n_shots, k_way=k_way, n_tasks=100, random_state=0)
    for name, classifier in classifiers.items():
        scores = cross_val_score(classifier, E, names, cv=tasks)
        means[n_shots, name] = scores.mean()
        print(f"{n_shots}-shot {k_way}-way, {name:20} {scores.mean():.3f}")

# %%
# With one recording of each person, all classifiers draw their borders in the middle between the
# recordings, and the accuracies are the same. With three recordings, the mean is enough: the
# encoder matters, and not the classifier. The one-shot classifier takes new people without a fit of
# all others, and can answer "unknown".
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for n_shots, marker in [(1, "o"), (3, "s")]:
    of_shots = [means[n_shots, name] for name in classifiers]
    ax.plot(of_shots, list(classifiers), marker, label=f"{n_shots}-shot")
ax.set(xlabel=f"accuracy, {k_way}-way", xlim=(0.5, 1))
ax.legend()
plt.show()
