"""
Is it the same voice? DET curve and calibration
===============================================

Are two recordings of one speaker? The answer is a log-likelihood ratio. A threshold turns it into a
decision, with two kinds of errors.
"""

# %%
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=60, n_recordings=4, duration=1.0, n_sessions=1, random_state=0)

# %%
# Three groups of speakers: background, calibration, test.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SpeakerVerifier
from sklearn_siamese_speaker.metrics import make_trials

background, calibration, test = (
    np.isin(y, group) for group in np.array_split(np.unique(y), [20, 40])
)
encoder = make_pipeline(MFCC(), FramePooling()).fit(X[background])
known, new = (make_trials(encoder.transform(X[rows]), y[rows]) for rows in (calibration, test))

# %%
# We also pass the speakers of the trials. 20 people make many pairs, which are not independent; the
# bounds of the errors take this into account.
verifier = SpeakerVerifier(encoder, target=0.05)
verifier.fit(known.data, known.target, speakers=known.speakers)
print(
    f"false accepts  {verifier.false_accept_rate_:.1%}, at most {verifier.false_accept_bound_:.1%}"
)
print(
    f"false rejects  {verifier.false_reject_rate_:.1%}, at most {verifier.false_reject_bound_:.1%}"
)

# %%
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import TrialScoreDisplay

TrialScoreDisplay.from_estimator(verifier, new.data, new.target)

# %%
# The DET curve shows the two errors for all thresholds. It is scikit-learn's own.
from sklearn.metrics import DetCurveDisplay

ratios = verifier.log_likelihood_ratio(new.data)
DetCurveDisplay.from_predictions(new.target, ratios, name="new speakers")

# %%
# Calibration: among the trials with the same probability, how many are of one speaker? Both classes
# have the same weight here, which is a prior probability of 1/2.
from scipy.special import expit

edges = np.quantile(ratios[new.target == 1], np.linspace(0, 1, 7))
n_target = np.histogram(ratios[new.target == 1], edges)[0] / (new.target == 1).sum()
n_other = np.histogram(ratios[new.target == 0], edges)[0] / (new.target == 0).sum()
fig, ax = plt.subplots()
ax.plot(expit((edges[1:] + edges[:-1]) / 2), n_target / (n_target + n_other), "o-")
ax.plot([0, 1], [0, 1], ":", color="0.4")
ax.set(xlabel="probability stated", ylabel="share that is of one speaker", aspect="equal")

# %%
# `cllr` is the cost of the log-likelihood ratios. `min_cllr` is the cost that would be left after a
# perfect calibration. The difference is the loss by calibration.
from sklearn_siamese_speaker.metrics import cllr, equal_error_rate, min_cllr

print(f"equal error rate {equal_error_rate(new.target, ratios):.1%} of {len(ratios)} trials")
print(f"cllr {cllr(new.target, ratios):.3f}, min_cllr {min_cllr(new.target, ratios):.3f}")
plt.show()
