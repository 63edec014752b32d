"""The weights in the package: computed by hand, robust to damage, good enough for real speech."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import logm
from scipy.stats import norm

import sklearn_siamese_speaker
from sklearn_siamese_speaker import (
    MFCC,
    OneShotClassifier,
    PretrainedSpeakerEncoder,
    SpeakerVerifier,
)
from sklearn_siamese_speaker.datasets import load_voices
from sklearn_siamese_speaker.encoders.pretrained import public_models as _public_models
from sklearn_siamese_speaker.encoders.pretrained.public_models import PUBLIC_MODELS

FILE = Path(sklearn_siamese_speaker.__file__).parent / PUBLIC_MODELS["box"].member
VOICES, SPEAKERS = load_voices(subset="test", return_X_y=True)  # six recordings of each of 25


def log_covariance(rows):
    """Return the upper triangle of the logarithm of the covariance, written out."""
    logarithm = logm(np.cov(rows, bias=True) + 0.05 * np.eye(len(rows))).real
    row, column = np.triu_indices(len(rows))
    return logarithm[row, column] * np.where(row == column, 1, np.sqrt(2))


def mixture_shifts(rows, weights, means, variances):
    deviations = np.sqrt(variances)
    densities = [
        w * norm.pdf(rows.T, m, s).prod(axis=1)
        for w, m, s in zip(weights, means, deviations, strict=True)
    ]
    posteriors = np.array(densities) / np.sum(densities, axis=0)  # (n_mixtures, n_frames)
    counts = posteriors.sum(axis=1)[:, np.newaxis]
    moved = (posteriors @ rows.T - counts * means) / (counts + 6)
    return 4 * (np.sqrt(weights)[:, np.newaxis] / deviations * moved).ravel()


def embed_by_hand(path, arrays):
    arrays = {name.removeprefix("network."): a.astype(float) for name, a in arrays.items()}
    (frames,) = MFCC().fit_transform([path])
    rows = (frames - arrays["mean"][:, np.newaxis]) / arrays["scale"][:, np.newaxis]
    padded = np.pad(rows, ((0, 0), (2, 2)), mode="edge")
    slopes = (padded[:, 4:] - padded[:, :-4]) / arrays["statistics.slope_scale"][:, np.newaxis]
    mixture = [arrays[f"statistics.mixture.{name}"] for name in ("weights", "means", "variances")]
    statistics = [
        rows.mean(axis=1),
        np.sqrt(rows.var(axis=1) + 1e-5),
        log_covariance(rows),
        0.7 * log_covariance(slopes),
        mixture_shifts(rows, *mixture),
    ]
    discriminant = (np.concatenate(statistics) - arrays["center"]) @ arrays["directions"]
    embedding = arrays["embedding.weight"] @ discriminant + arrays["embedding.bias"]
    return embedding / np.sqrt(embedding @ embedding + arrays["mean_square"] / 2)


def test_an_embedding_is_that_of_the_written_out_formulas():
    with np.load(FILE, allow_pickle=False) as arrays:
        expected = [embed_by_hand(path, arrays) for path in VOICES[:20:7]]
    embeddings = PretrainedSpeakerEncoder().transform(VOICES[:20:7])
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, expected, atol=1e-4)


def test_the_default_needs_no_network_and_recognizes_adults_without_a_warning(monkeypatch):
    monkeypatch.setattr(_public_models, "fetch", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        who = OneShotClassifier(PretrainedSpeakerEncoder()).fit(VOICES[::6], SPEAKERS[::6])
        assert who.metric_ == "euclidean"
        rest = np.arange(len(VOICES)) % 6 > 0
        # One in 25 would be chance.
        assert who.score([VOICES[i] for i in np.flatnonzero(rest)], SPEAKERS[rest]) > 0.9


def test_its_threshold_recognizes_enrolled_people_and_rejects_most_others():
    who = OneShotClassifier(PretrainedSpeakerEncoder(), threshold="encoder")
    who.fit(VOICES[:30:6], SPEAKERS[:30:6])  # five people
    recognized = who.predict(VOICES)
    assert (recognized[:30] == SPEAKERS[:30]).mean() > 0.6
    assert (recognized[30:] == "unknown").mean() > 0.95


def test_two_recordings_are_verified_without_a_fit():
    verifier = SpeakerVerifier(PretrainedSpeakerEncoder())
    first, second = [VOICES[0], VOICES[12]], [VOICES[1], VOICES[13]]
    assert verifier.verify(first, second).tolist() == [1, 1]
    assert verifier.verify(first, second[::-1]).tolist() == [0, 0]


def test_weights_of_ones_own_have_no_threshold():
    encoder = PretrainedSpeakerEncoder(file=FILE)
    assert encoder.threshold_ is None
    with pytest.raises(ValueError, match="threshold='encoder' needs an encoder that comes with a"):
        OneShotClassifier(encoder, threshold="encoder").fit(VOICES[:1], SPEAKERS[:1])


def test_a_recording_has_the_same_bits_alone_and_among_others():
    encoder = PretrainedSpeakerEncoder()
    embeddings = encoder.transform(VOICES[:3])
    for i in range(3):
        np.testing.assert_array_equal(encoder.transform(VOICES[i : i + 1]), embeddings[i : i + 1])


def test_the_file_is_small_and_has_the_hash_that_the_code_names():
    assert FILE.stat().st_size < 4 * 2**20
    model = PUBLIC_MODELS["box"]
    assert model.find_hash(str(FILE)) == model.published.sha256
    assert PretrainedSpeakerEncoder().fit(VOICES[:1]).weights_ == ("box", model.published.sha256)


def test_one_changed_byte_in_the_package_is_noticed(monkeypatch, tmp_path):
    content = bytearray(FILE.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "box.npz").write_bytes(content)
    model = dataclasses.replace(PUBLIC_MODELS["box"], member=str(tmp_path / "box.npz"))
    monkeypatch.setitem(PUBLIC_MODELS, "box", model)
    expected = (
        "The weights of the box are missing in the package 'sklearn_siamese_speaker' or damaged; "
        "install it again."
    )
    with pytest.raises(OSError, match=expected):
        PretrainedSpeakerEncoder().fit(VOICES[:1])


def test_weights_of_ones_own_are_read_from_a_file(tmp_path):
    with np.load(FILE, allow_pickle=False) as arrays:
        own = {name: -a if name == "network.embedding.bias" else a for name, a in arrays.items()}
    np.savez(tmp_path / "own.npz", **own)
    ours, theirs = (
        PretrainedSpeakerEncoder(file=file).transform(VOICES[:2])
        for file in (None, tmp_path / "own.npz")
    )
    assert np.abs(ours - theirs).max() > 0


def test_an_array_of_python_objects_is_never_unpickled(tmp_path):
    np.savez(tmp_path / "evil.npz", mean=np.array([print], dtype=object))
    expected = (
        r"'.*evil.npz' does not hold weights of the box: no dict of tensors \(ValueError\); the "
        r"published file is encoders/pretrained/data/box.npz \(SHA-256 \w+\)\.$"
    )
    with pytest.raises(ValueError, match=expected):
        PretrainedSpeakerEncoder(file=tmp_path / "evil.npz").fit(VOICES[:1])
