"""
Enrolling colleagues, rejecting strangers
=========================================

Some colleagues are enrolled, but other people speak, too. When should the answer be "unknown"?
"""

# %%
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, load_voices

X, y = load_voices(return_X_y=True)
if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X_own, y_own = load_speaker_folder(folder, return_X_y=True)
    n_own = len(np.unique(y_own))
    if n_own >= 60:
        X, y = X_own, y_own
    else:
        print(f"The four groups take 60 speakers, the folder has {n_own}: the package's are used.")

# %%
# Four groups of different people: background speakers, colleagues, strangers for the choice of the
# threshold, and strangers for the test. The third group is large, because it takes many people to
# observe a rare error.
speakers = np.random.default_rng(0).permutation(np.unique(y))
background, colleagues, calibration, strangers = (
    np.flatnonzero(np.isin(y, group))
    for group in np.split(speakers, (np.array([0.35, 0.42, 0.8]) * len(speakers)).astype(int))
)

# %%
# Each colleague is enrolled with two recordings.
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, OneShotClassifier, SiameseSpeakerEncoder

encoder = make_pipeline(
    MFCC(), SiameseSpeakerEncoder(network__n_mixtures=16, max_epochs=3, random_state=0)
)
encoder.fit(X[background], y[background])
first = np.unique(y[colleagues], return_index=True)[1]
enrolled = colleagues[np.concatenate([first, first + 1])]
asking = np.setdiff1d(colleagues, enrolled)
who = OneShotClassifier(FrozenEstimator(encoder)).fit(X[enrolled], y[enrolled])

# %%
# A recording is compared with all enrolled people, and the highest similarity counts. So more
# strangers are accepted when more people are enrolled; the calibration enrolls the same number.
who.calibrate_threshold(X[calibration], y[calibration], target_far=0.05)
print(
    f"strangers accepted in the calibration: {who.calibration_['false_accept_rate']:.1%}, "
    f"for other strangers at most {who.calibration_['false_accept_bound']:.1%}"
)

# %%
import matplotlib.pyplot as plt

best = {
    name: who.similarities(X[rows]).max(axis=1)
    for name, rows in {"colleagues": asking, "strangers": strangers}.items()
}
fig, ax = plt.subplots()
bins = np.histogram_bin_edges(np.concatenate(list(best.values())), 25)
for name, similarities in best.items():
    ax.hist(similarities, bins, alpha=0.6, label=name, density=True)
ax.axvline(who.threshold, color="k", linestyle="--", label="threshold")
ax.set(xlabel="similarity to the best of the enrolled speakers", ylabel="density")
ax.legend()

# %%
# Three kinds of errors: strangers accepted as somebody, colleagues rejected, colleagues confused
# with each other. A higher threshold accepts fewer strangers and rejects more colleagues. Only a
# better encoder makes both errors smaller.
answers, truth = who.predict(X[asking]), y[asking]
print(f"strangers accepted:  {np.mean(who.predict(X[strangers]) != 'unknown'):.0%}")
print(f"colleagues rejected: {np.mean(answers == 'unknown'):.0%}")
print(f"colleagues confused: {np.mean((answers != truth) & (answers != 'unknown')):.0%}")

# %%
# Colleagues are hardly ever confused with each other. It is harder to refuse strangers: a threshold
# for that also rejects colleagues.
#
# A colleague leaves, and another one joins. Nothing is trained, and the similarities of the others
# do not change.
leaving, coming = who.classes_[0], y[strangers][0]
who.forget([leaving])
who.partial_fit(X[strangers][y[strangers] == coming][:2], [coming] * 2)
print(f"{leaving} left, {coming} came: {len(who.classes_)} colleagues")
plt.show()
