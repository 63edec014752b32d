"""A name for what an encoder computes: the same after a save, another after other training."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import (
    MFCC,
    TRUSTED_TYPES,
    FramePooling,
    PretrainedSpeakerEncoder,
    SiameseSpeakerEncoder,
)
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.encoders.fingerprint import fingerprint, make_ready
from sklearn_siamese_speaker.nn.public_networks import DVector


@pytest.fixture(scope="module")
def speech():
    return make_speakers(n_speakers=6, n_recordings=4, duration=0.5, random_state=0)


def make_pipeline_of_statistics(X, **parameters):
    return make_pipeline(MFCC(**parameters), FramePooling()).fit(X)


def make_siamese(X, y, seed=0):
    tiny = {"network__filters": (4, 4, 4), "network__embedding_dim": 8}
    encoder = SiameseSpeakerEncoder("cnn2d", max_epochs=1, batch_size=8, random_state=seed, **tiny)
    return make_pipeline(MFCC(n_mfcc=13), encoder).fit(X, y)


def test_a_frozen_encoder_has_the_fingerprint_of_what_is_frozen(speech):
    encoder = make_pipeline_of_statistics(speech[0])
    assert fingerprint(make_ready(FrozenEstimator(encoder))) == fingerprint(encoder)


@pytest.mark.parametrize("make", [make_pipeline_of_statistics, make_siamese])
def test_a_saved_encoder_keeps_its_fingerprint(make, speech, tmp_path):
    skops = pytest.importorskip("skops.io")
    encoder = make(*speech[:1]) if make is make_pipeline_of_statistics else make(*speech)
    skops.dump(encoder, tmp_path / "encoder.skops")
    loaded = skops.load(tmp_path / "encoder.skops", trusted=TRUSTED_TYPES)
    assert fingerprint(loaded) == fingerprint(encoder)


def test_other_training_data_settings_and_seeds_have_other_fingerprints(speech):
    X, y = speech
    encoders = [
        make_pipeline_of_statistics(X),
        make_pipeline_of_statistics(X[:20]),
        make_pipeline_of_statistics(X, n_mfcc=20),
        make_siamese(X, y),
        make_siamese(X, y, seed=1),
    ]
    assert len({fingerprint(encoder) for encoder in encoders}) == 5


def test_what_changes_no_embedding_changes_no_fingerprint(speech, tmp_path):
    encoder = make_pipeline_of_statistics(speech[0])
    before = fingerprint(encoder)
    encoder.set_params(mfcc__n_jobs=2, mfcc__memory=str(tmp_path))
    assert fingerprint(encoder) == before


def test_a_parameter_that_a_later_version_adds_changes_no_fingerprint():
    class Now(BaseEstimator):
        def __init__(self, width=1.0):
            self.width = width

    class Later(BaseEstimator):
        def __init__(self, width=1.0, added=None):
            self.width, self.added = width, added

    Later.__qualname__ = Now.__qualname__
    Later.__name__ = Now.__name__
    assert fingerprint(Later()) == fingerprint(Now())
    assert fingerprint(Later(added=True)) != fingerprint(Now())


def test_it_names_the_last_step_or_the_weights(speech, tmp_path):
    X, y = speech
    assert fingerprint(make_siamese(X, y)).startswith("SiameseSpeakerEncoder:")
    assert fingerprint(make_ready(pretrained(tmp_path))).startswith("dvector:")


def pretrained(folder, seed=0, **parameters):
    """Return a d-vector with random weights in a file."""
    torch = pytest.importorskip("torch")
    file = folder / f"{seed}.pt"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.save(DVector().state_dict(), file)
    return PretrainedSpeakerEncoder("dvector", file=file, **parameters)


def test_pretrained_weights_are_known_by_content_and_not_by_path(tmp_path):
    first = fingerprint(make_ready(pretrained(tmp_path)))
    (tmp_path / "elsewhere").mkdir()
    assert fingerprint(make_ready(pretrained(tmp_path / "elsewhere"))) == first
    assert fingerprint(make_ready(pretrained(tmp_path, seed=1))) != first
    assert fingerprint(make_ready(pretrained(tmp_path, duration=1.0))) != first
    assert fingerprint(make_ready(pretrained(tmp_path, device="cpu"))) == first


def test_an_encoder_that_has_to_be_trained_is_refused_before():
    with pytest.raises(NotFittedError):
        make_ready(make_pipeline(MFCC(), FramePooling()))


def add(a, b):
    return a + b


class Settings:
    def __init__(self, width):
        self.width = width


@pytest.mark.parametrize(
    ("value", "same", "other"),
    [
        ({"b", "a"}, {"a", "b"}, {"a"}),
        (add, add, make_siamese),
        (Settings, Settings, PCA),
        (Settings(1), Settings(1), Settings(2)),
        (np.float32(1), 1.0, np.float32(2)),
        (np.array([1, "a"], dtype=object), [1, "a"], [1, "b"]),
        (slice(1, 2), slice(1, 2), slice(1, 3)),
        ({"a": (1, 2)}, {"a": [1, 2]}, {"b": [1, 2]}),
    ],
)
def test_parameters_of_every_kind_count_by_value(value, same, other):
    class Encoder(BaseEstimator):
        def __init__(self, setting=None):
            self.setting = setting

    names = [fingerprint(Encoder(setting)) for setting in (value, same, other)]
    assert names[0] == names[1] != names[2]


def test_the_first_weights_of_a_network_given_as_a_parameter_do_not_count():
    torch = pytest.importorskip("torch")

    class Encoder(BaseEstimator):
        def __init__(self, network=None):
            self.network = network

    names = {fingerprint(Encoder(torch.nn.Linear(2, 2))) for _ in range(2)}
    assert len(names) == 1
    assert fingerprint(Encoder(torch.nn.ReLU())) not in names


def test_the_name_depends_on_no_version():
    """A change of these digits locks people out of their stores."""
    pca = PCA(1).fit(np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 4.0]]))
    for name in [name for name in vars(pca) if name.endswith("_")]:
        delattr(pca, name)  # their last bits are those of a linear algebra library
    pca.components_ = np.array([[0.5, -0.25]])
    assert fingerprint(pca) == "PCA:4ab490b09d76b6ffb20010bcba9dd639"
