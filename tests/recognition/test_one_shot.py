import pickle

import conftest
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    estimator_checks_generator,
    parametrize_with_checks,
)

from sklearn_siamese_speaker import OneShotClassifier
from sklearn_siamese_speaker.model_selection import NShotKWaySplit

METRICS = ("euclidean", "cosine", "manhattan")
AGGREGATIONS = ("mean", "nearest", "medoid")
EVERY_KIND = [(metric, aggregation) for metric in METRICS for aggregation in AGGREGATIONS]

# OneShotClassifier, alone and behind an encoder, each with the number of checks of scikit-learn 1.9
CHECKED = [(OneShotClassifier(), 55), (OneShotClassifier(StandardScaler()), 55)]


def make_recordings(n_speakers=5, n_recordings=3, n_dims=7, dtype=np.float64, seed=0):
    """Embeddings of speakers s00, s01, ... in random order, and their labels."""
    X, y = conftest.make_recordings(
        n_speakers, n_recordings, n_dims, spread=2, names="s{:02}", seed=seed, dtype=dtype
    )
    order = np.random.default_rng(seed).permutation(len(y))
    return X[order], y[order]


def state(classifier):
    """What was learned, comparable to the bit."""
    names = ("classes_", "labels_", "embeddings_", "prototypes_", "first_prototype_")
    arrays = [getattr(classifier, name) for name in names]
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays]


@parametrize_with_checks([estimator for estimator, _ in CHECKED])
def test_scikit_learn_check_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "n_checks"), CHECKED)
def test_scikit_learn_collects_all_of_its_checks(estimator, n_checks):
    assert len(list(estimator_checks_generator(estimator))) == n_checks


@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_scikit_learn_check_that_the_suite_leaves_out_passes(check):
    check("OneShotClassifier", OneShotClassifier())


# Similarities


def compare(a, b, metric):
    if metric == "euclidean":
        return -np.sqrt(((a - b) ** 2).sum())
    if metric == "manhattan":
        return -np.abs(a - b).sum()
    return (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())


def compare_with_speaker(query, recordings, metric, aggregation):
    if aggregation == "mean":
        return compare(query, sum(recordings) / len(recordings), metric)
    if aggregation == "nearest":
        return max(compare(query, recording, metric) for recording in recordings)
    to_others = [sum(compare(a, b, metric) for b in recordings) for a in recordings]
    return compare(query, recordings[int(np.argmax(to_others))], metric)


@pytest.mark.parametrize(("metric", "aggregation"), EVERY_KIND)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_similarities_equal_a_comparison_one_by_one(metric, aggregation, dtype, rtol):
    X, y = make_recordings(n_recordings=4, dtype=dtype)
    Q, _ = make_recordings(seed=1, dtype=dtype)
    who = OneShotClassifier(metric=metric, aggregation=aggregation).fit(X, y)
    expected = [
        [
            compare_with_speaker(query, X[y == speaker].astype(float), metric, aggregation)
            for speaker in who.classes_
        ]
        for query in Q.astype(float)
    ]
    np.testing.assert_allclose(who.similarities(Q), expected, rtol=rtol, atol=rtol)
    np.testing.assert_array_equal(who.predict(Q), who.classes_[np.argmax(expected, axis=1)])


@pytest.mark.parametrize(("metric", "aggregation"), EVERY_KIND)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adding_or_removing_a_speaker_leaves_other_similarities_to_the_bit(
    metric, aggregation, dtype
):
    Q, _ = make_recordings(seed=1, n_dims=50, dtype=dtype)
    for n_speakers in (2, 3, 8, 17, 33, 64, 100):
        X, y = make_recordings(n_speakers, 2, n_dims=50, dtype=dtype)
        alone = y != "s01"
        who = OneShotClassifier(metric=metric, aggregation=aggregation).fit(X[alone], y[alone])
        before = who.similarities(Q)
        together = who.partial_fit(X[~alone], y[~alone]).similarities(Q)
        np.testing.assert_array_equal(np.delete(together, 1, axis=1), before)
        np.testing.assert_array_equal(who.forget("s01").similarities(Q), before)


@pytest.mark.parametrize(("metric", "aggregation"), EVERY_KIND)
def test_a_query_has_the_same_answer_alone_and_among_others(metric, aggregation):
    who = OneShotClassifier(metric=metric, aggregation=aggregation).fit(*make_recordings(37))
    Q, _ = make_recordings(30, 10, seed=1)
    together = who.similarities(Q), who.predict_proba(Q), who.predict(Q)
    for n_queries in (1, 2, 5, 16, 33, 257):
        part = who.similarities(Q[:n_queries]), who.predict_proba(Q[:n_queries])
        np.testing.assert_array_equal(part[0], together[0][:n_queries])
        np.testing.assert_array_equal(part[1], together[1][:n_queries])
        np.testing.assert_array_equal(who.predict(Q[:n_queries]), together[2][:n_queries])


@pytest.mark.parametrize(
    ("aggregation", "reference"),
    [("mean", NearestCentroid()), ("nearest", KNeighborsClassifier(1))],
)
def test_predict_equals_the_classifier_of_scikit_learn_it_generalises(aggregation, reference):
    X, y = make_blobs(300, 5, centers=12, cluster_std=5.0, random_state=0)
    who = OneShotClassifier(aggregation=aggregation).fit(X[:100], y[:100])
    expected = reference.fit(X[:100], y[:100]).predict(X[100:])
    np.testing.assert_array_equal(who.predict(X[100:]), expected)


# Scores


def test_decision_function_of_two_speakers_is_the_lead_of_the_second():
    X, y = make_recordings(2)
    who = OneShotClassifier().fit(X, y)
    similarities = who.similarities(X)
    np.testing.assert_array_equal(who.decision_function(X), similarities[:, 1] - similarities[:, 0])


@pytest.mark.parametrize("n_speakers", [1, 3])
def test_decision_function_of_other_numbers_of_speakers_is_the_similarities(n_speakers):
    X, y = make_recordings(n_speakers)
    who = OneShotClassifier().fit(X, y)
    np.testing.assert_array_equal(who.decision_function(X), who.similarities(X))


@pytest.mark.parametrize(("metric", "scale"), [("euclidean", 1), ("manhattan", 1), ("cosine", 10)])
def test_predict_proba_is_the_softmax_of_the_scaled_similarities(metric, scale):
    X, y = make_recordings()
    who = OneShotClassifier(metric=metric).fit(X, y)
    exponentials = np.exp(scale * who.similarities(X))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(who.predict_proba(X), expected, rtol=1e-12)


def test_rank_lists_the_most_similar_speakers_best_first():
    who = OneShotClassifier().fit([[0.0], [10.0], [3.0]], ["ana", "ben", "eva"])
    ranked = who.rank([[1.0], [9.0]], k=2)
    assert ranked.tolist() == [["ana", "eva"], ["ben", "eva"]]
    np.testing.assert_array_equal(who.rank([[1.0], [9.0]], k=1)[:, 0], who.predict([[1.0], [9.0]]))


def test_rank_returns_the_similarities_on_request():
    X, y = make_recordings()
    who = OneShotClassifier().fit(X, y)
    labels, similarities = who.rank(X, k=3, return_similarities=True)
    np.testing.assert_array_equal(labels, who.rank(X, k=3))
    columns = np.searchsorted(who.classes_, labels)
    np.testing.assert_array_equal(
        similarities, np.take_along_axis(who.similarities(X), columns, axis=1)
    )
    assert (np.diff(similarities, axis=1) <= 0).all()


def test_rank_of_half_a_speaker_raises():
    who = OneShotClassifier().fit([[0.0], [10.0]], ["ana", "ben"])
    with pytest.raises(TypeError, match="k must be an instance of int, not float"):
        who.rank([[1.0]], k=1.5)


@pytest.mark.parametrize("k", [0, 4])
def test_rank_of_more_speakers_than_enrolled_raises(k):
    who = OneShotClassifier().fit([[0.0], [10.0], [3.0]], ["ana", "ben", "eva"])
    with pytest.raises(ValueError, match=rf"k={k} must be from 1 to .* enrolled speakers, 3"):
        who.rank([[1.0]], k=k)


def test_equally_similar_speakers_are_recognised_as_the_first():
    who = OneShotClassifier().fit([[1.0], [-1.0]], ["ana", "ben"])
    assert who.predict([[0.0]]) == ["ana"]


# Rejection


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_a_recording_less_similar_than_the_threshold_is_unknown(aggregation):
    who = OneShotClassifier(threshold=-2.0, aggregation=aggregation)
    who.fit([[0.0], [10.0]], ["ana", "ben"])
    assert who.predict([[2.0], [2.1], [8.5]]).tolist() == ["ana", "unknown", "ben"]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_a_recording_with_less_lead_than_the_margin_is_unknown(aggregation):
    who = OneShotClassifier(margin=2.0, aggregation=aggregation).fit([[0.0], [10.0]], [3, 4])
    # At 4 the distances are 4 and 6, a lead of 2; at 4.5 they are 4.5 and 5.5.
    assert who.predict([[4.0], [4.5], [9.0]]).tolist() == [3, -1, 4]


def test_threshold_and_margin_both_reject():
    who = OneShotClassifier(threshold=-3.0, margin=2.0).fit([[0.0], [10.0]], ["ana", "ben"])
    assert who.predict([[-4.0], [4.5], [1.0]]).tolist() == ["unknown", "unknown", "ana"]


def test_one_speaker_alone_is_verified():
    who = OneShotClassifier(threshold=-1.0, margin=5.0).fit([[0.0]], ["ana"])
    assert who.predict([[0.5], [1.5]]).tolist() == ["ana", "unknown"]


def test_the_unknown_label_is_never_shortened_to_the_width_of_the_labels():
    who = OneShotClassifier(threshold=-1.0, unknown_label="somebody else").fit([[0.0]], ["a"])
    assert who.predict([[9.0]]) == ["somebody else"]


@pytest.mark.parametrize(
    ("labels", "unknown_label", "message"),
    [
        (["ana", "unknown"], "auto", "unknown_label='unknown' is also an enrolled speaker"),
        ([-1, 1], "auto", "unknown_label=-1 is also an enrolled speaker"),
        (["ana", "ben"], "ben", "unknown_label='ben' is also an enrolled speaker"),
        (["ana", "ben"], -1, "unknown_label=-1 is of another kind .* 'ana' and others"),
        ([1, 2], "nobody", "unknown_label='nobody' is of another kind .* 1 and others"),
        ([1.0, 2.0], "auto", "needs speakers labeled with strings or integers, got float64"),
        ([False, True], "auto", "needs speakers labeled with strings or integers, got bool"),
    ],
)
@pytest.mark.parametrize("rejection", [{"threshold": -1.0}, {"margin": 1.0}])
def test_an_unusable_unknown_label_raises_only_if_somebody_can_be_rejected(
    labels, unknown_label, message, rejection
):
    X = [[0.0], [1.0]]
    who = OneShotClassifier(unknown_label=unknown_label)
    np.testing.assert_array_equal(who.fit(X, labels).predict(X), labels)
    who.set_params(**rejection)
    with pytest.raises(ValueError, match=message):
        who.predict(X)
    with pytest.raises(ValueError, match=message):
        clone(who).fit(X, labels)


def test_enrolling_somebody_called_unknown_later_raises():
    who = OneShotClassifier(threshold=-1.0).fit([[0.0]], ["ana"])
    with pytest.raises(ValueError, match="is also an enrolled speaker"):
        who.partial_fit([[1.0]], ["unknown"])
    assert who.classes_.tolist() == ["ana"]


# Enrolling and forgetting


@pytest.mark.parametrize(("metric", "aggregation"), EVERY_KIND)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_partial_fit_equals_fit_on_all_recordings_to_the_bit(metric, aggregation, dtype):
    X, y = make_recordings(dtype=dtype)
    in_parts = OneShotClassifier(metric=metric, aggregation=aggregation)
    for part in (slice(0, 2), slice(2, 9), slice(9, None)):
        in_parts.partial_fit(X[part], y[part])
    assert state(in_parts) == state(clone(in_parts).fit(X, y))


@pytest.mark.parametrize(("metric", "aggregation"), EVERY_KIND)
def test_forget_equals_never_enrolled_to_the_bit(metric, aggregation):
    X, y = make_recordings()
    y = np.where(y == "s03", "a very long name", y)
    others = ~np.isin(y, ["a very long name", "s01"])
    who = OneShotClassifier(metric=metric, aggregation=aggregation).fit(X, y)
    who.forget(["a very long name", "s01"])
    never = clone(who).fit(X[others], y[others].tolist())
    assert state(who) == state(never)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_a_pickle_holds_neither_label_nor_embedding_of_a_forgotten_speaker(aggregation):
    X, y = make_recordings()
    y = np.where(y == "s03", "forgotten", y)

    def traces(classifier):
        pickled = pickle.dumps(classifier)
        embeddings = X[y == "forgotten"]
        secrets = ["forgotten".encode(encoding) for encoding in ("utf-8", "utf-32-le")]
        secrets += [row.tobytes() for row in (*embeddings, embeddings.mean(axis=0))]
        return [secret in pickled for secret in secrets]

    who = OneShotClassifier(aggregation=aggregation).fit(X, y)
    assert any(traces(who))
    assert not any(traces(who.forget("forgotten")))


def test_forgetting_somebody_never_enrolled_raises_and_forgets_nobody():
    X, y = make_recordings()
    who = OneShotClassifier().fit(X, y)
    before = state(who)
    with pytest.raises(ValueError, match=r"Cannot forget \['eva'\]: not among the enrolled"):
        who.forget(["s01", "eva"])
    assert state(who) == before


def test_a_number_is_not_the_label_that_is_spelled_like_it():
    who = OneShotClassifier().fit([[0.0], [1.0]], ["1", "2"])
    with pytest.raises(ValueError, match=r"Cannot forget \[1\]"):
        who.forget(1)
    with pytest.raises(ValueError, match="y holds labels like 3 but speakers like '1' are"):
        who.partial_fit([[3.0]], [3])


def test_forgetting_everybody_leaves_an_unfitted_classifier():
    who = OneShotClassifier().fit([[0.0], [1.0]], ["ana", "ben"]).forget(["ana", "ben"])
    with pytest.raises(NotFittedError):
        who.predict([[0.0]])
    assert vars(who) == vars(OneShotClassifier())


@pytest.mark.parametrize(
    ("X", "y"),
    [
        ([[np.nan] * 7], ["eva"]),
        ([[0.0] * 6], ["eva"]),
        ([[0.0] * 7], ["eva", "tom"]),
        ([[0.0] * 7], [None]),
        ([[0.0] * 7], [5]),
    ],
)
def test_a_failed_partial_fit_enrols_nothing(X, y):
    who = OneShotClassifier().fit(*make_recordings())
    before = pickle.dumps(who)
    with pytest.raises(ValueError, match=r".+"):
        who.partial_fit(X, y)
    assert pickle.dumps(who) == before


def test_a_longer_label_added_later_is_kept_whole():
    who = OneShotClassifier().fit([[0.0]], ["a"]).partial_fit([[1.0]], ["annemarie"])
    assert who.predict([[0.9]]) == ["annemarie"]


# Labels


@pytest.mark.parametrize(
    "labels",
    [["ana", "ben"], [7, 2], np.array([7, 2], np.int16), np.array(["ana", "ben"], object)],
    ids=["strings", "integers", "short integers", "objects"],
)
def test_classes_keep_the_dtype_of_the_labels(labels):
    who = OneShotClassifier().fit([[0.0], [1.0]], labels)
    assert who.classes_.dtype == np.asarray(labels).dtype
    assert who.predict([[0.1]]).dtype == np.asarray(labels).dtype


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (["ana", None], ValueError, r"y\[1\] is None\. Label every recording"),
        (["ana", np.nan], ValueError, r"y\[1\] is nan\. Label every recording"),
        (np.array([3, "ana"], object), ValueError, r"y\[0\] is 3\. Label every recording"),
        ([b"ana", b"ben"], TypeError, r"y\[0\] is b'ana', bytes: decode the labels"),
        ([1.5, 2.0], ValueError, "Unknown label type: continuous"),
        ([1.0, np.nan], ValueError, "Input y contains NaN"),
    ],
)
@pytest.mark.parametrize("encoder", [None, FunctionTransformer()])
def test_a_label_that_names_nobody_is_an_error_that_says_so(labels, error, message, encoder):
    with pytest.raises(error, match=message):
        OneShotClassifier(encoder).fit([[0.0], [1.0]], labels)


@pytest.mark.parametrize("labels", [np.arange(30), [f"speaker {i}" for i in range(30)]])
def test_one_recording_of_each_of_many_speakers_does_not_warn(labels, recwarn):
    OneShotClassifier().fit(np.arange(30.0)[:, np.newaxis], labels)
    assert not recwarn.list


# Encoders


class SpellingEncoder(TransformerMixin, BaseEstimator):
    """Embed a path as the counts of its letters, less those of the training paths' mean."""

    def fit(self, X, y=None):
        self.mean_ = self._count(X).mean(axis=0)
        return self

    def transform(self, X):
        return self._count(X) - self.mean_

    def _count(self, X):
        return np.array([[path.count(letter) for letter in "abefnv"] for path in X], np.float32)


def test_paths_go_through_the_encoder_in_every_method():
    who = OneShotClassifier(SpellingEncoder()).fit(["ana1.wav", "ben1.wav"], ["ana", "ben"])
    who.partial_fit(["fev1.wav"], ["eva"])
    paths = ["ben2.wav", "ana2.wav", "fev2.wav"]
    assert who.predict(paths).tolist() == ["ben", "ana", "eva"]
    assert who.rank(paths, k=1).tolist() == [["ben"], ["ana"], ["eva"]]
    assert who.score(paths, ["ben", "ana", "eva"]) == 1.0
    assert who.similarities(paths).shape == who.predict_proba(paths).shape == (3, 3)
    assert who.forget("ben").predict(["ana3.wav"]).tolist() == ["ana"]


def test_an_encoder_is_cloned_and_fitted_once():
    encoder = SpellingEncoder()
    who = OneShotClassifier(encoder).fit(["ana1.wav", "ben1.wav"], ["ana", "ben"])
    mean = who.encoder_.mean_.copy()
    who.partial_fit(["fev1.wav"], ["eva"])
    assert not hasattr(encoder, "mean_")
    np.testing.assert_array_equal(who.encoder_.mean_, mean)


def test_a_frozen_encoder_is_used_as_it_is(recwarn):
    encoder = FrozenEstimator(SpellingEncoder().fit(["aaa", "bbb"]))
    who = OneShotClassifier(encoder).fit(["ana1.wav", "ben1.wav"], ["ana", "ben"])
    assert who.encoder_ is encoder
    np.testing.assert_array_equal(who.encoder_.mean_, [1.5, 1.5, 0, 0, 0, 0])
    assert not recwarn.list


@pytest.mark.parametrize(
    "encoder",
    [
        StandardScaler(),
        make_pipeline(FunctionTransformer(), StandardScaler()),
        make_pipeline(StandardScaler(), FrozenEstimator(FunctionTransformer())),
    ],
)
def test_an_encoder_that_was_fitted_already_warns_and_is_fitted_anew(encoder):
    encoder = clone(encoder).fit([[100.0], [300.0]])
    with pytest.warns(UserWarning, match=r"was fitted already.*FrozenEstimator\(encoder\)") as seen:
        who = OneShotClassifier(encoder).fit([[0.0], [2.0]], ["ana", "ben"])
    np.testing.assert_array_equal(who.embeddings_, [[-1.0], [1.0]])
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    "encoder",
    [
        StandardScaler(),
        make_pipeline(StandardScaler(), FrozenEstimator(StandardScaler().fit([[0.0], [2.0]]))),
        FunctionTransformer().fit([[0.0], [2.0]]),
    ],
)
def test_an_encoder_without_anything_to_lose_does_not_warn(encoder, recwarn):
    OneShotClassifier(encoder).fit([[0.0], [2.0]], ["ana", "ben"])
    assert not recwarn.list


def test_a_frozen_encoder_that_was_never_fitted_raises():
    with pytest.raises(NotFittedError):
        OneShotClassifier(FrozenEstimator(StandardScaler())).fit([[0.0], [2.0]], ["ana", "ben"])


class CosineEncoder(FunctionTransformer):
    embedding_metric_ = "cosine"


@pytest.mark.parametrize(
    ("encoder", "metric", "expected"),
    [
        (None, "auto", "euclidean"),
        (StandardScaler(), "auto", "euclidean"),
        (CosineEncoder(), "auto", "cosine"),
        (FrozenEstimator(make_pipeline(CosineEncoder())), "auto", "cosine"),
        (CosineEncoder(), "manhattan", "manhattan"),
    ],
)
def test_the_metric_is_the_one_the_encoder_publishes(encoder, metric, expected):
    X, y = make_recordings()
    assert OneShotClassifier(encoder, metric=metric).fit(X, y).metric_ == expected


def test_embeddings_that_are_not_two_dimensional_are_an_error_that_names_the_cure():
    frames = FunctionTransformer(lambda X: np.zeros((len(X), 20, 97)))
    message = r"embeddings of shape \(n_samples, n_dims\), got \(2, 20, 97\): end it with Frame"
    with pytest.raises(ValueError, match=message):
        OneShotClassifier(frames).fit([[0.0], [1.0]], ["ana", "ben"])


def test_embeddings_that_are_not_finite_are_an_error():
    infinite = FunctionTransformer(lambda X: np.full(np.shape(X), np.inf))
    with pytest.raises(ValueError, match="Input embeddings contains infinity"):
        OneShotClassifier(infinite).fit([[1.0], [2.0]], ["ana", "ben"])


def test_a_failed_fit_leaves_the_classifier_as_it_was():
    who = OneShotClassifier(SpellingEncoder()).fit(["ana1.wav", "ben1.wav"], ["ana", "ben"])
    before = pickle.dumps(who)
    with pytest.raises(AttributeError):
        who.fit(["ana1.wav", 3], ["ana", "ben"])
    assert pickle.dumps(who) == before


def test_pickle_and_clone_keep_what_they_should():
    X, y = make_recordings()
    who = OneShotClassifier(FrozenEstimator(StandardScaler().fit(X)), threshold=-1.0).fit(X, y)
    again = pickle.loads(pickle.dumps(who))
    np.testing.assert_array_equal(again.similarities(X), who.similarities(X))
    assert state(clone(who).fit(X, y)) == state(who)


def test_tasks_are_cross_validated_like_any_other_classifier():
    X, y = make_recordings(8, 4, seed=2)
    tasks = NShotKWaySplit(n_shots=1, k_way=4, n_tasks=20, random_state=0)
    ours = cross_val_score(OneShotClassifier(), X, y, cv=tasks)
    np.testing.assert_array_equal(ours, cross_val_score(KNeighborsClassifier(1), X, y, cv=tasks))


# Tasks all at once


@pytest.mark.parametrize(("metric", "aggregation"), EVERY_KIND)
@pytest.mark.parametrize("rejection", [{}, {"threshold": True}, {"margin": True}])
def test_predict_tasks_equals_fit_and_predict_in_each_task(metric, aggregation, rejection):
    X, y = make_recordings(8, 6, seed=3)
    tasks = NShotKWaySplit(n_shots=3, k_way=4, n_queries=2, n_tasks=25, random_state=0)
    support, query = tasks.tasks(y)
    who = OneShotClassifier(metric=metric, aggregation=aggregation)
    if rejection:
        similarities = np.sort(clone(who).fit(X, y).similarities(X), axis=1)
        if "threshold" in rejection:
            who.set_params(threshold=np.median(similarities[:, -1]))
        else:
            who.set_params(margin=np.median(similarities[:, -1] - similarities[:, -2]))
    recognized = who.predict_tasks(X, support, query)
    assert recognized.shape == query.shape
    assert (recognized == -1).any() == bool(rejection)
    for task_support, task_query, task_recognized in zip(support, query, recognized, strict=True):
        positions = np.repeat(np.arange(4), 3)
        alone = clone(who).fit(X[task_support.ravel()], positions)
        np.testing.assert_array_equal(alone.predict(X[task_query.ravel()]), task_recognized.ravel())


def test_predict_tasks_of_a_collapsed_encoder_recognises_the_first_speaker():
    support, query = NShotKWaySplit(k_way=3, n_tasks=4, random_state=0).tasks(
        np.repeat([1, 2, 3], 2)
    )
    recognized = OneShotClassifier().predict_tasks(np.ones((6, 2)), support, query)
    np.testing.assert_array_equal(recognized, np.zeros((4, 3, 1)))


def test_predict_tasks_uses_the_metric_of_the_encoder():
    # The query has the direction of the second speaker, and is nearer to the first.
    E = np.array([[9.0, 1.0], [1.0, 1.0], [9.0, 8.0]])
    support, query = np.array([[[0], [1]]]), np.array([[[2], [2]]])
    plain = OneShotClassifier().predict_tasks(E, support, query)
    by_angle = OneShotClassifier(CosineEncoder()).predict_tasks(E, support, query)
    assert (plain.ravel().tolist(), by_angle.ravel().tolist()) == ([0, 0], [1, 1])


def test_somebody_unknown_is_never_a_label_that_a_narrow_dtype_wraps_to():
    who = OneShotClassifier(threshold=-1.0).fit([[0, 0], [5, 5]], np.array([0, 255], np.uint8))
    assert who.predict([[50, 50], [5, 5]]).tolist() == [-1, 255]
