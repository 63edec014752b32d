"""Tests of SpeakerVerifier."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_siamese_speaker import OneShotClassifier, SpeakerVerifier
from sklearn_siamese_speaker.metrics import (
    adaptive_s_norm,
    cllr,
    equal_error_rate,
    error_rate_bound,
    make_trials,
    min_cllr,
)


def make_embeddings(n_speakers=20, n_recordings=4, n_dims=10, spread=0.6, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), n_recordings)
    return rng.normal(size=(n_speakers, n_dims))[y] + spread * rng.normal(size=(len(y), n_dims)), y


def make_scores(n_targets=100, n_non_targets=400, n_scores=1, distance=2.5, seed=0):
    """Draw independent trials; the distance between the two normal distributions is `distance`."""
    rng = np.random.default_rng(seed)
    y = np.repeat([1, 0], [n_targets, n_non_targets])
    return distance * y[:, np.newaxis] + rng.normal(size=(len(y), n_scores)), y


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_pairs_are_compared_by_the_metric(metric):
    X, y = make_embeddings()
    trials = make_trials(X, y)
    first, second = trials.data[:, 0], trials.data[:, 1]
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    scores = {
        "euclidean": -np.sqrt(((first - second) ** 2).sum(axis=1)),
        "manhattan": -np.abs(first - second).sum(axis=1),
        "cosine": (first * second).sum(axis=1) / lengths,
    }[metric]
    by_pairs = SpeakerVerifier(metric=metric).fit(trials.data, trials.target)
    by_scores = SpeakerVerifier().fit(scores[:, np.newaxis], trials.target)
    assert by_pairs.metric_ == metric
    assert by_pairs.coef_[0] > 0
    ratios = by_scores.log_likelihood_ratio(scores[:, np.newaxis])
    assert by_pairs.log_likelihood_ratio(trials.data) == pytest.approx(ratios, rel=1e-4)


def test_a_trial_does_not_depend_on_the_others_or_on_the_order_of_its_recordings():
    X, y = make_embeddings()
    trials = make_trials(X, y)
    verifier = SpeakerVerifier().fit(trials.data, trials.target)
    ratios = verifier.log_likelihood_ratio(trials.data)
    alone = [verifier.log_likelihood_ratio(trials.data[i : i + 1])[0] for i in range(50)]
    assert np.array_equal(ratios[:50], alone)
    assert np.array_equal(ratios, verifier.log_likelihood_ratio(trials.data[:, ::-1]))


def test_log_likelihood_ratios_are_those_of_the_two_distributions():
    # N(0, 1) and N(d, 1): the ratio is d * score - d^2 / 2.
    scores, y = make_scores(5_000, 20_000, distance=2.0)
    verifier = SpeakerVerifier().fit(scores, y)
    assert verifier.coef_ == pytest.approx(2.0, abs=0.1)
    assert verifier.intercept_ == pytest.approx(-2.0, abs=0.1)
    other, y_other = make_scores(5_000, 20_000, distance=2.0, seed=1)
    ratios = verifier.log_likelihood_ratio(other)
    assert cllr(y_other, ratios) == pytest.approx(min_cllr(y_other, ratios), abs=0.01)


@pytest.mark.parametrize("prior", [0.5, 0.05])
def test_the_calibration_minimises_the_weighted_cross_entropy_of_softened_labels(prior):
    scores, y = make_scores(30, 50)
    score = scores[:, 0]

    def cross_entropy(parameters):
        log_odds = parameters[0] * score + parameters[1] + np.log(prior / (1 - prior))
        accept, reject = np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)
        targets = (31 * accept + reject)[y == 1].sum() / 32 / 30
        non_targets = (51 * reject + accept)[y == 0].sum() / 52 / 50
        return prior * targets + (1 - prior) * non_targets

    expected = minimize(cross_entropy, [1.0, 0.0], tol=1e-10).x
    verifier = SpeakerVerifier(prior=prior).fit(scores, y)
    assert [verifier.coef_[0], verifier.intercept_] == pytest.approx(expected, abs=1e-3)


def test_separated_scores_promise_no_more_than_their_number_supports():
    y = np.repeat([0, 1], 50)
    verifier = SpeakerVerifier().fit(y[:, np.newaxis], y)
    assert verifier.log_likelihood_ratio([[0.0], [1.0]]) == pytest.approx([-np.log(51), np.log(51)])
    assert verifier.false_accept_rate_ == verifier.false_reject_rate_ == 0
    assert verifier.false_accept_bound_ == pytest.approx(1 - 0.05 ** (1 / 50))


def test_fusing_two_systems_is_better_than_either():
    scores, y = make_scores(n_scores=2, distance=1.5)
    other, y_other = make_scores(n_scores=2, distance=1.5, seed=1)
    fused = SpeakerVerifier().fit(scores, y)
    eer = equal_error_rate(y_other, fused.log_likelihood_ratio(other))
    assert fused.coef_.shape == (2,)
    # The distance of the sum is larger by sqrt(2): EER 14.4 % instead of 22.7 %.
    assert eer < min(equal_error_rate(y_other, system) for system in other.T) - 0.04


def test_a_score_that_says_nothing_more_does_not_hurt():
    scores, y = make_scores()
    copied = np.column_stack([scores, scores, np.ones(len(y))])
    expected = SpeakerVerifier().fit(scores, y).log_likelihood_ratio(scores)
    fused = SpeakerVerifier().fit(copied, y).log_likelihood_ratio(copied)
    assert fused == pytest.approx(expected, abs=1e-3)


def test_the_equal_error_target_balances_the_two_rates():
    scores, y = make_scores(400, 400)
    verifier = SpeakerVerifier(target="eer").fit(scores, y)
    accepted = verifier.predict(scores) == 1
    assert verifier.false_accept_rate_ == accepted[y == 0].mean()
    assert verifier.false_reject_rate_ == (~accepted)[y == 1].mean()
    eer = equal_error_rate(y, scores[:, 0])
    assert verifier.false_accept_rate_ == pytest.approx(eer, abs=1 / 400)
    assert verifier.false_reject_rate_ == pytest.approx(eer, abs=1 / 400)


def test_a_false_accept_target_is_met_and_used_up():
    scores, y = make_scores()
    verifier = SpeakerVerifier(target=0.05).fit(scores, y)
    assert verifier.false_accept_rate_ == 20 / 400
    assert (verifier.predict(scores)[y == 0] == 1).mean() == 20 / 400


def test_a_cost_target_has_the_bayes_threshold():
    scores, y = make_scores()
    verifier = SpeakerVerifier(target={"p_target": 0.1, "c_miss": 3.0, "c_fa": 2.0}).fit(scores, y)
    assert verifier.threshold_ == pytest.approx(np.log(0.9 * 2 / (0.1 * 3)))
    decided = verifier.log_likelihood_ratio(scores) > verifier.threshold_
    assert np.array_equal(verifier.predict(scores), decided)


def test_probabilities_are_posteriors_at_the_stated_prior():
    scores, y = make_scores()
    verifier = SpeakerVerifier(prior=0.2).fit(scores, y)
    odds = np.exp(verifier.log_likelihood_ratio(scores)) * 0.2 / 0.8
    probabilities = verifier.predict_proba(scores)
    assert probabilities[:, 1] == pytest.approx(odds / (1 + odds))
    assert probabilities.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("target", ["eer", 0.02, {"p_target": 0.1}])
def test_without_a_stated_prior_the_decision_is_the_more_probable_class(target):
    scores, y = make_scores()
    verifier = SpeakerVerifier(target=target).fit(scores, y)
    assert np.array_equal(verifier.predict_proba(scores).argmax(axis=1), verifier.predict(scores))


def test_the_bounds_are_for_independent_trials_or_for_other_speakers():
    X, y = make_embeddings()
    trials = make_trials(X, y)
    pairs, same = trials.data, trials.target == 1
    independent = SpeakerVerifier(target=0.05).fit(pairs, trials.target)
    speakers = SpeakerVerifier(target=0.05).fit(pairs, trials.target, speakers=trials.speakers)
    wrong = speakers.predict(pairs) != trials.target
    for name, kind in [("false_accept_bound_", ~same), ("false_reject_bound_", same)]:
        assert getattr(independent, name) == error_rate_bound(wrong[kind])
        expected = error_rate_bound(wrong[kind], trials.speakers[kind])
        assert getattr(speakers, name) == expected
        assert getattr(speakers, name) > getattr(independent, name)
    assert speakers.threshold_ == independent.threshold_


def test_a_target_that_the_trials_cannot_support_is_refused():
    scores, y = make_scores(n_non_targets=300)
    assert SpeakerVerifier(target=0.01).fit(scores, y).false_accept_rate_ == 0.01
    message = (
        r"target=0.009 needs at least 334 non-target trials, got 300: no error among them would "
        r"still allow a rate of 0.01\. Take more trials or a higher target\."
    )
    with pytest.raises(ValueError, match=message):
        SpeakerVerifier(target=0.009).fit(scores, y)


def test_a_target_that_the_speakers_cannot_support_is_refused_however_many_trials_there_are():
    X, y = make_embeddings(n_speakers=20, n_recordings=4)
    trials = make_trials(X, y)  # 3040 non-target trials, of 190 pairs of speakers
    SpeakerVerifier(target=0.01).fit(trials.data, trials.target)
    SpeakerVerifier(target=0.016).fit(trials.data, trials.target, speakers=trials.speakers)
    message = "target=0.01 needs at least 300 pairs of different speakers, got 190"
    with pytest.raises(ValueError, match=message):
        SpeakerVerifier(target=0.01).fit(trials.data, trials.target, speakers=trials.speakers)


def test_recordings_are_verified_with_a_frozen_encoder_in_its_own_metric():
    X, y = make_embeddings()
    encoder = StandardScaler().fit(X)
    encoder.embedding_metric_ = "cosine"
    trials = make_trials(encoder.transform(X), y)
    verifier = clone(SpeakerVerifier(FrozenEstimator(encoder))).fit(trials.data, trials.target)
    assert verifier.metric_ == "cosine"
    enrolment, test = X[trials.indices.T]
    assert np.array_equal(verifier.pair(enrolment, test), trials.data)
    assert np.array_equal(verifier.verify(enrolment, test), verifier.predict(trials.data))


def test_recordings_without_a_fitted_encoder_are_refused():
    scores, y = make_scores()
    with pytest.raises(NotFittedError, match="StandardScaler instance is not fitted"):
        SpeakerVerifier(StandardScaler()).fit(scores, y)
    with pytest.raises(ValueError, match="Recordings need an encoder, got encoder=None"):
        SpeakerVerifier().fit(scores, y).verify(scores, scores)
    verifier = SpeakerVerifier(StandardScaler().fit(scores)).fit(scores, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        verifier.verify(scores, scores[1:])


def test_faulty_trials_are_refused_with_a_sentence():
    X, y = make_embeddings()
    trials = make_trials(X, y)
    with pytest.raises(ValueError, match=r"pairs of embeddings .* got \(3160, 10, 2\)"):
        SpeakerVerifier().fit(trials.data.transpose(0, 2, 1), trials.target)
    with pytest.raises(ValueError, match=r"trials of one speaker .* got 1 class, np.int64\(1\)"):
        SpeakerVerifier().fit(trials.data, np.ones(3160, int))
    with pytest.raises(ValueError, match="Trial 0 is labeled 0 but its two speakers are the same"):
        SpeakerVerifier().fit(trials.data, 1 - trials.target, speakers=trials.speakers)
    with pytest.raises(ValueError, match=r"speakers must have shape \(n_trials, 2\) = \(3160, 2\)"):
        SpeakerVerifier().fit(trials.data, trials.target, speakers=trials.speakers[:9])
    with pytest.raises(ValueError, match=r"unknown keys \['fa'\]: a cost is a dict with any of"):
        SpeakerVerifier(target={"fa": 2}).fit(trials.data, trials.target)


def test_the_verifier_is_cross_validated_over_trials_pickled_and_keeps_names_of_systems():
    scores, y = make_scores(n_scores=2)
    frame = pd.DataFrame(scores, columns=["siamese", "baseline"])
    verifier = SpeakerVerifier().fit(frame, y)
    assert verifier.feature_names_in_.tolist() == ["siamese", "baseline"]
    copy = pickle.loads(pickle.dumps(verifier))
    assert np.array_equal(copy.decision_function(frame), verifier.decision_function(frame))
    assert cross_val_score(verifier, frame, y, cv=3, error_score="raise").min() > 0.9


def coverage_of_independent_trials(target, n_repetitions):
    """Return how often the two bounds cover the error rates at the chosen threshold."""
    covered = []
    for seed in range(n_repetitions):
        scores, y = make_scores(60, 150, seed=seed)
        verifier = SpeakerVerifier(target=target).fit(scores, y)
        threshold = (verifier.threshold_ - verifier.intercept_) / verifier.coef_[0]
        far, frr = stats.norm.sf(threshold), stats.norm.cdf(threshold - 2.5)
        covered.append((verifier.false_accept_bound_ >= far, verifier.false_reject_bound_ >= frr))
    return np.mean(covered, axis=0)


def coverage_of_all_pairs(target, n_repetitions):
    """Return the same for all pairs of 20 speakers x 4 recordings, and of the naive bound."""
    covered = []
    for seed in range(n_repetitions):
        trials = make_trials(*make_embeddings(seed=seed))
        verifier = SpeakerVerifier(target=target)
        verifier.fit(trials.data, trials.target, speakers=trials.speakers)
        # The squared distance is chi-squared: 2 (1 + 0.6^2) between speakers, 2 0.6^2 within.
        square = ((verifier.intercept_ - verifier.threshold_) / verifier.coef_[0]) ** 2
        far, frr = stats.chi2.cdf(square / 2.72, 10), stats.chi2.sf(square / 0.72, 10)
        naive = error_rate_bound(verifier.predict(trials.data)[trials.target == 0] == 1)
        bounds = np.array([verifier.false_accept_bound_, verifier.false_reject_bound_, naive])
        covered.append(bounds >= [far, frr, far])
    return np.mean(covered, axis=0)


# With a coverage of 0.95, more than 180 of 200 are covered with a probability of 0.997.
@pytest.mark.slow
@pytest.mark.parametrize("target", ["eer", 0.05])
def test_the_bounds_of_independent_trials_cover_the_truth(target):
    assert coverage_of_independent_trials(target, 200).min() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("target", ["eer", 0.05])
def test_the_bounds_of_all_pairs_of_20_speakers_cover_the_truth_and_naive_ones_do_not(target):
    far, frr, naive_far = coverage_of_all_pairs(target, 200)
    assert min(far, frr) > 0.9
    assert naive_far < 0.75


def make_hubs(n_speakers=40, seed=0):
    """Embeddings at different distances from the middle: those near it sound like everybody."""
    X, y = make_embeddings(n_speakers=n_speakers, n_dims=6, spread=0.4, seed=seed)
    return X * np.repeat(np.linspace(0.3, 3.0, n_speakers), 4)[:, np.newaxis], y


def test_scores_are_normalized_against_the_cohort():
    (X, y), (cohort, _) = make_hubs(), make_embeddings(n_dims=6, seed=1)
    trials = make_trials(X, y)
    scores = -np.linalg.norm(trials.data[:, 0] - trials.data[:, 1], axis=1)
    sides = [
        -np.linalg.norm(trials.data[:, i, np.newaxis] - cohort[np.newaxis], axis=2) for i in (0, 1)
    ]
    normalized = adaptive_s_norm(scores, *sides)[:, np.newaxis]
    by_pairs = SpeakerVerifier().fit(trials.data, trials.target, cohort=cohort)
    by_scores = SpeakerVerifier().fit(normalized, trials.target)
    expected = by_scores.log_likelihood_ratio(normalized)
    assert by_pairs.log_likelihood_ratio(trials.data) == pytest.approx(expected, rel=1e-6)
    alone = by_pairs.log_likelihood_ratio(trials.data[7:8])
    assert alone == by_pairs.log_likelihood_ratio(trials.data)[7]


def test_a_cohort_helps_where_speakers_differ_in_how_near_they_are_to_all():
    (X, y), (cohort, _) = make_hubs(), make_hubs(seed=1)
    trials = make_trials(X, y)
    plain = SpeakerVerifier().fit(trials.data, trials.target)
    against_cohort = SpeakerVerifier().fit(trials.data, trials.target, cohort=cohort)
    errors = [
        equal_error_rate(trials.target, verifier.log_likelihood_ratio(trials.data))
        for verifier in (plain, against_cohort)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_a_cohort_with_scores_instead_of_embeddings_is_refused():
    X, y = make_scores()
    with pytest.raises(ValueError, match="A cohort normalizes the scores of pairs of embeddings"):
        SpeakerVerifier().fit(X, y, cohort=np.eye(3))


def test_a_trial_whose_cohort_scores_are_equal_is_named_by_its_number():
    rng = np.random.default_rng(0)
    trials, y = rng.normal(size=(400, 2, 2)), np.arange(400) % 2
    trials[299] = 0.0  # as far from both recordings of the cohort
    with pytest.raises(ValueError, match="highest cohort scores of trial 299 do not differ"):
        SpeakerVerifier().fit(trials, y, cohort=[[1.0, 0.0], [0.0, 1.0]])


def test_a_fit_that_fails_leaves_the_verifier_as_it_was():
    X, y = make_embeddings()
    trials = make_trials(X, y)
    verifier = SpeakerVerifier().fit(trials.data, trials.target)
    expected = verifier.log_likelihood_ratio(trials.data)
    with pytest.raises(ValueError, match="got 1 class"):
        verifier.fit(trials.data, np.ones(len(trials.data), dtype=int), cohort=X)
    assert (verifier.log_likelihood_ratio(trials.data) == expected).all()


def fit_on_pairs(**parameters):
    X, y = make_embeddings(n_dims=8)
    trials = make_trials(X, y)
    return SpeakerVerifier(**parameters).fit(trials.data, trials.target), trials


def test_a_verifier_of_pairs_refuses_pairs_of_other_dimensions_and_scores():
    verifier, trials = fit_on_pairs()
    assert verifier.n_dims_ == 8
    message = r"X holds pairs of 3-dimensional embeddings, but SpeakerVerifier was fitted on 8-dim"
    with pytest.raises(ValueError, match=message):
        verifier.predict(trials.data[:, :, :3])
    message = (
        r"X has shape \(5, 1\), scores, but SpeakerVerifier was fitted on pairs of 8-dimensional "
        r"embeddings: pass an array of shape \(n_trials, 2, 8\)"
    )
    with pytest.raises(ValueError, match=message):
        verifier.predict(np.zeros((5, 1)))


def test_a_verifier_of_scores_refuses_pairs():
    scores, y = make_scores()
    verifier = SpeakerVerifier().fit(scores, y)
    assert verifier.n_dims_ is None
    with pytest.raises(ValueError, match=r"X holds pairs of 3-dimensional .* was fitted on scores"):
        verifier.predict(np.zeros((5, 2, 3)))


@pytest.mark.parametrize("X", ["a.wav", ["a.wav"] * 4, [["a.wav", "b.wav"]] * 4])
def test_recordings_in_the_place_of_trials_are_told_where_they_belong(X):
    message = (
        r"X holds 'a.wav', but trials are pairs of embeddings or scores: make them from recordings "
        r"with pair\(X_enrolment, X_test\)"
    )
    verifier, _ = fit_on_pairs()
    with pytest.raises(ValueError, match=message):
        SpeakerVerifier().fit(X, [0, 1, 0, 1])
    with pytest.raises(ValueError, match=message):
        verifier.predict(X)
    with pytest.raises(ValueError, match=message):
        verifier.predict(pd.DataFrame({"path": ["a.wav"]}))


def test_one_path_in_the_place_of_a_list_and_no_recordings_at_all_are_named():
    verifier, _ = fit_on_pairs(encoder=FrozenEstimator(StandardScaler().fit(np.eye(8))))
    message = r"X_enrolment is one path, 'a.wav'; pass a list of paths: \['a.wav'\]"
    with pytest.raises(TypeError, match=message):
        verifier.verify("a.wav", "b.wav")
    with pytest.raises(TypeError, match=r"X_test is one path, 'b.wav'"):
        verifier.verify(np.eye(8)[:1], "b.wav")
    with pytest.raises(ValueError, match="X_enrolment is empty: pass at least one recording"):
        verifier.verify([], [])


@pytest.mark.parametrize("X", [[], np.zeros((0, 2, 8)), np.zeros((0, 1))])
def test_no_trials_at_all_are_refused(X):
    verifier, _ = fit_on_pairs()
    for use in (lambda X: SpeakerVerifier().fit(X, []), verifier.predict):
        with pytest.raises(ValueError, match="X holds no trials: pass at least "):
            use(X)


def test_frames_of_an_encoder_are_not_paired():
    verifier, _ = fit_on_pairs(encoder=FunctionTransformer(lambda X: np.zeros((len(X), 4, 9))))
    with pytest.raises(ValueError, match=r"embeddings of shape \(n_samples, n_dims\), got \(1, 4"):
        verifier.verify([1], [2])


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_trial_without_the_name_of_a_speaker_is_named(missing):
    trials = make_trials(*make_embeddings())
    speakers = trials.speakers.astype(object)
    speakers[7, 1] = missing
    message = r"speakers\[7\] is \[1, .*\]: name both speakers of every trial"
    with pytest.raises(ValueError, match=message):
        SpeakerVerifier().fit(trials.data, trials.target, speakers=speakers)
    with pytest.raises(ValueError, match=r"speakers\[0\] is \[None, None\]: name both speakers"):
        SpeakerVerifier().fit(
            trials.data, trials.target, speakers=[[None, None]] * len(trials.target)
        )


def test_a_cohort_of_other_dimensions_and_an_empty_one_are_refused():
    trials = make_trials(*make_embeddings(n_dims=8))
    message = r"cohort holds 3-dimensional embeddings, but the pairs in X are of 8 dimensions"
    with pytest.raises(ValueError, match=message):
        SpeakerVerifier().fit(trials.data, trials.target, cohort=np.eye(3))
    with pytest.raises(ValueError, match="cohort is empty: pass at least one recording"):
        SpeakerVerifier().fit(trials.data, trials.target, cohort=[])


def test_pairs_whose_squares_overflow_are_named():
    trials = make_trials(*make_embeddings())
    trials.data[3, 1] *= 1e200
    with pytest.raises(
        ValueError, match=r"X\[:, 1\]\[3\] holds values up to .*e\+\d+, whose squares"
    ):
        SpeakerVerifier().fit(trials.data, trials.target)


def test_an_embedding_of_zeros_is_as_unlike_as_can_be():
    verifier, trials = fit_on_pairs(metric="cosine")
    zeros = np.zeros((1, 2, 8))
    opposite = np.stack([trials.data[:1, 0], -trials.data[:1, 0]], axis=1)
    ratios = [verifier.log_likelihood_ratio(pair)[0] for pair in (zeros, opposite)]
    assert ratios[0] == pytest.approx(ratios[1])
    assert verifier.predict(zeros) == [0]


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_a_pair_has_the_similarity_that_the_classifier_compares(metric):
    X, _ = make_embeddings()
    verifier, _ = fit_on_pairs(metric=metric)
    similarities = OneShotClassifier(metric=metric).fit(X[:1, :8], [0]).similarities(X[1:, :8])
    pairs = np.stack([np.broadcast_to(X[:1, :8], (79, 8)), X[1:, :8]], axis=1)
    expected = similarities[:, 0] * verifier.coef_[0] + verifier.intercept_
    assert np.array_equal(verifier.log_likelihood_ratio(pairs), expected)
