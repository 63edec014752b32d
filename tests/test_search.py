"""Searches over the whole pipeline: front end, network, training time and distance at once."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.model_selection import NShotKWayScorer, SpeakerKFold

N_SPEAKERS, N_RECORDINGS = 8, 3
N = N_SPEAKERS * N_RECORDINGS

# One axis at a time: 7 candidates, 4 settings of the front end.
ONE_AXIS_AT_A_TIME = [
    {"mfcc__duration": [0.3, 0.5]},
    {"mfcc__sample_rate": [8000]},
    {"encoder__network": ["cnn1d", "tdnn"]},
    {"encoder__max_epochs": [2]},
    {"encoder__metric": ["cosine"]},
]
ALL_AXES = {
    "mfcc__duration": [0.3, None],
    "mfcc__sample_rate": [8000, 16000],
    "encoder__network": ["cnn2d", "tdnn"],
    "encoder__max_epochs": [1, 2],
    "encoder__metric": ["euclidean", "cosine"],
}
SEARCHES = {
    "grid": (GridSearchCV, {"param_grid": ONE_AXIS_AT_A_TIME}),
    "randomized": (
        RandomizedSearchCV,
        {"param_distributions": ALL_AXES, "n_iter": 6, "random_state": 0},
    ),
    "halving": (
        HalvingGridSearchCV,
        {
            "param_grid": {
                "mfcc__sample_rate": [8000, 16000],
                "encoder__network": ["cnn2d", "tdnn"],
            },
            "resource": "encoder__max_epochs",
            "min_resources": 1,
            "max_resources": 4,
            "factor": 2,
            "return_train_score": False,  # its default is True, and warns of the trained speakers
        },
    ),
}


@pytest.fixture(scope="module")
def voices():
    return make_speakers(N_SPEAKERS, N_RECORDINGS, duration=0.6, random_state=0)


def make_search(kind, memory, n_jobs=None):
    encoder = SiameseSpeakerEncoder(
        network="cnn2d",
        network__filters=(4, 4, 4),
        network__embedding_dim=8,
        max_epochs=1,
        lr=1e-3,
        random_state=0,
    )
    search, params = SEARCHES[kind]
    return search(
        Pipeline([("mfcc", MFCC(n_mfcc=8, n_mels=16, memory=memory)), ("encoder", encoder)]),
        scoring=NShotKWayScorer(n_shots=1, k_way=3, n_tasks=50),
        cv=SpeakerKFold(2),
        error_score="raise",
        n_jobs=n_jobs,
        **params,
    )


def front_ends(search):
    """Return the different settings of the front end among the candidates."""
    return {
        tuple(value for name, value in sorted(params.items()) if name.startswith("mfcc__"))
        for params in search.cv_results_["params"]
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEARCHES)
def test_a_search_extracts_once_a_front_end_and_scores_alike_in_two_processes(
    tmp_path, voices, extractions, kind
):
    X, y = voices
    serial = make_search(kind, str(tmp_path)).fit(X, y)
    n_settings = {"grid": 4, "randomized": len(front_ends(serial)), "halving": 2}[kind]
    assert n_settings > 1
    assert len(extractions) == N * n_settings

    parallel = make_search(kind, None, n_jobs=2).fit(X, y)
    assert parallel.best_params_ == serial.best_params_
    for fold in ("split0_test_score", "split1_test_score"):
        scores = serial.cv_results_[fold]
        np.testing.assert_array_equal(parallel.cv_results_[fold], scores)
        assert ((scores >= 0) & (scores <= 1)).all()


def test_every_axis_of_a_grid_changes_the_fitted_pipeline(voices):
    X, y = voices
    pipeline = clone(make_search("grid", None).estimator)
    plain = pipeline.fit(X, y).transform(X)
    for axis in ONE_AXIS_AT_A_TIME:
        ((name, values),) = axis.items()
        for value in values:
            changed = clone(pipeline).set_params(**{name: value}).fit(X, y)
            assert not np.array_equal(changed.transform(X), plain), (name, value)


def test_halving_trains_fewer_and_fewer_candidates_for_longer(voices):
    search = make_search("halving", None).fit(*voices)
    assert search.n_candidates_ == [4, 2, 1]
    assert search.n_resources_ == [1, 2, 4]
    epochs = [params["encoder__max_epochs"] for params in search.cv_results_["params"]]
    assert epochs == [1, 1, 1, 1, 2, 2, 4]
    assert search.best_estimator_["encoder"].n_iter_ == 4
