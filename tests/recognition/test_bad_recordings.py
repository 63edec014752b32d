"""Recordings and embeddings that nobody can be recognized from, in every method that takes some."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, AudioError, FramePooling, OneShotClassifier
from sklearn_siamese_speaker.datasets import make_speakers

READERS = ["predict", "predict_proba", "decision_function", "similarities", "rank"]
WRITERS = ["fit", "partial_fit", "calibrate_threshold"]


@pytest.fixture(scope="module")
def encoder():
    X, _ = make_speakers(n_speakers=3, n_recordings=2, duration=0.5, random_state=0)
    return FrozenEstimator(make_pipeline(MFCC(), FramePooling()).fit(X))


@pytest.fixture
def who(encoder):
    X, y = make_speakers(n_speakers=3, n_recordings=2, duration=0.5, random_state=0)
    return OneShotClassifier(encoder).fit(X, y)


def use(who, method, X, n_speakers=None):
    """Call a method, of which some also want labels or a number."""
    if method in WRITERS:
        y = np.array([f"s{i}" for i in range(len(X) if n_speakers is None else n_speakers)])
        options = {"target_far": 0.9, "n_enrolled": 1, "n_shots": 1}
        return getattr(who, method)(X, y, **(options if method == WRITERS[2] else {}))
    return getattr(who, method)(X, *([1] if method == "rank" else []))


@pytest.mark.parametrize("method", READERS + WRITERS)
def test_a_path_that_is_missing_is_the_audio_error_also_when_it_is_the_only_one(who, method):
    n_paths = 4 if method == "calibrate_threshold" else 1
    with pytest.raises(AudioError, match=r"X\[0\] 'missing.wav' cannot be opened") as caught:
        use(who, method, ["missing.wav"] * n_paths)
    assert (caught.value.index, caught.value.path) == (0, "missing.wav")


@pytest.mark.parametrize("method", READERS + WRITERS)
def test_one_path_in_the_place_of_a_list_is_an_error_that_shows_the_list(who, method):
    message = re.escape("X is one path, 'a.wav'; pass a list of paths: ['a.wav'].")
    for classifier in (who, OneShotClassifier().fit([[0.0]], ["ana"])):
        with pytest.raises(TypeError, match=message):
            use(classifier, method, "a.wav", n_speakers=1)


@pytest.mark.parametrize("X", [[], np.zeros((0, 8000)), pd.Series([], dtype=object)])
@pytest.mark.parametrize("method", READERS + WRITERS)
def test_no_recordings_at_all_are_an_error(who, method, X):
    for classifier in (who, OneShotClassifier().fit([[0.0]], ["ana"])):
        with pytest.raises(ValueError, match="X is empty: pass at least one recording"):
            use(classifier, method, X)


@pytest.mark.parametrize("method", READERS)
def test_a_frame_of_paths_is_told_to_be_one_column(who, method):
    with pytest.raises(ValueError, match=r"X has shape \(1, 1\) and holds paths; pass one column"):
        use(who, method, pd.DataFrame({"path": ["a.wav"]}))


@pytest.mark.parametrize("method", READERS + WRITERS[:2])
@pytest.mark.parametrize("X", [["a.wav"], pd.Series(["a.wav"]), pd.DataFrame({"p": ["a.wav"]})])
def test_paths_without_an_encoder_are_told_that_it_is_missing(method, X):
    who = OneShotClassifier().fit([[0.0]], ["ana"])
    message = "X holds 'a.wav', but embeddings are expected where encoder=None: give OneShotClass"
    with pytest.raises(ValueError, match=message):
        use(who, method, X, n_speakers=1)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_embeddings_whose_squares_overflow_are_refused_by_every_method(metric):
    X = np.random.default_rng(0).normal(size=(6, 4))
    who = OneShotClassifier(metric=metric).fit(X, list("abcdef"))
    message = r"X\[0\] holds values up to .*e\+\d+, whose squares cannot be summed: scale the embed"
    for method in READERS + WRITERS:
        with pytest.raises(ValueError, match=message):
            use(who, method, X * 1e200)
    with pytest.raises(ValueError, match=r"embeddings\[0\] holds values up to"):
        who.predict_tasks(X * 1e200, np.array([[[0], [1]]]), np.array([[[2], [3]]]))


class Amplifier(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X) * [[1.0], [1e200]]


def test_an_encoder_whose_embeddings_overflow_is_told_which():
    with pytest.raises(ValueError, match=r"embeddings\[1\] holds values up to 1e\+200, whose squ"):
        OneShotClassifier(Amplifier()).fit([[1.0], [1.0]], ["ana", "ben"])


@pytest.mark.parametrize("threshold", [-0.99, 0.0, 0.5])
def test_a_zero_embedding_passes_no_threshold_of_the_cosine(threshold):
    X = np.eye(3)
    who = OneShotClassifier(metric="cosine", threshold=threshold).fit(X, ["ana", "ben", "eva"])
    assert who.predict(np.zeros((1, 3))) == ["unknown"]
    np.testing.assert_array_equal(who.similarities(np.zeros((1, 3))), [[-1.0] * 3])
    np.testing.assert_allclose(who.predict_proba(np.zeros((1, 3))), 1 / 3)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan"])
def test_probabilities_of_the_largest_embeddings_that_are_accepted_are_finite(metric):
    X = 1e99 * np.random.default_rng(0).normal(size=(6, 4))
    who = OneShotClassifier(metric=metric).fit(X, list("abcdef"))
    probabilities = who.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert who.predict(X).tolist() == list("abcdef")
