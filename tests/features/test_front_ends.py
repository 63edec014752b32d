"""What every front end promises: lengths, neighbors, caches, processes, bad input."""

import io
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import joblib
import librosa
import numpy as np
import pandas as pd
import polars as pl
import pytest
import soundfile
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_siamese_speaker import OneShotClassifier, _progress
from sklearn_siamese_speaker._audio import AudioError, AudioQualityWarning
from sklearn_siamese_speaker.features import MFCC, FramePooling, LogMelSpectrogram, RawAudio

FRONT_ENDS = [
    RawAudio(),
    RawAudio(sample_rate=8000, duration=0.4, trim_silence=True),
    RawAudio(duration=0.3, drop_silence=True),
    LogMelSpectrogram(),
    LogMelSpectrogram(normalize="mean_variance", deltas=1),
    MFCC(),
    MFCC(duration=0.3, crop="start", drop_silence=True),
    MFCC(13, deltas=2, normalize="mean", duration=0.7, crop="loudest", pad="repeat"),
]
low_rate = pytest.mark.filterwarnings("ignore:X.0. .*has 8000 Hz, less than:UserWarning")
every_front_end = pytest.mark.parametrize("front_end", FRONT_ENDS, ids=repr)


def assert_same_bits(frames, others):
    assert len(frames) == len(others)
    for recording, other in zip(frames, others, strict=True):
        assert recording.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(recording, other)


# The contract, for lists


@every_front_end
@pytest.mark.parametrize("kind", ["voices", "paths"])
def test_frames_of_lists_do_not_depend_on_neighbors_order_or_process(front_end, kind, request):
    X = request.getfixturevalue(kind)
    front_end = clone(front_end).fit(X)
    state = dict(vars(front_end))
    frames = front_end.transform(X)
    assert vars(front_end) == state
    assert not hasattr(front_end, "n_features_in_")
    assert_same_bits(frames, [front_end.transform([x])[0] for x in X])
    assert_same_bits(frames, front_end.transform(X[::-1])[::-1])
    assert_same_bits(frames, clone(front_end).fit_transform(X))
    assert_same_bits(frames, pickle.loads(pickle.dumps(front_end)).transform(X))
    assert_same_bits(frames, clone(front_end).set_params(n_jobs=2).fit_transform(X * 8)[:6])
    assert {len(recording) for recording in frames} == {len(front_end.get_feature_names_out())}


@every_front_end
def test_a_recording_has_the_same_bits_as_row_item_and_file(front_end, waveforms, voices, paths):
    rows = clone(front_end).fit_transform(waveforms)
    assert isinstance(rows, np.ndarray)
    assert rows.ndim == 3
    assert_same_bits(rows, [clone(front_end).fit_transform([x])[0] for x in waveforms])
    assert_same_bits(rows, clone(front_end).fit_transform(waveforms[:, np.newaxis]))
    assert_same_bits(clone(front_end).fit_transform(voices), clone(front_end).fit_transform(paths))


@every_front_end
def test_input_is_never_modified(front_end, waveforms):
    before = waveforms.copy()
    frames = clone(front_end).fit_transform(waveforms)
    frames += 1
    np.testing.assert_array_equal(waveforms, before)


@pytest.mark.filterwarnings("ignore:The rows of X have 1 samples:UserWarning")
@every_front_end
def test_a_row_of_one_sample_has_frames(front_end):
    with pytest.warns(AudioQualityWarning, match="is silent"):
        assert clone(front_end).fit_transform(np.zeros((2, 1))).shape[2] >= 1


def test_recordings_of_several_lengths_come_as_an_object_array(voices):
    frames = MFCC().fit_transform(voices)
    assert frames.dtype == object
    assert [recording.shape for recording in frames] == [
        (40, 1 + len(voice) // 160) for voice in voices
    ]


def test_recordings_of_one_length_come_as_three_axes(waveforms):
    assert MFCC().fit_transform(list(waveforms)).shape == (6, 40, 51)


def test_an_array_of_another_length_is_refused_with_the_way_out(waveforms):
    front_end = MFCC().fit(waveforms)
    expected = (
        "^X has 4000 features, but MFCC is expecting 8000 features as input; pass a list of 1-D "
        "arrays for recordings of other lengths$"
    )
    with pytest.raises(ValueError, match=expected):
        front_end.transform(waveforms[:, :4000])
    assert front_end.transform(list(waveforms[:, :4000])).shape == (6, 40, 26)
    front_end.fit(list(waveforms))
    assert front_end.transform(waveforms[:, :4000]).shape == (6, 40, 26)


def test_four_axes_are_refused():
    with pytest.raises(ValueError, match=r"takes waveforms of shape .* got shape \(2, 1, 1, 9\)"):
        MFCC().fit(np.zeros((2, 1, 1, 9)))


# Rates and parameters


@low_rate
@pytest.mark.parametrize(
    ("input_rate", "rate", "n_times"), [(16000, 4000, 2000), (8000, 16000, 16000)]
)
def test_arrays_are_resampled_from_their_rate(waveforms, input_rate, rate, n_times):
    front_end = RawAudio(rate, input_sample_rate=input_rate)
    assert front_end.fit_transform(waveforms).shape == (6, 1, n_times)


def test_three_seconds_at_4_khz_are_12000_samples():
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 48000))
    assert RawAudio(sample_rate=4000).fit_transform(X).shape == (2, 1, 12000)


@low_rate
def test_files_are_resampled_from_the_rate_in_their_header(tmp_path, waveforms):
    soundfile.write(tmp_path / "a.wav", waveforms[0], 8000)
    assert RawAudio(input_sample_rate=4000).fit_transform([tmp_path / "a.wav"]).shape[2] == 16000


def test_mfcc_of_a_quiet_recording_beside_a_loud_one_is_that_of_librosa(waveforms):
    frames = MFCC().fit_transform(waveforms)
    options = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 64, "fmin": 20}
    for recording, waveform in zip(frames, waveforms, strict=True):
        expected = librosa.feature.mfcc(y=waveform, sr=16000, n_mfcc=40, **options)
        np.testing.assert_allclose(recording, expected, atol=1e-3)


@pytest.mark.skipif(
    "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ, reason="no folder of speech given"
)
def test_mfcc_of_real_speech_are_those_of_librosa():
    paths = sorted(Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"]).rglob("*.flac"))[::100]
    options = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 64, "fmin": 20}
    for path, frames in zip(paths, MFCC().fit_transform(paths), strict=True):
        waveform, _ = librosa.load(path, sr=16000, res_type="soxr_hq")
        expected = librosa.feature.mfcc(y=waveform, sr=16000, n_mfcc=40, **options)
        np.testing.assert_allclose(frames, expected, atol=1e-3)


def test_mfcc_are_the_cosine_transform_of_log_mel_spectrograms(waveforms):
    log_mel = LogMelSpectrogram().fit_transform(waveforms)
    mfcc = MFCC(64).fit_transform(waveforms)
    # The transform is orthonormal, so the energy of the cepstra is that of the bands.
    np.testing.assert_allclose(np.square(mfcc).sum(1), np.square(log_mel).sum(1), rtol=1e-5)


def test_features_are_named_after_their_front_end(waveforms):
    assert MFCC(2, deltas=1).fit(waveforms).get_feature_names_out().tolist() == [
        "mfcc0",
        "mfcc1",
        "mfcc2",
        "mfcc3",
    ]


@pytest.mark.parametrize(
    ("front_end", "message"),
    [
        (MFCC(65), "n_mfcc=65 must be at most n_mels=64"),
        (MFCC(fmin=5000, fmax=400), "fmin=5000 Hz and fmax=400 Hz must be in order and at most"),
        (LogMelSpectrogram(fmax=8000, sample_rate=8000), "half of sample_rate=8000 Hz"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(waveforms, front_end, message):
    with pytest.raises(ValueError, match=message):
        front_end.fit(waveforms)


def test_empty_mel_bands_warn(waveforms):
    with pytest.warns(AudioQualityWarning, match="mel bands are narrower than the frequency resol"):
        LogMelSpectrogram(n_mels=128, sample_rate=4000).fit(waveforms)


@pytest.mark.parametrize(
    "front_end",
    [
        RawAudio(duration=1e9),
        MFCC(n_mels=10**9),
        LogMelSpectrogram(window=1e9),
        LogMelSpectrogram(duration=3601),
    ],
    ids=repr,
)
def test_parameters_that_no_memory_is_large_enough_for_are_refused(waveforms, front_end):
    with pytest.raises(InvalidParameterError, match=r"must be an? (int|float) in the range"):
        front_end.fit(waveforms)


# Extraction


def test_fit_extracts_nothing(extractions, paths):
    MFCC().fit(paths)
    assert not extractions


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky", "multiprocessing"])
def test_every_backend_of_joblib_gives_the_same_frames(paths, backend):
    expected = MFCC().fit_transform(paths * 3)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert_same_bits(MFCC().fit_transform(paths * 3), expected)


def test_a_long_extraction_says_how_far_it_is(waveforms, monkeypatch):
    seconds, lines = iter(np.arange(0, 1000, 4.0)), io.StringIO()
    monkeypatch.setattr(_progress, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=lines))
    MFCC().fit_transform(list(waveforms) * 5)
    assert lines.getvalue() == "Extracting frames: 16 of 30, 7 s left\n"


# Bad input


def test_all_bad_recordings_are_named_at_once_and_nothing_is_extracted(
    tmp_path, extractions, paths
):
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    missing, silent = str(tmp_path / "none.wav"), str(tmp_path / "silent.wav")
    X = [paths[0], silent, paths[1], missing, np.full(8000, np.nan)]
    for call in (MFCC().fit, MFCC().fit_transform, MFCC().fit(paths).transform):
        with pytest.raises(AudioError) as error:
            call(X)
        lines = str(error.value).split("\n")
        assert lines[0] == "3 of 5 recordings cannot be used:"
        assert lines[1].startswith(f"X[1] {silent!r} is silent")
        assert lines[2].startswith(f"X[3] {missing!r} cannot be opened (No such file or directory)")
        assert lines[3].startswith("X[4] holds 8000 NaN or infinite samples")
        assert (error.value.index, error.value.path) == (1, silent)
    assert not extractions


@every_front_end
@pytest.mark.parametrize("method", ["fit", "fit_transform", "transform"])
def test_one_bad_path_alone_is_named(tmp_path, front_end, waveforms, method):
    missing = str(tmp_path / "somebody.wav")
    front_end = clone(front_end).fit(waveforms)
    with pytest.raises(AudioError, match=r"^X\[0\] '.*somebody.wav' cannot be opened"):
        getattr(front_end, method)([missing])


def test_one_bad_path_is_named_by_the_classifier(waveforms):
    encoder = FrozenEstimator(make_pipeline(MFCC(), FramePooling()).fit(waveforms))
    people = ["ana", "ana", "ben", "ben", "eva", "eva"]
    named = r"^X\[0\] 'somebody.wav' cannot be opened"
    who = OneShotClassifier(encoder).fit(waveforms, people)
    for method in (who.predict, who.decision_function, who.similarities):
        with pytest.raises(AudioError, match=named):
            method(["somebody.wav"])
    with pytest.raises(AudioError, match=named):
        who.partial_fit(["somebody.wav"], ["joe"])


def test_faults_come_back_from_other_processes(tmp_path, paths):
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), 16000)
    X = [*paths * 6, tmp_path / "silent.wav"]
    with pytest.raises(AudioError, match=r"^X\[36\] '.*silent.wav' is silent"):
        MFCC(n_jobs=2).fit_transform(X)


def test_front_ends_import_neither_torch_nor_librosa():
    program = (
        "import sys, sklearn_siamese_speaker.features\n"
        "print({'torch', 'librosa'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "set()", result.stderr


def test_a_fit_that_fails_leaves_the_front_end_unfitted():
    mfcc = MFCC()
    with pytest.raises(AudioError):
        mfcc.fit([np.zeros(1600)])
    with pytest.raises(NotFittedError):
        mfcc.transform([np.sin(np.arange(1600.0))])


def test_sound_of_a_lower_rate_than_the_front_end_warns_and_names_it(tmp_path):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8000)
    soundfile.write(tmp_path / "telephone.wav", noise, 8000)
    path = str(tmp_path / "telephone.wav")
    message = r"X\[0\] '.*telephone.wav' has 8000 Hz, less than the 16000 Hz"
    with pytest.warns(AudioQualityWarning, match=message):
        MFCC().fit_transform([path])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MFCC(sample_rate=8000, n_mels=40).fit_transform([path])


def test_clipped_sound_is_used_with_a_warning_that_gives_the_share(tmp_path):
    tone = np.sin(np.arange(16000) / 10)
    clipped = np.clip(2 * tone, -1, 1)
    share = np.mean(np.abs(2 * tone) >= 1)
    soundfile.write(tmp_path / "loud.wav", clipped, 16000)
    with pytest.warns(AudioQualityWarning, match=f"loud.wav' is clipped: {share:.1%} of its"):
        MFCC().fit_transform([str(tmp_path / "loud.wav")])
    with pytest.warns(AudioQualityWarning, match="is clipped"):
        MFCC().fit_transform([clipped])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MFCC().fit_transform([0.99 * tone, 1.2 * tone])


# Samples of any size


@pytest.mark.parametrize("front_end", [LogMelSpectrogram(), MFCC(), RawAudio()], ids=repr)
@pytest.mark.filterwarnings("ignore:X.0. peaks at:UserWarning")
@pytest.mark.parametrize("exponent", [10, 60, 127])
def test_frames_of_finite_rows_are_finite_whatever_their_scale(waveforms, front_end, exponent):
    frames = front_end.fit_transform(np.ldexp(waveforms, exponent))
    assert np.isfinite(frames).all()


@pytest.mark.filterwarnings("ignore:X.0. peaks at:UserWarning")
@pytest.mark.parametrize("exponent", [19, 20, 21, 60, 127])
def test_a_scale_adds_its_decibels_to_the_bands(waveforms, exponent):
    loud = waveforms[:1]
    scaled = LogMelSpectrogram().fit_transform(np.ldexp(loud, exponent))
    expected = LogMelSpectrogram().fit_transform(loud) + 20 * np.log10(2) * exponent
    np.testing.assert_allclose(scaled, expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:X.1. peaks at:UserWarning")
def test_a_recording_whose_frames_cannot_be_finite_is_named(waveforms):
    X = waveforms.copy()
    X[1] = np.finfo(np.float32).max * np.sign(X[0])
    message = r"^X\[1\] has samples so large that its frames are not finite; scale it to \[-1, 1\]"
    with pytest.raises(AudioError, match=message):
        RawAudio(sample_rate=8000).fit_transform(X)  # resampling overshoots


def test_a_recording_that_does_not_fit_into_memory_is_named(waveforms, monkeypatch):
    def extract(self, waveform):
        raise MemoryError("Unable to allocate 2 PiB")

    monkeypatch.setattr(MFCC, "_extract", extract)
    message = r"^X\[0\] needs more memory than there is \(Unable to allocate 2 PiB\); set duration"
    with pytest.raises(AudioError, match=message):
        MFCC().fit_transform(waveforms[:1])


# Other containers


@pytest.mark.parametrize("X", [[], (), np.array([]), pd.Series([], dtype=object)], ids=repr)
def test_no_recordings_are_refused(X):
    with pytest.raises(ValueError, match="X is empty; pass at least one recording: a path, or an"):
        MFCC().fit(X)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, lambda table: np.array([["a.wav"]])])
def test_a_table_of_paths_is_refused_with_what_to_pass(waveforms, make):
    table = make({"path": ["a.wav"], "speaker": ["ana"]})
    message = rf"X has shape \({table.shape[0]}, {table.shape[1]}\) and holds paths; pass one colu"
    for call in (MFCC().fit, MFCC().fit_transform, MFCC().fit(waveforms).transform):
        with pytest.raises(ValueError, match=message):
            call(table)


@pytest.mark.filterwarnings("ignore:X.0. peaks at:UserWarning")
def test_rows_too_short_to_be_sound_warn():
    numbers = pd.DataFrame({"age": [31.0, 40.0], "height": [1.8, 1.7]})
    message = "The rows of X have 2 samples, 0.000125 s at input_sample_rate=16000 Hz; if they are"
    with pytest.warns(AudioQualityWarning, match=message):
        MFCC().fit_transform(numbers)


def test_channels_that_cancel_out_are_named(tmp_path, waveforms):
    stereo = np.stack([waveforms[0], -waveforms[0]], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 16000, subtype="FLOAT")
    message = r"is silent once its channels are averaged: they cancel out; pass one of them\."
    for item in (stereo, stereo.T, tmp_path / "a.wav"):
        with pytest.raises(AudioError, match=message):
            MFCC().fit_transform([item])
    with pytest.warns(AudioQualityWarning, match=message):
        MFCC().fit_transform(stereo.T[np.newaxis])
