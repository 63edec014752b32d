"""
Is it the same voice? DET curve and calibration
===============================================

Are two recordings of one speaker? The answer is a log-likelihood ratio. A threshold turns it into a
decision, with two kinds of errors.
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
# Three groups of speakers: background, calibration, test. Two encoders learn from the first, and
# all pairs of recordings of each other group are its trials.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder, SpeakerVerifier
from sklearn_siamese_speaker.metrics import make_trials

speakers = np.random.default_rng(0).permutation(np.unique(y))
background, calibration, test = (np.isin(y, group) for group in np.array_split(speakers, 3))
encoders = {
    "Siamese": SiameseSpeakerEncoder(network__n_mixtures=16, max_epochs=3, random_state=0),
    "MFCC statistics": FramePooling(),
}
known, new, verifiers = {}, {}, {}
for name, encoder in encoders.items():
    pipeline = make_pipeline(MFCC(), encoder).fit(X[background], y[background])
    known[name], new[name] = (
        make_trials(pipeline.transform(X[rows]), y[rows]) for rows in (calibration, test)
    )
    verifiers[name] = SpeakerVerifier(pipeline)

# %%
# The verifier learns the threshold of equal errors. We also pass the speakers of the trials: a few
# people make many pairs, which are not independent. The bounds of the errors take this into
# account.
for name, verifier in verifiers.items():
    verifier.fit(known[name].data, known[name].target, speakers=known[name].speakers)
    print(
        f"{name}: false accepts {verifier.false_accept_rate_:.1%}, at most "
        f"{verifier.false_accept_bound_:.1%}; false rejects {verifier.false_reject_rate_:.1%}, at "
        f"most {verifier.false_reject_bound_:.1%}"
    )

# %%
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import TrialScoreDisplay

verifier, trials = verifiers["Siamese"], new["Siamese"]
TrialScoreDisplay.from_estimator(verifier, trials.data, trials.target)

# %%
# The DET curve shows the two errors for all thresholds. It is scikit-learn's own.
from sklearn.metrics import DetCurveDisplay

ratios = {name: verifiers[name].log_likelihood_ratio(new[name].data) for name in encoders}
fig, ax = plt.subplots()
for name in encoders:
    DetCurveDisplay.from_predictions(new[name].target, ratios[name], name=name, ax=ax)

# %%
# Calibration: among the trials with the same ratio, how much more frequent are those of one speaker
# than those of two? The logarithm of that should be the ratio that the verifier states.
of_siamese, is_same = ratios["Siamese"], trials.target == 1
edges = np.quantile(of_siamese[is_same], np.linspace(0, 1, 11))
n_target = np.histogram(of_siamese[is_same], edges)[0] / is_same.sum()
n_other = np.histogram(of_siamese[~is_same], edges)[0] / (~is_same).sum()
fig, ax = plt.subplots()
is_counted = (n_target > 0) & (n_other > 0)
stated, measured = (
    (edges[1:] + edges[:-1])[is_counted] / 2,
    n_target[is_counted] / n_other[is_counted],
)
ax.plot(stated, np.log(measured), "o-")
ax.axline((0, 0), slope=1, linestyle=":", color="0.4")
ax.set(xlabel="log-likelihood ratio stated", ylabel="log-likelihood ratio measured")

# %%
# `cllr` is the cost of the log-likelihood ratios. `min_cllr` is the cost that would be left after a
# perfect calibration. The difference is the loss by calibration. It is small: most of the cost is
# the encoder's, and the network has less of it than the statistics.
from sklearn_siamese_speaker.metrics import cllr, equal_error_rate, min_cllr

for name, values in ratios.items():
    print(
        f"{name}: equal error rate {equal_error_rate(trials.target, values):.1%}, cllr "
        f"{cllr(trials.target, values):.3f}, min_cllr {min_cllr(trials.target, values):.3f}"
    )
plt.show()
