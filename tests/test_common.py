"""The contract of scikit-learn, for every estimator. A new estimator is one line in ESTIMATORS."""

import functools

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklearn_siamese_speaker import (
    MFCC,
    ChannelPerturbation,
    FramePooling,
    LogMelSpectrogram,
    OneShotClassifier,
    PretrainedSpeakerEncoder,
    RawAudio,
    SiameseSpeakerEncoder,
    SpeakerDiarizer,
    SpeakerVerifier,
    SpeedPerturbation,
    VGGish,
)
from sklearn_siamese_speaker.features.vggish_weights import load_network
from sklearn_siamese_speaker.nn import LOSSES, NETWORKS
from sklearn_siamese_speaker.nn import vggish as _vggish

TINY = {"batch_size": 16, "max_epochs": 1}
TINY_SIZES = {"filters": (4, 4, 4), "embedding_dim": 8, "n_units": 4, "n_mixtures": 2}


def tiny_encoder(**params):
    """Return an encoder that is small in each way its network can be."""
    params = {"network": "cnn2d" if "loss" in params else "statistics", **params}
    known = SiameseSpeakerEncoder(**params).get_params()
    sizes = {f"network__{name}": size for name, size in TINY_SIZES.items()}
    return SiameseSpeakerEncoder(
        **params, **TINY, **{name: size for name, size in sizes.items() if name in known}
    )


class LabelsIgnored(SpeakerDiarizer):
    """A diarizer that takes scikit-learn's labels, which are not who speaks when, for no `y`."""

    def fit(self, X, y=None):
        return super().fit(X)

    def score(self, X, y=None):
        self.predict(X)
        return 0.0


# Each with the number of checks that scikit-learn 1.9 collects for it: an empty list would pass.
ESTIMATORS = [
    (RawAudio(), 47),
    (LogMelSpectrogram(), 47),
    (MFCC(), 47),
    (VGGish(weights=None, random_state=0), 47),
    (FramePooling(), 47),
    (PretrainedSpeakerEncoder(), 46),  # it can be used without a fit
    (SpeedPerturbation(make_pipeline(MFCC(), FramePooling())), 48),
    (ChannelPerturbation(make_pipeline(MFCC(), FramePooling())), 48),
    (tiny_encoder(), 48),
    (OneShotClassifier(), 55),
    (SpeakerVerifier(), 56),
    (LabelsIgnored(speech="energy"), 40),
]

# What another network or loss could break in the encoder.
CHECKS_OF_EACH_NETWORK_AND_LOSS = [
    "check_dict_unchanged",
    "check_estimators_dtypes",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_transformer_data_not_an_array",
]

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
THREE_DIMENSIONAL = (RawAudio, LogMelSpectrogram, MFCC, VGGish)
FRONT_ENDS = [one for one, _ in ESTIMATORS if isinstance(one, THREE_DIMENSIONAL)]
NOT_APPLICABLE = {
    "check_set_output_transform_pandas": "demands a data frame, which has no third axis",
    "check_set_output_transform_polars": "demands a data frame, which has no third axis",
    "check_global_output_transform_pandas": "demands a data frame, which has no third axis",
    "check_global_set_output_transform_polars": "demands a data frame, which has no third axis",
}


# scikit-learn's data is no speech, fits on a data frame and transforms an array.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_siamese_speaker.AudioQualityWarning"),
    pytest.mark.filterwarnings(r"ignore:VGGish\(weights=None\):UserWarning"),
    pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning"),
    pytest.mark.filterwarnings("ignore:The network has collapsed:UserWarning"),
]


@pytest.fixture(autouse=True, scope="module")
def _narrow_vggish():
    """Two filters instead of 64: the same network in a hundredth of the time."""
    narrow = functools.partial(_vggish.VGGishNetwork, width=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_vggish, "VGGishNetwork", narrow)
        load_network.cache_clear()
        yield
    load_network.cache_clear()


def checks_left_out(estimator):
    names = EVERY_ESTIMATOR + (TRANSFORMERS if hasattr(estimator, "transform") else [])
    if isinstance(estimator, THREE_DIMENSIONAL):
        names = [name for name in names if name not in NOT_APPLICABLE]
    return names


@parametrize_with_checks([estimator for estimator, _ in ESTIMATORS])
def test_scikit_learn_check_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("estimator", "n_checks"), ESTIMATORS, ids=lambda value: repr(value))
def test_scikit_learn_collects_all_of_its_checks(estimator, n_checks):
    assert len(list(estimator_checks_generator(estimator))) == n_checks


@pytest.mark.parametrize(
    ("estimator", "name"),
    [(one, name) for one, _ in ESTIMATORS for name in checks_left_out(one)],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_scikit_learn_check_that_the_suite_leaves_out_passes(estimator, name):
    if name == "check_param_validation" and isinstance(estimator, SiameseSpeakerEncoder):
        estimator = (
            SiameseSpeakerEncoder()
        )  # arguments of parts have no constraint of scikit-learn's
    getattr(estimator_checks, name)(type(estimator).__name__, clone(estimator))


@pytest.mark.parametrize("name", CHECKS_OF_EACH_NETWORK_AND_LOSS)
@pytest.mark.parametrize(
    "params",
    [*({"network": name} for name in NETWORKS), *({"loss": name} for name in LOSSES)],
    ids=lambda params: next(iter(params.values())),
)
def test_scikit_learn_check_passes_with_each_network_and_loss(params, name):
    encoder = tiny_encoder(metric="cosine", **params)
    getattr(estimator_checks, name)("SiameseSpeakerEncoder", encoder)


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda one: type(one).__name__)
def test_a_front_end_accepts_set_output_and_still_returns_three_axes(front_end, container):
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 4000))
    assert clone(front_end).set_output(transform=container).fit_transform(X).ndim == 3
