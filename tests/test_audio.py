"""Every fault of a sound is found, named and cured in one sentence."""

import os
import pickle
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from sklearn_siamese_speaker._audio import (
    AudioError,
    AudioQualityWarning,
    Recording,
    _recordings,
    open_recordings,
    raise_faults,
    resample,
)
from sklearn_siamese_speaker._audio._sound_files import _find_ogg_fault
from sklearn_siamese_speaker.features import RawAudio

RATE = 16000


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(-0.5, 0.5, RATE // 2).astype(np.float32)


@pytest.fixture
def save(tmp_path, noise):
    """Return a factory of sound files."""

    def save(name="good.wav", waveform=noise, rate=RATE, **options):
        soundfile.write(tmp_path / name, waveform, rate, **options)
        return tmp_path / name

    return save


@pytest.fixture
def patch(tmp_path, save):
    """Return a factory of files whose bytes are changed after the fact."""

    def patch(name, changes=(), keep=None, original="good.wav"):
        content = bytearray(save(original).read_bytes())
        for position, value in dict(changes).items():
            content[position : position + len(value)] = value
        path = tmp_path / name
        path.write_bytes(content[:keep])
        return path

    return patch


def read_all(X, rate=RATE):
    recordings, faults = open_recordings(X, rate)
    raise_faults(faults, len(X))
    return [recording.read(rate) for recording in recordings]


def u16(value):
    return struct.pack("<H", value)


def u32(value):
    return struct.pack("<I", value)


# What is accepted


@pytest.mark.parametrize("kind", [list, tuple, pd.Series, lambda paths: np.array(paths, object)])
@pytest.mark.parametrize("path_type", [str, Path])
def test_paths_come_in_every_usual_container(save, noise, kind, path_type):
    path = path_type(save(subtype="FLOAT"))
    for waveform in read_all(kind([path, path])):
        np.testing.assert_array_equal(waveform, noise)


def test_one_path_alone_is_refused_with_the_list_to_pass(save):
    with pytest.raises(TypeError, match=r"X is one path, 'a\.wav'; pass a list of paths"):
        read_all("a.wav")


@pytest.mark.parametrize(
    ("dtype", "subtype"), [(np.int16, "PCM_16"), (np.int32, "PCM_32"), (np.uint8, "PCM_U8")]
)
def test_integer_pcm_has_the_bits_of_soundfile(tmp_path, dtype, subtype):
    limits = np.iinfo(dtype)
    pcm = np.random.default_rng(0).integers(limits.min, limits.max, RATE, dtype, endpoint=True)
    pcm[:2] = limits.min, limits.max
    # soundfile writes no uint8 arrays, so the samples of that file are written by hand.
    if dtype == np.uint8:
        soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE, subtype=subtype)
        content = (tmp_path / "a.wav").read_bytes()
        (tmp_path / "a.wav").write_bytes(content[: content.index(b"data") + 8] + pcm.tobytes())
    else:
        soundfile.write(tmp_path / "a.wav", pcm, RATE, subtype=subtype)
    expected, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    for waveform in read_all([pcm, tmp_path / "a.wav"]) + read_all(pcm[np.newaxis]):
        np.testing.assert_array_equal(waveform, expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_channels_of_an_array_in_a_list_are_averaged(noise, axis):
    stereo = np.stack([noise, 0.5 * noise], axis=axis)
    np.testing.assert_allclose(read_all([stereo])[0], 0.75 * noise, rtol=1e-6)


def test_channels_of_a_file_are_averaged(save, noise):
    path = save("stereo.wav", np.stack([noise, 0.5 * noise], axis=1), subtype="FLOAT")
    np.testing.assert_allclose(read_all([path])[0], 0.75 * noise, rtol=1e-6)


def test_an_array_with_a_channel_axis_is_that_of_its_rows(noise):
    X = np.stack([noise, -noise])
    np.testing.assert_array_equal(read_all(X[:, np.newaxis]), read_all(X))


def test_resampling_keeps_a_tone_and_its_level(save):
    times = np.arange(48000) / 48000
    path = save("tone.wav", 0.5 * np.sin(2 * np.pi * 1000 * times), 48000, subtype="FLOAT")
    (waveform,) = read_all([path])
    assert waveform.shape == (16000,)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / RATE)
    np.testing.assert_allclose(waveform[800:-800], expected[800:-800], atol=1e-3)


@pytest.mark.parametrize("layout", ["float64", "float16", "read-only", "strided", "reversed"])
def test_arrays_of_any_layout_are_read_and_never_modified(noise, layout):
    array = {
        "float64": noise.astype(np.float64),
        "float16": noise.astype(np.float16),
        "read-only": noise.copy(),
        "strided": np.repeat(noise, 2)[::2],
        "reversed": noise[::-1].copy()[::-1],
    }[layout]
    array.flags.writeable = layout != "read-only"
    before = array.copy()
    (waveform,) = read_all([array])
    np.testing.assert_allclose(waveform, noise, atol=5e-4 if layout == "float16" else 1e-7)
    np.testing.assert_array_equal(array, before)


def test_a_wav_that_was_streamed_is_whole(patch, noise):
    path = patch("stream.wav", {4: u32(0xFFFFFFFF), 40: u32(0xFFFFFFFF)})
    np.testing.assert_allclose(read_all([path])[0], noise, atol=1e-4)


def test_a_wav_with_bytes_behind_its_sound_is_whole(patch, noise):
    path = patch("tail.wav")
    path.write_bytes(path.read_bytes() + b"LIST")
    assert len(read_all([path])[0]) == len(noise)


@pytest.mark.parametrize("name", ["é ü.wav", "声.wav", "with space.wav", b"\xff.wav"])
def test_file_names_may_hold_anything_the_system_allows(save, tmp_path, noise, name):
    path = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
    try:
        os.rename(save(subtype="FLOAT"), path)
    except OSError:
        pytest.skip("this file system refuses the name")
    np.testing.assert_array_equal(read_all([os.fsdecode(path)])[0], noise)


# Parts of files


def at(start, stop):
    return lambda n_times: slice(round(start * n_times), round(stop * n_times))


@pytest.mark.parametrize("part", [(0, 0.1), (0.3, 0.7), (0.9, 1), (0, 1), (0.5, 0.5)])
@pytest.mark.parametrize(
    ("suffix", "rate"), [("wav", 16000), ("flac", 48000), ("ogg", 44100), ("mp3", 22050)]
)
def test_a_part_of_a_file_has_the_bits_of_the_whole(save, part, suffix, rate):
    long = np.random.default_rng(0).uniform(-0.5, 0.5, (200_001, 2))  # several blocks
    path = save(f"long.{suffix}", long, rate)
    (recording,), _ = open_recordings([path], RATE)
    whole = recording.read(RATE)
    np.testing.assert_array_equal(recording.read(RATE, at(*part)), whole[at(*part)(len(whole))])


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 192000])
def test_a_file_decoded_in_blocks_is_resampled_to_the_bits_of_one_piece(save, rate):
    long = np.random.default_rng(0).uniform(-0.5, 0.5, 150_001).astype(np.float32)
    path = save("long.wav", long, rate, subtype="FLOAT")
    np.testing.assert_array_equal(read_all([path])[0], resample(long, rate, RATE))


def test_a_file_longer_than_its_header_says_gives_the_part_of_what_there_is(save, monkeypatch):
    (recording,), _ = open_recordings([save(rate=48000)], RATE)
    expected = recording.read(RATE, at(0.4, 0.6))
    monkeypatch.setattr(_recordings, "resampled_length", lambda *args: 10)
    np.testing.assert_array_equal(recording.read(RATE, at(0.4, 0.6)), expected)


@pytest.mark.parametrize("crop", ["start", "center"])
def test_one_second_of_a_long_file_takes_the_memory_of_a_second(tmp_path, crop):
    minutes = np.zeros(2 * 60 * 192_000, dtype=np.int16)
    minutes[::1000] = 1000
    soundfile.write(tmp_path / "long.flac", minutes, 192_000)
    front_end = RawAudio(duration=1.0, crop=crop)
    front_end.fit_transform([0.5 * np.sin(np.arange(16000.0))])
    tracemalloc.start()
    front_end.fit_transform([tmp_path / "long.flac"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6  # the whole file has 92 MB


# What is refused


def missing(patch, tmp_path):
    return tmp_path / "none.wav", "cannot be opened (No such file or directory); check the path."


def directory(patch, tmp_path):
    return tmp_path, "is a directory; pass the audio files in it."


def fifo(patch, tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no FIFOs")
    os.mkfifo(tmp_path / "pipe.wav")
    reason = "is not a regular file; save the sound to a file first."
    return tmp_path / "pipe.wav", reason


def no_bytes(patch, tmp_path):
    return patch("0.wav", keep=0), "is empty (0 bytes); copy it again or leave it out."


def text(patch, tmp_path):
    (tmp_path / "text.wav").write_text("What is this?")
    unknown = soundfile.LibsndfileError(1).error_string.rstrip(".")
    reason = f"is not audio that libsndfile can read ({unknown}); convert it to WAV or FLAC."
    return tmp_path / "text.wav", reason


def headerless(patch, tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(1000))
    reason = (
        "is not audio that libsndfile can read (samplerate must be specified); convert it to WAV "
        "or FLAC."
    )
    return tmp_path / "a.raw", reason


def low_rate(patch, tmp_path):
    reason = (
        "declares a sample rate of 1 Hz, outside 4000 to 192000 Hz; its header is damaged or it "
        "needs resampling."
    )
    return patch("1.wav", {24: u32(1)}), reason


def high_rate(patch, tmp_path):
    reason = (
        "declares a sample rate of 2147483647 Hz, outside 4000 to 192000 Hz; its header is "
        "damaged or it needs resampling."
    )
    return patch("2.wav", {24: u32(2**31 - 1)}), reason


def many_channels(patch, tmp_path):
    reason = "declares 64 channels, more than 32; save it with one or two."
    return patch("64.wav", {22: u16(64), 32: u16(128)}), reason


def truncated_wav(patch, tmp_path):
    reason = "is truncated: it holds less sound than its header declares; copy it again."
    return patch("half.wav", keep=8000), reason


def declared_too_long(patch, tmp_path):
    # The 36 bits of STREAMINFO that count samples: 2**36 - 1 of them would take 256 GiB.
    path = patch("long.flac", {21: b"\xff" * 5}, original="good.flac")
    return path, "lasts 4.29497e+06 s, more than 3600 s; cut it into shorter ones."


def of_unknown_length(patch, tmp_path):
    path = patch("stream.flac", {21: b"\xf0" + bytes(4)}, original="good.flac")
    reason = "declares no length, as a stream does; encode it again as WAV or FLAC."
    return path, reason


BAD_HEADERS = [
    missing,
    directory,
    fifo,
    no_bytes,
    text,
    headerless,
    low_rate,
    high_rate,
    many_channels,
    truncated_wav,
    declared_too_long,
    of_unknown_length,
]


@pytest.mark.parametrize("make", BAD_HEADERS, ids=lambda make: make.__name__)
def test_a_bad_file_is_named_before_anything_is_decoded(patch, save, tmp_path, monkeypatch, make):
    path, reason = make(patch, tmp_path)
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *args, **kwargs: pytest.fail("decoded"))
    with pytest.raises(AudioError, match=f"^{re.escape(f'X[1] {str(path)!r} {reason}')}$") as error:
        read_all([save(), path])
    assert (error.value.index, error.value.path) == (1, str(path))


def test_a_file_without_permission_is_named(save, monkeypatch):
    path = save()
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(AudioError, match=r"cannot be opened \(Permission denied\); make it reada"):
        read_all([path])


@pytest.mark.parametrize(
    ("suffix", "reason"),
    [
        ("flac", "cannot be decoded (Error : flac decoder lost sync); encode it again as WAV or F"),
        ("wav", "holds no samples; it is truncated or was saved empty."),
        ("mp3", "of the 24000 samples its header declares; copy it again."),
    ],
)
def test_a_truncated_file_without_a_telling_header_is_found_when_decoded(
    save, noise, suffix, reason
):
    whole = save(f"whole.{suffix}", noise[:0] if suffix == "wav" else np.tile(noise, 3))
    half = whole.with_stem("half")
    n_bytes = whole.stat().st_size
    half.write_bytes(whole.read_bytes()[: n_bytes if suffix == "wav" else n_bytes // 2])
    (recording,), _ = open_recordings([half], RATE)
    with pytest.raises(AudioError, match=re.escape(reason)):
        recording.read(RATE)


# Ogg: pages of several streams


def ogg_pages(content):
    """Return the pages of an Ogg file."""
    starts = [match.start() for match in re.finditer(rb"OggS\0[\0-\7]", content)]
    return [content[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


@pytest.fixture(params=["VORBIS", "OPUS"])
def ogg(request, save, noise):
    return save("whole.ogg", np.tile(noise, 3), subtype=request.param)


def test_an_ogg_file_cut_anywhere_is_refused(ogg, noise):
    assert len(read_all([ogg])[0]) == 3 * len(noise)
    content = ogg.read_bytes()
    cuts = np.linspace(1, len(content) - 1, 200).astype(int)
    for cut in cuts:
        ogg.write_bytes(content[:cut])
        with pytest.raises(AudioError, match=r"is truncated|not audio that libsndfile can read"):
            read_all([ogg])


def test_an_ogg_file_without_its_last_page_says_what_is_missing(ogg):
    ogg.write_bytes(b"".join(ogg_pages(ogg.read_bytes())[:-1]))
    reason = (
        "is truncated: its last page does not end the stream; copy it again, or encode it again "
        "if it was recorded from a stream."
    )
    with pytest.raises(AudioError, match=re.escape(reason)):
        read_all([ogg])


def test_an_ogg_file_of_streams_one_after_another_is_refused(ogg, save):
    other = save("other.ogg").read_bytes()
    ogg.write_bytes(ogg.read_bytes() + other)
    with pytest.raises(AudioError, match="holds 2 streams one after another, of which only the fi"):
        read_all([ogg])
    ogg.write_bytes(ogg.read_bytes()[:-10])
    with pytest.raises(AudioError, match="is truncated: its last page does not end the stream"):
        read_all([ogg])


def skeleton(flags, number):
    """Return an empty page of a stream that is no sound."""
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, 0xABCDEF, number, 0, 0)
    return header


def test_an_ogg_file_of_streams_beside_each_other_is_whole_when_all_have_ended(ogg):
    first, *others = ogg_pages(ogg.read_bytes())
    together = [first, skeleton(2, 0), *others[:-1]]
    assert _find_ogg_fault(write(ogg, [*together, others[-1], skeleton(4, 1)])) is None
    assert _find_ogg_fault(write(ogg, [*together, skeleton(4, 1), others[-1]])) is None
    assert "truncated" in _find_ogg_fault(write(ogg, [*together, others[-1]]))
    assert "truncated" in _find_ogg_fault(write(ogg, [*together, skeleton(4, 1)]))


def write(path, pages):
    path.write_bytes(b"".join(pages))
    return path


def test_bytes_behind_the_last_ogg_page_do_no_harm(ogg, noise):
    ogg.write_bytes(ogg.read_bytes() + b"TAG")
    assert len(read_all([ogg])[0]) == 3 * len(noise)


SILENT = "is silent (all samples are equal); leave it out."
BAD_SOUNDS = {
    "nan": (
        lambda x: np.where(np.arange(len(x)) % 4000 == 17, np.nan, x),
        "holds 2 NaN or infinite samples, the first at 17; repair it or leave it out.",
    ),
    "infinite": (
        lambda x: np.append(x, np.inf),
        "holds 1 NaN or infinite samples, the first at 8000; repair it or leave it out.",
    ),
    "silent": (lambda x: 0 * x, SILENT),
    "constant": (lambda x: 0 * x + 0.3, SILENT),
    "short": (lambda x: x[:800], "lasts 0.05 s, less than 0.1 s; leave it out."),
    "loud": (
        lambda x: x / np.abs(x).max() * 7,
        "peaks at 7, beyond full scale (1.0); scale it to [-1, 1], or pass PCM as int16, int32 or "
        "uint8.",
    ),
}


@pytest.mark.parametrize(("spoil", "reason"), BAD_SOUNDS.values(), ids=BAD_SOUNDS)
@pytest.mark.parametrize("in_file", [True, False])
def test_bad_sound_is_named_in_files_and_list_items(save, noise, spoil, reason, in_file):
    item = spoil(noise)
    path = str(save("bad.wav", item, subtype="FLOAT")) if in_file else None
    where = f"X[1] {path!r}" if in_file else "X[1]"
    with pytest.raises(AudioError, match=f"^{re.escape(f'{where} {reason}')}$") as error:
        read_all([noise, path or item])
    assert (error.value.index, error.value.path) == (1, path)


def test_a_waveform_of_more_than_an_hour_is_refused(noise):
    hours = np.broadcast_to(noise[:, np.newaxis], (8000, 8000)).ravel()
    with pytest.raises(AudioError, match=r"X\[0\] lasts 4000 s, more than 3600 s; cut it into"):
        read_all([hours])


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (np.zeros(9, complex), "holds complex128 values (ndarray); pass a path, or an array of "),
        (np.zeros(9, bool), "holds bool values (ndarray); pass a path, or an array of floats in "),
        (b"a.wav", "holds |S5 values (bytes); pass a path, or an array of floats in [-1, 1] or "),
        (None, "holds object values (NoneType); pass a path, or an array of floats in [-1, 1] or"),
        (np.zeros(0), "holds no samples; leave it out."),
        (np.zeros((40, 50)), "has shape (40, 50); a waveform has shape (n_times,), or (n_channels"),
        (np.zeros((2, 3, 4)), "has shape (2, 3, 4); a waveform has shape (n_times,), or (n_chann"),
    ],
)
def test_an_item_that_is_no_sound_is_named(noise, item, reason):
    with pytest.raises(AudioError, match=re.escape(f"X[1] {reason}")):
        read_all([noise, item])


def test_rows_of_an_array_may_be_short_and_warn_when_silent_or_loud(noise):
    X = np.stack([noise, 0 * noise, 10 * noise])[:, :100]
    with pytest.warns(AudioQualityWarning) as caught:
        assert len(read_all(X)) == 3
    assert str(caught[0].message).startswith("X[1] is silent (all samples are equal); leave it out")
    assert "\nX[2] peaks at " in str(caught[0].message)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_rows_that_are_not_finite_raise(noise, value):
    X = np.stack([noise, noise]).astype(float)
    X[1, 3] = value
    with pytest.raises(AudioError, match=r"X\[1\] holds 1 NaN or infinite samples, the first at 3"):
        read_all(X)


def test_ten_faults_are_listed_and_the_others_counted(noise):
    X = [noise, *[0 * noise] * 12]
    with pytest.raises(AudioError) as error:
        read_all(X)
    lines = str(error.value).split("\n")
    assert lines[0] == "12 of 13 recordings cannot be used:"
    assert lines[1:11] == [f"X[{index}] {SILENT}" for index in range(1, 11)]
    assert lines[11:] == ["... and 2 more."]
    assert error.value.index == 1


def test_an_audio_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(Recording(3, path="a.wav").fault("is bad.")))
    assert (str(error), error.index, error.path) == ("X[3] 'a.wav' is bad.", 3, "a.wav")


def test_a_path_in_an_array_of_strings_is_named_plainly(tmp_path):
    path = str(tmp_path / "missing.wav")
    _, (fault,) = open_recordings(np.array([path]), 16000)
    assert str(fault).startswith(f"X[0] {path!r} cannot be opened")
