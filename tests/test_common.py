"""The contract of scikit-learn, for every estimator. A new estimator is one line in ESTIMATORS."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklearn_siamese_speaker import (
    MFCC,
    FramePooling,
    LogMelSpectrogram,
    OneShotClassifier,
    RawAudio,
    SiameseSpeakerEncoder,
    SpeakerVerifier,
    SpeedPerturbation,
)

TINY = {"filters": (4, 4, 4), "embedding_dim": 8, "batch_size": 16, "max_epochs": 1}

# Each network once, with the default loss, and each other loss once, with the default network.
ENCODERS = [
    *({"network": name} for name in ("cnn2d", "cnn1d", "lstm", "cnn_lstm", "tdnn")),
    *({"loss": name} for name in ("bce", "contrastive", "triplet")),
    {"loss": "aam", "metric": "cosine"},
]

# Each with the number of checks that scikit-learn 1.9 collects for it: an empty list would pass.
ESTIMATORS = [
    (RawAudio(), 47),
    (LogMelSpectrogram(), 47),
    (MFCC(), 47),
    (FramePooling(), 47),
    *((SiameseSpeakerEncoder(**params, **TINY), 48) for params in ENCODERS),
    (SpeedPerturbation(make_pipeline(MFCC(), FramePooling())), 48),
    (OneShotClassifier(), 55),
    (SpeakerVerifier(), 56),
]
ONE_OF_EACH_CLASS = {type(estimator): estimator for estimator, _ in ESTIMATORS}.values()

# Checks that scikit-learn has but does not collect for estimators that are not its own.
EVERY_ESTIMATOR = ["check_param_validation", "check_dataframe_column_names_consistency"]
TRANSFORMERS = [
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]
THREE_DIMENSIONAL = (RawAudio, LogMelSpectrogram, MFCC)
NOT_APPLICABLE = {
    "check_set_output_transform_pandas": "demands a data frame, which has no third axis",
    "check_set_output_transform_polars": "demands a data frame, which has no third axis",
    "check_global_output_transform_pandas": "demands a data frame, which has no third axis",
    "check_global_set_output_transform_polars": "demands a data frame, which has no third axis",
}


def checks_left_out(estimator):
    names = EVERY_ESTIMATOR + (TRANSFORMERS if hasattr(estimator, "transform") else [])
    if isinstance(estimator, THREE_DIMENSIONAL):
        names = [name for name in names if name not in NOT_APPLICABLE]
    return names


@pytest.mark.filterwarnings("ignore::sklearn_siamese_speaker._audio.AudioQualityWarning")
@parametrize_with_checks([estimator for estimator, _ in ESTIMATORS])
def test_scikit_learn_check_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "n_checks"), ESTIMATORS, ids=lambda value: repr(value))
def test_scikit_learn_collects_all_of_its_checks(estimator, n_checks):
    assert len(list(estimator_checks_generator(estimator))) == n_checks


@pytest.mark.filterwarnings("ignore::sklearn_siamese_speaker._audio.AudioQualityWarning")
@pytest.mark.parametrize(
    ("estimator", "name"),
    [(one, name) for one in ONE_OF_EACH_CLASS for name in checks_left_out(one)],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_scikit_learn_check_that_the_suite_leaves_out_passes(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("front_end", THREE_DIMENSIONAL, ids=lambda cls: cls.__name__)
def test_a_front_end_accepts_set_output_and_still_returns_three_axes(front_end, container):
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 4000))
    assert front_end().set_output(transform=container).fit_transform(X).ndim == 3
