"""How often the confidence bounds of SpeakerVerifier cover the true error rates.

Every calibration draws new trials from a model whose error rates at any threshold are known, and
fits a verifier. The bounds are meant for 95 %. Usage: python benchmarks/coverage.py [repetitions]
"""

import sys

import numpy as np
from scipy import stats

from sklearn_siamese_speaker import SpeakerVerifier
from sklearn_siamese_speaker.metrics import error_rate_bound, make_trials

TARGETS = ("eer", 0.02, 0.05, 0.1)


def score_threshold(verifier):
    return (verifier.threshold_ - verifier.intercept_) / verifier.coef_[0]


def calibrate_on_independent_trials(rng, target, n_targets=100, n_non_targets=500, distance=2.5):
    """Return the fitted verifier, its true error rates, and its errors on non-target trials."""
    y = np.repeat([1, 0], [n_targets, n_non_targets])
    scores = (distance * y + rng.normal(size=len(y)))[:, np.newaxis]
    verifier = SpeakerVerifier(target=target).fit(scores, y)
    threshold = score_threshold(verifier)
    truth = stats.norm.sf(threshold), stats.norm.cdf(threshold - distance)
    return verifier, truth, verifier.predict(scores)[y == 0] == 1


def calibrate_on_all_pairs(rng, target, n_speakers=20, n_recordings=4, n_dims=10, spread=0.6):
    """Do the same with normal speakers and recordings, whose squared distance is chi-squared."""
    y = np.repeat(np.arange(n_speakers), n_recordings)
    X = rng.normal(size=(n_speakers, n_dims))[y] + spread * rng.normal(size=(len(y), n_dims))
    trials = make_trials(X, y)
    verifier = SpeakerVerifier(target=target)
    verifier.fit(trials.data, trials.target, speakers=trials.speakers)
    square = score_threshold(verifier) ** 2
    far = stats.chi2.cdf(square / (2 * (1 + spread**2)), n_dims)
    frr = stats.chi2.sf(square / (2 * spread**2), n_dims)
    return verifier, (far, frr), verifier.predict(trials.data)[trials.target == 0] == 1


def measure(calibrate, target, repetitions, **model):
    rng = np.random.default_rng(0)
    covered, bounds = [], []
    for _ in range(repetitions):
        verifier, (far, frr), errors = calibrate(rng, target, **model)
        bound = verifier.false_accept_bound_, verifier.false_reject_bound_
        covered.append((bound[0] >= far, bound[1] >= frr, error_rate_bound(errors) >= far))
        bounds.append((far, bound[0], frr, bound[1]))
    return [*np.mean(covered, axis=0), *np.median(bounds, axis=0)]


def main(repetitions=1000):
    models = [
        ("100 + 500 independent trials", calibrate_on_independent_trials, {}),
        ("all pairs, 20 x 4", calibrate_on_all_pairs, {}),
        ("all pairs, 20 x 4, 50 dims", calibrate_on_all_pairs, {"n_dims": 50, "spread": 1.0}),
        ("all pairs, 40 x 2", calibrate_on_all_pairs, {"n_speakers": 40, "n_recordings": 2}),
    ]
    columns = "FA cov.", "FR cov.", "FA pairs", "FAR", "bound", "FRR", "bound"
    print(f"{repetitions} calibrations; coverage of the two reported bounds and of Clopper-Pearson")
    print("over all non-target trials; median true error rates and reported bounds")
    print(f"{'trials':30}{'target':>8}", *(f"{name:>9}" for name in columns))
    for name, calibrate, model in models:
        for target in TARGETS:
            row = measure(calibrate, target, repetitions, **model)
            print(f"{name:30}{target:>8}", *(f"{value:9.3f}" for value in row), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
