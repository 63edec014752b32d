"""How often bounds and intervals for other speakers cover the true rates. They are meant for 95 %.

Every calibration of a SpeakerVerifier or OneShotClassifier draws new recordings from a population
whose error rates at any threshold are known; every evaluation draws new speakers, and its true
accuracy is the mean of all evaluations. Usage: python benchmarks/bounds.py [repetitions]
"""

import sys

import numpy as np
from scipy import stats
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import OneShotClassifier, SpeakerVerifier
from sklearn_siamese_speaker.metrics import error_rate_bound, make_trials
from sklearn_siamese_speaker.model_selection import (
    _intervals,
    n_shot_k_way_curve,
    paired_difference,
)

TARGETS = ("eer", 0.02, 0.05, 0.1)

# The share of speakers that are close together, and how near to each other they are.
EVEN, CLOSE, VERY_CLOSE, FEW_CLOSE = (0.0, 1.0), (0.15, 0.2), (0.15, 0.05), (0.1, 0.2)
N_DIMS, SPREAD = 8, 0.5  # of the embeddings of all open-set populations


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


def draw_speakers(rng, population, n_speakers, n_recordings):
    share, nearness = population
    y = np.repeat(np.arange(n_speakers), n_recordings)
    scale = np.where(rng.random(n_speakers) < share, nearness, 1.0)
    speakers = scale[:, np.newaxis] * rng.normal(size=(n_speakers, N_DIMS))
    return speakers[y] + SPREAD * rng.normal(size=(len(y), N_DIMS)), y


def sort_highest_similarities(rng, population, n_enrolled, n_draws=500, n_unknown=200):
    """Return the highest similarity of many unknown recordings to one recording of each speaker."""
    highest = []
    for _ in range(n_draws):
        X, _ = draw_speakers(rng, population, n_enrolled + n_unknown, 1)
        distances = np.linalg.norm(X[n_enrolled:, np.newaxis] - X[:n_enrolled], axis=2)
        highest.append(-distances.min(axis=1))
    return np.sort(np.concatenate(highest))


def measure_open_set(population, n_speakers, n_recordings, n_enrolled, target, repetitions):
    """Return coverage, median true false-accept rate and median bound, of 1-shot thresholds."""
    rng = np.random.default_rng(0)
    highest = sort_highest_similarities(rng, population, n_enrolled)
    who = OneShotClassifier().fit(np.zeros((n_enrolled, N_DIMS)), np.arange(n_enrolled))
    rates, bounds = np.empty((2, repetitions))
    for i in range(repetitions):
        X, y = draw_speakers(rng, population, n_speakers, n_recordings)
        who.calibrate_threshold(X, y, target)
        rates[i] = 1 - np.searchsorted(highest, who.threshold) / len(highest)
        bounds[i] = who.calibration_["false_accept_bound"]
    return np.mean(rates <= bounds), np.median(rates), np.median(bounds)


def draw_two_systems(rng, n_speakers, noise, n_recordings=6, n_dims=6):
    """Return the embeddings of two systems, the second less noisy; some speakers are harder."""
    y = np.repeat(np.arange(n_speakers), n_recordings)
    speakers = rng.normal(size=(n_speakers, n_dims))[y]
    difficulty = np.exp(0.5 * rng.normal(size=n_speakers))[y, np.newaxis]
    noises = (scale * difficulty * rng.normal(size=speakers.shape) for scale in (1.0, 0.8))
    return [speakers + noise * own for own in noises], y


def measure_intervals(n_speakers, noise, repetitions):
    """Return accuracy, coverage and median width of its interval, and of that of a difference."""
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(repetitions):
        systems, y = draw_two_systems(rng, n_speakers, noise)
        identity = FunctionTransformer().fit(systems[0])
        first, second = (
            n_shot_k_way_curve(identity, X, y, k_ways=[5], n_shots=[1], n_tasks=100)
            for X in systems
        )
        paired = paired_difference(second, first)
        cells = first.mean, first.lower, first.upper, paired.difference, paired.lower, paired.upper
        rows.append([cell.item() for cell in cells])
    accuracy, lower, upper, difference, difference_lower, difference_upper = np.transpose(rows)
    return [
        accuracy.mean(),
        *coverage_and_width(lower, upper, accuracy.mean()),
        *coverage_and_width(difference_lower, difference_upper, difference.mean()),
    ]


def coverage_and_width(lower, upper, truth):
    return np.mean((lower <= truth) & (truth <= upper)), np.median(upper - lower)


def report_verification(repetitions):
    models = [
        ("100 + 500 independent trials", calibrate_on_independent_trials, {}),
        ("all pairs, 20 x 4", calibrate_on_all_pairs, {}),
        ("all pairs, 20 x 4, 50 dims", calibrate_on_all_pairs, {"n_dims": 50, "spread": 1.0}),
        ("all pairs, 40 x 2", calibrate_on_all_pairs, {"n_speakers": 40, "n_recordings": 2}),
    ]
    columns = "FA cov.", "FR cov.", "FA pairs", "FAR", "bound", "FRR", "bound"
    print("Verification: coverage of the two reported bounds and of Clopper-Pearson over all")
    print("non-target trials; median true error rates and reported bounds")
    print(f"{'trials':30}{'target':>8}", *(f"{name:>9}" for name in columns))
    for name, calibrate, model in models:
        for target in TARGETS:
            row = measure(calibrate, target, repetitions, **model)
            print(f"{name:30}{target:>8}", *(f"{value:9.3f}" for value in row), flush=True)


def report_open_set(repetitions):
    populations = [
        ("even", EVEN, 30, 4, 5, 0.05),
        ("15 % close together", CLOSE, 30, 4, 5, 0.05),
        ("15 % close together", CLOSE, 30, 4, 5, 0.1),
        ("15 % very close together", VERY_CLOSE, 30, 4, 5, 0.05),
        ("10 % close together", FEW_CLOSE, 30, 4, 5, 0.05),
        ("even", EVEN, 60, 4, 5, 0.02),
        ("15 % close together", CLOSE, 60, 4, 5, 0.02),
        ("10 % close together", FEW_CLOSE, 60, 4, 5, 0.02),
        ("15 % close together", CLOSE, 60, 4, 10, 0.05),
    ]
    print("\nOpen set: coverage of the false-accept bound; median true rate and bound")
    print(f"{'population':26}{'speakers':>9}{'enrolled':>9}{'target':>8}", end=" ")
    print(*(f"{name:>9}" for name in ("coverage", "FAR", "bound")))
    for name, population, n_speakers, n_recordings, n_enrolled, target in populations:
        row = measure_open_set(
            population, n_speakers, n_recordings, n_enrolled, target, repetitions
        )
        print(f"{name:26}{n_speakers:9}{n_enrolled:9}{target:8}", end=" ")
        print(*(f"{value:9.3f}" for value in row), flush=True)


def report_intervals(repetitions):
    print(
        "\nEvaluation, 1-shot 5-way: coverage and median width of the interval of an accuracy and"
    )
    print("and of a difference, also for fewer speakers than the library gives an interval for")
    _intervals.MIN_SPEAKERS = 2
    columns = "accuracy", "coverage", "width", "diff.cov.", "width"
    print(f"{'speakers':>9}", *(f"{name:>9}" for name in columns))
    for noise in (1.0, 0.5, 0.3):
        for n_speakers in (5, 8, 10, 15, 20, 50):
            row = measure_intervals(n_speakers, noise, repetitions)
            print(f"{n_speakers:9}", *(f"{value:9.3f}" for value in row), flush=True)


def main(repetitions=1000):
    error = 1.96 * np.sqrt(0.95 * 0.05 / repetitions)
    print(f"{repetitions} repetitions: a coverage of 0.95 is measured to +- {error:.3f}\n")
    report_verification(repetitions)
    report_open_set(repetitions)
    report_intervals(repetitions)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
