"""VGGish: what every front end promises, its weights, the published embeddings of a sine."""

import functools
import os
import pickle
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
import torch
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker._audio import AudioError
from sklearn_siamese_speaker.features import FramePooling
from sklearn_siamese_speaker.features import _vggish as vggish_module
from sklearn_siamese_speaker.features._vggish import VGGish, quantize
from sklearn_siamese_speaker.features.base import pass_in_blocks
from sklearn_siamese_speaker.features.spectral import vggish_log_mel, vggish_patches
from sklearn_siamese_speaker.features.vggish_weights import load_network
from sklearn_siamese_speaker.nn import vggish as _vggish

RANDOM_WEIGHTS = r"ignore:VGGish\(weights=None\):UserWarning"
pytestmark = pytest.mark.filterwarnings(RANDOM_WEIGHTS)


@pytest.fixture
def narrow(monkeypatch):
    """Two filters instead of 64: the same network in a hundredth of the time."""
    original = _vggish.VGGishNetwork
    monkeypatch.setattr(_vggish, "VGGishNetwork", functools.partial(original, width=2))
    load_network.cache_clear()
    yield
    load_network.cache_clear()


@pytest.fixture
def waveforms():
    """Five recordings of 3 s whose levels are 40 dB apart."""
    levels = 10.0 ** np.array([0, -2, -1, 0, -2])
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, (5, 48000))
    return (levels[:, np.newaxis] * noise).astype(np.float32)


@pytest.fixture
def voices(waveforms):
    return [waveform[: 48000 - 9000 * index] for index, waveform in enumerate(waveforms)]


def make_sine(sample_rate=16000):
    return np.sin(2 * np.pi * 1000 * np.arange(0, 3, 1 / sample_rate))


def random_vggish(**parameters):
    return VGGish(weights=None, random_state=0, **parameters)


# Post-processing


def test_quantized_values_are_those_computed_by_hand():
    # x + 2 is in units of 4 / 255: 10 of them are 10, 10.4 are 10, 10.6 are 11; ends are clipped.
    step = 4 / 255
    whitened = np.array([[-2, -2.1, -1e9, 2, 2.1, 1e9, 0.1 * step - 2, 10.4 * step - 2]])
    expected = [[0, 0, 0, 255, 255, 255, 0, 10]]
    quantized = quantize(whitened, np.eye(8), np.zeros(8))
    np.testing.assert_array_equal(quantized, expected)
    assert quantized.dtype == np.float32
    between = np.array([[10.6, 254.4, 254.6, 0.4, 0.6, 1.4]]) * step - 2
    expected = [[11, 254, 255, 0, 1, 1]]
    np.testing.assert_array_equal(quantize(between, np.eye(6), np.zeros(6)), expected)


def test_halves_are_rounded_to_even():
    # 0 is the middle, 127.5; 2 / 255 above it is exactly 128 and below it exactly 127.
    values = np.array([[0.0, 2 / 255, -2 / 255]])
    np.testing.assert_array_equal(quantize(values, np.eye(3), np.zeros(3)), [[128, 128, 127]])


def test_means_are_removed_before_the_rows_of_eigenvectors_are_applied():
    # (1, 2) - (1, 1) = (0, 1); its products with (1, 2) and (3, -1) are 2 and -1.
    quantized = quantize(np.array([[1.0, 2.0]]), np.array([[1.0, 2.0], [3.0, -1.0]]), np.ones(2))
    np.testing.assert_array_equal(quantized, [[255, 64]])  # (-1 + 2) * 63.75 = 63.75


def test_postprocess_quantizes_the_embeddings(narrow, waveforms, monkeypatch):
    components = np.random.default_rng(0).normal(size=(128, 128)), np.full(128, 0.01)
    monkeypatch.setattr(vggish_module, "load_principal_components", lambda: components)
    embeddings = random_vggish().fit_transform(waveforms)
    quantized = random_vggish(postprocess=True).fit_transform(waveforms)
    assert quantized.dtype == np.float32
    assert len(np.unique(quantized)) > 10
    expected = [quantize(recording.T, *components).T for recording in embeddings]
    np.testing.assert_array_equal(quantized, expected)


# The transformer


def test_embeddings_are_those_of_the_network_on_the_patches(narrow, waveforms):
    vggish = random_vggish(final_relu=False).fit(waveforms)
    frames = vggish.transform(waveforms)
    assert frames.shape == (5, 128, 3)
    assert frames.dtype == np.float32
    network = load_network(vggish.weights_, False)
    for waveform, recording in zip(waveforms, frames, strict=True):
        patches = torch.from_numpy(vggish_patches(vggish_log_mel(waveform)).copy())
        expected = network(patches).detach().numpy().T
        np.testing.assert_allclose(recording, expected, atol=1e-5)
    assert frames.min() < 0
    with_relu = random_vggish().fit_transform(waveforms)
    np.testing.assert_array_equal(with_relu, np.maximum(frames, 0))


@pytest.mark.parametrize(
    ("n_times", "n_patches"),
    [(1600, 1), (15599, 1), (15600, 1), (30959, 1), (30960, 2), (46320, 3)],
)
def test_a_recording_has_as_many_patches_as_fit_and_at_least_one(narrow, n_times, n_patches):
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, n_times)
    assert random_vggish().fit_transform([waveform]).shape == (1, 128, n_patches)


def test_hop_is_in_seconds(narrow, waveforms):
    # 298 frames; patches of 96 from every 48th, or from every one.
    assert random_vggish(hop=0.48).fit_transform(waveforms).shape == (5, 128, 5)
    embeddings = random_vggish(hop=0.001).fit_transform(waveforms[:1, :16000])
    assert embeddings.shape == (1, 128, 98 - 96 + 1)


@pytest.mark.parametrize("pad", ["zero", "repeat"])
def test_a_recording_shorter_than_a_patch_is_padded(narrow, waveforms, pad):
    short = waveforms[0, :6000]
    padded = np.pad(short, (0, 9600)) if pad == "zero" else np.tile(short, 3)[:15600]
    vggish = random_vggish(pad=pad).fit([short])
    np.testing.assert_array_equal(vggish.transform([short]), vggish.transform([padded]))


def assert_same_bits(frames, others):
    assert len(frames) == len(others)
    for recording, other in zip(frames, others, strict=True):
        assert recording.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(recording, other)


def test_a_recording_has_the_same_bits_alone_in_arrays_lists_and_files(
    narrow, waveforms, voices, tmp_path
):
    vggish = random_vggish().fit(list(waveforms))
    rows = vggish.transform(waveforms)
    assert_same_bits(rows, [vggish.transform(waveforms[i : i + 1])[0] for i in range(5)])
    assert_same_bits(rows[:1], vggish.transform(voices)[:1])
    ragged = vggish.transform(voices)
    assert ragged.dtype == object
    assert [recording.shape for recording in ragged] == [
        (128, 3),
        (128, 2),
        (128, 1),
        (128, 1),
        (128, 1),
    ]
    assert_same_bits(ragged, vggish.transform(voices[::-1])[::-1])
    paths = [tmp_path / f"{index}.wav" for index in range(5)]
    for path, voice in zip(paths, voices, strict=True):
        soundfile.write(path, voice, 16000, subtype="FLOAT")
    assert_same_bits(ragged, vggish.transform(paths))
    with joblib.parallel_backend("threading"):
        assert_same_bits(ragged, clone(vggish).set_params(n_jobs=2).fit_transform(voices))


def test_batches_are_of_one_recording_and_of_the_size_asked_for(narrow, waveforms, monkeypatch):
    sizes = []
    forward = _vggish._Convolutions.forward

    def spy(self, patches):
        sizes.append(patches.shape[1])
        return forward(self, patches)

    monkeypatch.setattr(_vggish._Convolutions, "forward", spy)
    small = random_vggish(hop=0.4, batch_size=4).fit_transform(waveforms[:2])
    assert sizes == [4, 2, 4, 2]
    large = random_vggish(hop=0.4).fit_transform(waveforms[:2])
    assert sizes[4:] == [6, 6]
    np.testing.assert_allclose(small, large, atol=1e-5)


def test_blocks_have_one_size_whatever_the_recordings():
    sizes = []

    def add_one(block):
        sizes.append(block.shape)
        return block + 1

    rows = np.arange(22, dtype=np.float32).reshape(11, 2)
    groups = pass_in_blocks(add_one, [rows[:3], iter(rows[3:10]), rows[10:]], 8)
    assert [len(group) for group in groups] == [3, 7, 1]
    np.testing.assert_array_equal(np.concatenate(groups), rows + 1)
    assert sizes == [(8, 2), (8, 2)]


def test_a_cache_gives_the_same_bits_as_none(narrow, voices, tmp_path):
    vggish = random_vggish().fit(voices)
    cached = clone(vggish).set_params(memory=str(tmp_path / "cache")).fit(voices)
    assert_same_bits(vggish.transform(voices), cached.transform(voices))


@pytest.mark.filterwarnings("ignore:X.0. .*has 8000 Hz, less than:UserWarning")
def test_files_and_arrays_are_resampled_to_16_khz(narrow, tmp_path):
    sine = 0.5 * make_sine(8000)
    soundfile.write(tmp_path / "a.wav", sine, 8000, subtype="FLOAT")
    vggish = random_vggish(input_sample_rate=8000)
    from_array = vggish.fit_transform([sine.astype(np.float32)])
    assert from_array.shape == (1, 128, 3)
    assert_same_bits(from_array, vggish.fit_transform([tmp_path / "a.wav"]))


def test_bad_recordings_are_named(narrow, waveforms):
    with pytest.raises(AudioError, match=r"^X\[1\] lasts 0.0625 s, less than 0.1 s"):
        random_vggish().fit([waveforms[0], waveforms[1, :1000]])


# Weights


@pytest.mark.filterwarnings("ignore:X.1. peaks at:UserWarning")
def test_a_recording_whose_embeddings_cannot_be_finite_is_named(narrow, waveforms, tmp_path):
    waveforms[1] *= 1e35
    for memory in (None, str(tmp_path)):
        with pytest.raises(AudioError, match=r"^X\[1\] has samples so large that its frames are n"):
            random_vggish(memory=memory).fit_transform(waveforms)


@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
def test_one_bad_path_alone_is_named(narrow, waveforms, method):
    vggish = random_vggish().fit(waveforms)
    with pytest.raises(AudioError, match=r"^X\[0\] 'somebody.wav' cannot be opened"):
        getattr(vggish, method)(["somebody.wav"])


def test_random_weights_warn_where_fit_was_called(narrow, waveforms):
    for method in ("fit", "fit_transform"):
        with pytest.warns(UserWarning, match="has random weights, which know nothing") as records:
            getattr(random_vggish(), method)(waveforms)
        assert [record.filename for record in records] == [__file__]


def test_transform_never_warns(narrow, waveforms):
    vggish = random_vggish().fit(waveforms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vggish.transform(waveforms)


def test_a_fitted_transformer_pickles_without_weights_and_gives_the_same_bits(narrow, waveforms):
    vggish = random_vggish().fit(waveforms)
    frames = vggish.transform(waveforms)
    content = pickle.dumps(vggish)
    assert len(content) < 2000
    load_network.cache_clear()
    assert_same_bits(frames, pickle.loads(content).transform(waveforms))


def test_a_seed_that_is_not_given_stays_that_of_fit(narrow, waveforms):
    vggish, other = VGGish(weights=None).fit(waveforms), VGGish(weights=None).fit(waveforms)
    frames = vggish.transform(waveforms)
    assert not np.array_equal(frames, other.transform(waveforms))
    assert_same_bits(frames, vggish.transform(waveforms))


def save_weights(path, seed):
    torch.manual_seed(seed)
    torch.save(_vggish.VGGishNetwork().state_dict(), path)


def test_weights_of_a_file_are_read_again_after_pickling(narrow, waveforms, tmp_path):
    save_weights(tmp_path / "net.pth", 0)
    vggish = VGGish(tmp_path / "net.pth").fit(waveforms)
    frames = vggish.transform(waveforms)
    again = pickle.loads(pickle.dumps(vggish))
    load_network.cache_clear()
    assert_same_bits(frames, again.transform(waveforms))
    save_weights(tmp_path / "net.pth", 1)
    load_network.cache_clear()
    with pytest.raises(ValueError, match="fit again"):
        again.transform(waveforms)


def test_a_bad_file_of_weights_is_refused_by_fit_and_spares_the_fitted_state(
    narrow, waveforms, tmp_path
):
    vggish = random_vggish().fit(waveforms)
    frames = vggish.transform(waveforms)
    (tmp_path / "net.pth").write_bytes(b"These are no weights.")
    with pytest.raises(ValueError, match="does not hold weights of VGGish"):
        vggish.set_params(weights=tmp_path / "net.pth").fit(waveforms)
    assert_same_bits(frames, vggish.transform(waveforms))


def test_a_cache_knows_recordings_and_the_content_of_weights(
    narrow, waveforms, tmp_path, monkeypatch
):
    extractions = []
    original = VGGish._extract
    monkeypatch.setattr(
        VGGish, "_extract", lambda self, x: extractions.append(1) or original(self, x)
    )
    save_weights(tmp_path / "net.pth", 0)
    vggish = VGGish(tmp_path / "net.pth", memory=str(tmp_path / "cache"))
    first = vggish.fit_transform(waveforms)
    assert_same_bits(first, clone(vggish).fit_transform(waveforms[::-1])[::-1])
    assert len(extractions) == 5
    save_weights(tmp_path / "net.pth", 1)
    second = clone(vggish).fit_transform(waveforms)
    assert len(extractions) == 10
    assert not np.array_equal(first, second)
    assert_same_bits(second, VGGish(tmp_path / "net.pth").fit_transform(waveforms))


# Pipelines and scikit-learn


def test_pipelines_of_vggish_learn(narrow):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 4)
    tones = np.sin(2 * np.pi * np.array([300, 2000])[y, np.newaxis] * np.arange(32000) / 16000)
    X = 0.5 * tones + rng.uniform(-0.01, 0.01, (8, 32000))
    encoder = SiameseSpeakerEncoder(
        network="cnn2d",
        network__filters=(4,),
        network__embedding_dim=4,
        max_epochs=2,
        batch_size=8,
        random_state=0,
    )
    siamese = Pipeline([("vggish", random_vggish()), ("encoder", encoder)])
    assert siamese.fit_transform(X, y).shape == (8, 4)
    neighbors = make_pipeline(random_vggish(), FramePooling(), KNeighborsClassifier(1))
    assert neighbors.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) == 1


def test_features_are_named_after_vggish(narrow, waveforms):
    names = random_vggish().fit(waveforms).get_feature_names_out()
    assert list(names[[0, 127]]) == ["vggish0", "vggish127"]


# The published weights, where the data home has them


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sample_rate", "final_relu", "embedding", "quantized"),
    [
        (44100, True, (0.131, 0.238), (123.0, 75.0)),
        (16000, False, (0.000657, 0.343), (126.0, 89.3)),
    ],
)
def test_embeddings_of_a_sine_are_as_published(sample_rate, final_relu, embedding, quantized):
    folder = Path(os.environ.get("SKLEARN_SIAMESE_SPEAKER_DATA", ""), "vggish")
    if not all((folder / n).exists() for n in ("vggish-10086976.pth", "vggish_pca_params.npz")):
        pytest.skip("SKLEARN_SIAMESE_SPEAKER_DATA names no folder with the published weights")
    vggish = VGGish(final_relu=final_relu, input_sample_rate=sample_rate)
    sine = [make_sine(sample_rate)]
    for postprocess, (mean, std) in ((False, embedding), (True, quantized)):
        frames = vggish.set_params(postprocess=postprocess).fit_transform(sine)
        assert frames.mean() == pytest.approx(mean, rel=0.1, abs=0.1 * std)
        assert frames.std() == pytest.approx(std, rel=0.1)
