"""Who spoke when, with voices that are noise in bands of frequencies of their own."""

import itertools
import os
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_siamese_speaker import (
    MFCC,
    AudioError,
    AudioQualityWarning,
    FramePooling,
    OneShotClassifier,
    SpeakerDiarizer,
    SpeakerStore,
)
from sklearn_siamese_speaker.datasets import make_conversation, read_rttm
from sklearn_siamese_speaker.metrics import diarization_error_rate
from sklearn_siamese_speaker.recognition.diarization import _clusters, _detector
from sklearn_siamese_speaker.recognition.diarization._clusters import cluster
from sklearn_siamese_speaker.recognition.diarization._detector import find_spans, join_spans
from sklearn_siamese_speaker.recognition.diarization._windows import cut_windows

N_BANDS = 16


class BandEncoder(TransformerMixin, BaseEstimator):
    """The share of the power in each of 16 bands."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        self.n_together_ = max(getattr(self, "n_together_", 0), len(X))
        powers = [np.abs(np.fft.rfft(x, 2 * 8000)[:-1]) ** 2 for x in X]
        powers = np.array([power.reshape(N_BANDS, -1).sum(axis=1) for power in powers])
        return powers / powers.sum(axis=1, keepdims=True)


def say(voice, seconds, rng):
    """Return noise in two bands, the second 6 dB lower."""
    spectrum = np.fft.rfft(rng.normal(size=round(16000 * seconds)))
    band = np.linspace(0, N_BANDS, len(spectrum), endpoint=False).astype(int)
    gain = 1.0 * (band == voice) + 0.5 * (band == voice + 1)
    waveform = np.fft.irfft(gain * spectrum, round(16000 * seconds))
    return (0.3 * waveform / np.abs(waveform).max()).astype(np.float32)


def make_talk(n_speakers, n_turns=4, overlap=0.0, seed=0):
    """Return a conversation with turns of 2 to 4 s, and who speaks when."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_speakers), n_turns)
    X = [say(2 * voice, rng.uniform(2, 4), rng) for voice in y]
    names = [f"voice{voice}" for voice in y]
    talk, truth = make_conversation(X, names, pause=(0.5, 1.0), overlap=overlap, random_state=seed)
    return talk + rng.normal(scale=1e-4, size=len(talk)).astype(np.float32), truth


MFCC_STATISTICS = FrozenEstimator(
    make_pipeline(MFCC(), FramePooling()).fit(np.random.default_rng(0).normal(size=(4, 8000)) / 9)
)


def diarizer(**params):
    return SpeakerDiarizer(**{"encoder": BandEncoder(), "speech": "energy", **params})


@pytest.mark.parametrize("n_speakers", [2, 3, 5])
def test_who_spoke_when_is_found_without_the_number_of_speakers(n_speakers):
    talk, truth = make_talk(n_speakers)
    found = diarizer().predict([talk])
    assert len({speaker for *_, speaker in found[0]}) == n_speakers
    # What is left is the margin of 0.1 s around each turn.
    assert diarization_error_rate([truth], found) < 0.1


def test_a_diarizer_need_not_be_fitted():
    check_is_fitted(diarizer())


def test_speakers_are_numbered_as_they_are_first_heard_and_segments_are_plain_values():
    talk, _ = make_talk(3)
    segments = diarizer().predict([talk])[0]
    assert list(dict.fromkeys(speaker for *_, speaker in segments)) == ["S1", "S2", "S3"]
    assert {type(value) for segment in segments for value in segment} == {float, str}


def test_the_segments_cover_the_given_speech_and_nothing_else():
    talk, truth = make_talk(3, overlap=0.05)
    found = diarizer(speech=[truth]).predict([talk])[0]
    spans = join_spans([(start, end) for start, end, _ in truth])
    assert_allclose(join_spans([(start, end) for start, end, _ in found]), spans, atol=1e-3)
    for (_, end, one), (start, _, other) in itertools.pairwise(found):
        assert end < start or (end == start and one != other)
    assert diarization_error_rate([truth], [found]) < 0.1


def test_a_given_number_of_speakers_is_found():
    talk, _ = make_talk(4)
    for n_speakers in (1, 2, 3):
        found = diarizer(n_speakers=n_speakers).predict([talk])[0]
        assert len({speaker for *_, speaker in found}) == n_speakers


def test_a_recording_does_not_depend_on_the_others():
    one, other = make_talk(2)[0], make_talk(3, seed=1)[0]
    together = diarizer().predict([one, other])
    assert together == diarizer().predict([one]) + diarizer().predict([other])


def test_a_file_a_list_and_a_row_of_an_array_are_heard_alike(tmp_path):
    talk, _ = make_talk(2)
    path = str(tmp_path / "talk.wav")
    soundfile.write(path, talk, 16000, subtype="FLOAT")
    expected = diarizer().predict([talk])
    assert diarizer().predict([path]) == expected
    assert diarizer().predict(talk[np.newaxis]) == expected


def test_windows_pass_the_encoder_in_blocks():
    encoder = BandEncoder()
    diarizer(encoder=encoder, step=0.1).predict([make_talk(3)[0]])
    assert encoder.n_together_ == 64


def test_score_is_the_error_rate_negated():
    talk, truth = make_talk(2)
    expected = diarization_error_rate([truth], diarizer().predict([talk]))
    assert diarizer().score([talk], [truth]) == -expected < 0


# The threshold


def test_the_threshold_decides_what_is_one_voice():
    talk, _ = make_talk(3)
    counts = [
        len({speaker for *_, speaker in diarizer(threshold=threshold).predict([talk])[0]})
        for threshold in (-1, 0.7)
    ]
    assert counts == [1, 3]


def test_fit_learns_the_threshold_with_the_fewest_errors():
    talks = [make_talk(n, seed=n) for n in (2, 3)]
    X, y = [talk for talk, _ in talks], [truth for _, truth in talks]
    fitted = diarizer(threshold=0.9).fit(X, y)
    assert fitted.threshold_ != 0.9
    scores = [diarizer(threshold=t).score(X, y) for t in (0.0, 0.2, 0.4, 0.6, 0.78)]
    assert fitted.score(X, y) >= max(scores)
    for threshold in (fitted.threshold_ - 0.02, fitted.threshold_ + 0.02):  # it is in the middle
        assert diarizer(threshold=threshold).score(X, y) == fitted.score(X, y)
    assert fitted.fit(X).threshold_ == 0.9  # nothing to learn from


# Names of enrolled people


def enrol(names, threshold=None, *, encoder=None):
    rng = np.random.default_rng(9)
    X = [say(2 * int(name[-1]), 3, rng) for name in names]
    if encoder is None:
        return OneShotClassifier(threshold=threshold).fit(BandEncoder().transform(X), names)
    return OneShotClassifier(encoder, threshold=threshold).fit(X, names)


def test_enrolled_people_are_named_and_others_unknown():
    talk, truth = make_talk(4)
    who = enrol(["voice1", "voice2"], threshold=-0.3, encoder=BandEncoder())
    found = SpeakerDiarizer(classifier=who, speech="energy").predict([talk])
    assert {name for *_, name in found[0]} == {"voice1", "voice2", "unknown", "unknown-2"}
    named = [[one for one in talk if one[2] in who.classes_] for talk in (truth, found[0])]
    for true, heard in zip(*named, strict=True):
        assert heard[2] == true[2]
        assert_allclose(heard[:2], true[:2], atol=0.15)


def test_a_classifier_of_embeddings_needs_the_encoder():
    talk, _ = make_talk(2)
    who = enrol(["voice0", "voice1"])
    found = diarizer(classifier=who).predict([talk])
    assert {name for *_, name in found[0]} == {"voice0", "voice1"}
    with pytest.raises(ValueError, match=r"has no encoder; pass the encoder that made them as enc"):
        diarizer(classifier=who, encoder=None).predict([talk])


def test_two_groups_of_windows_with_one_name_are_one_speaker():
    talk, _ = make_talk(2)
    found = diarizer(classifier=enrol(["voice0"])).predict([talk])[0]
    assert {name for *_, name in found} == {"voice0"}
    for (_, end, _), (start, _, _) in itertools.pairwise(found):
        assert end < start


# Files


def test_an_rttm_file_holds_what_predict_returns(tmp_path):
    talk, _ = make_talk(2)
    soundfile.write(tmp_path / "my talk.wav", talk, 16000, subtype="FLOAT")
    X = [str(tmp_path / "my talk.wav"), talk]
    diarizer().to_rttm(X, tmp_path / "talks.rttm")
    expected = diarizer().predict([talk])[0]
    for segments in read_rttm(tmp_path / "talks.rttm").values():
        for (start, end, name), true in zip(segments, expected, strict=True):
            assert_allclose([start, end], true[:2], atol=1e-3)
            assert name == true[2]
    assert list(read_rttm(tmp_path / "talks.rttm")) == ["my_talk", "recording2"]
    with pytest.raises(ValueError, match="Two files of X are named 'my talk'; rename one of them"):
        diarizer().to_rttm([X[0], X[0]], tmp_path / "talks.rttm")


def test_annotations_hold_what_predict_returns():
    core = pytest.importorskip("pyannote.core")
    talk, _ = make_talk(2)
    annotation = diarizer().to_annotation([talk])[0]
    assert annotation.uri == "recording1"
    assert [
        (segment.start, segment.end, name)
        for segment, _, name in annotation.itertracks(yield_label=True)
    ] == diarizer().predict([talk])[0]
    assert isinstance(annotation, core.Annotation)


def test_annotations_without_pyannote_are_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyannote", None)
    with pytest.raises(ImportError, match=r"Annotations need pyannote\.core: pip install pyannote"):
        diarizer().to_annotation([make_talk(2)[0]])


# Bad input


def test_recordings_without_speech_have_no_segments():
    talk, _ = make_talk(2)
    assert diarizer(speech=[[], []]).predict([talk, talk]) == [[], []]
    silent = np.concatenate([talk[:32000], np.zeros(32000, np.float32)])
    assert diarizer(speech=[[(2.1, 3.9)]]).predict([silent]) == [[]]


@pytest.mark.parametrize("seconds", [0.11, 0.3, 0.7])
def test_short_recordings_are_heard(seconds):
    waveform = say(2, seconds, np.random.default_rng(0))
    found = diarizer(speech=[[(0, seconds)]]).predict([waveform])
    assert found == [[(0.0, seconds, "S1")]]


def test_recordings_that_cannot_be_used_are_named():
    talk, _ = make_talk(2)
    with pytest.raises(AudioError, match=r"X\[1\] is silent"):
        diarizer().predict([talk, np.zeros(16000)])
    with pytest.raises(TypeError, match=r"X is one path, 'talk.wav'; pass a list of paths"):
        diarizer().predict("talk.wav")


def test_given_speech_that_does_not_fit_is_an_error():
    talk, _ = make_talk(2)
    message = r"X\[0\] lasts .* s, but speech\[0\] has speech from 100 to 101 s; is it of another"
    with pytest.raises(AudioError, match=message):
        diarizer(speech=[[(100, 101)]]).predict([talk])
    with pytest.raises(ValueError, match=r"speech\[0\]\[0\] lasts from 2 to 1 s"):
        diarizer(speech=[[(2, 1)]]).predict([talk])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        diarizer(speech=[[(0, 1)]]).predict([talk, talk])


def test_an_encoder_that_is_not_trained_is_an_error():
    with pytest.raises(NotFittedError):
        diarizer(encoder=make_pipeline(MFCC(), FramePooling())).predict([make_talk(2)[0]])


def test_an_encoder_that_takes_another_sample_rate_is_an_error():
    talk, _ = make_talk(2)
    encoder = make_pipeline(MFCC(input_sample_rate=8000, sample_rate=8000), FramePooling()).fit(
        [talk]
    )
    message = r"takes arrays at 8000 Hz, .* 16000 Hz; set input_sample_rate=16000 of its MFCC\."
    with pytest.raises(ValueError, match=message):
        diarizer(encoder=FrozenEstimator(encoder)).predict([talk])


def test_somebody_is_named_by_a_moment_and_by_clipped_speech():
    waveform = np.clip(20 * say(2, 3, np.random.default_rng(0)), -1, 1)
    waveform[:32000] *= 0.01  # a third is clipped, which the recording as a whole warns of
    who = enrol(["voice1", "voice2"], encoder=MFCC_STATISTICS)
    for span in [(1.0, 1.05), (2.0, 3.0)]:
        named = SpeakerDiarizer(classifier=who, speech=[[span]])
        with pytest.warns(AudioQualityWarning, match=r"X\[0\] is clipped") as warned:
            assert len(named.predict([waveform])[0]) == 1
        assert len(warned) == 1


def test_people_of_a_store_are_named(tmp_path):
    talk, _ = make_talk(2)
    rng = np.random.default_rng(9)
    store = SpeakerStore(tmp_path / "people.db")
    X = BandEncoder().transform([say(0, 3, rng), say(2, 3, rng)])
    store.enrol(["ana", "ben"], X)
    found = diarizer(classifier=store.classifier()).predict([talk])[0]
    assert {name for *_, name in found} == {"ana", "ben"}


# Speech


def test_silero_is_asked_for_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(_detector, "find_spec", lambda name: None)
    _detector._load.cache_clear()
    talk, _ = make_talk(2)
    with pytest.raises(ImportError, match=r'speech="silero" needs the packages onnxruntime and s'):
        diarizer(speech="silero").predict([talk])
    assert diarizer(speech="auto").predict([talk]) == diarizer().predict([talk])


@pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")  # of silero_vad
def test_the_probability_of_speech_is_that_of_the_package():
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    silero = pytest.importorskip("silero_vad")
    # More frames than pass at once, and a last one that is not full.
    waveform = 0.1 * np.random.default_rng(0).normal(size=512 * 530 + 100).astype(np.float32)
    waveform *= np.repeat(np.random.default_rng(1).uniform(size=531), 512)[: len(waveform)]
    model = silero.load_silero_vad(onnx=True)
    expected = model.audio_forward(torch.from_numpy(waveform), 16000).numpy()[0]
    assert_allclose(_detector._probabilities(waveform), expected, atol=1e-4)


def test_speech_lasts_until_the_probability_is_low():
    probabilities = np.array([0.14, 0.3, 0.14, 0.1, 0.05, 0.14, 0.2, 0.0])
    expected = [False, True, True, True, False, False, True, False]
    assert_array_equal(_detector._above(probabilities), expected)


def test_detected_speech_reaches_as_far_as_the_sound_is_loud(monkeypatch):
    waveform = np.full(16000 * 4, 1e-4, np.float32)
    waveform[16000:48000] = say(3, 2, np.random.default_rng(0))  # from 1 to 3 s
    waveform[::2] *= -1
    probabilities = np.zeros(125)
    probabilities[34:80] = 1  # from 1.088 to 2.56 s
    monkeypatch.setattr(_detector, "_probabilities", lambda waveform: probabilities)
    monkeypatch.setattr(_detector, "_MARGIN", {"silero": 0.0})
    [(start, end)] = find_spans(waveform, "silero")
    assert_allclose(start, 1, atol=0.02)
    assert_allclose(end, 2.76)  # no further than 0.2 s


def test_energy_finds_the_loud_parts_with_their_margins():
    rng = np.random.default_rng(0)
    waveform = rng.normal(scale=1e-4, size=16000 * 6).astype(np.float32)
    waveform[16000:32000] += say(3, 1, rng)
    waveform[64000:80000] += say(3, 1, rng)
    waveform[90000:90500] += say(3, 500 / 16000, rng)  # a click
    assert_allclose(find_spans(waveform, "energy")[:2], [(0.9, 2.1), (3.9, 5.1)], atol=0.03)


def test_joined_spans_are_those_of_a_grid():
    rng = np.random.default_rng(0)
    for _ in range(20):
        starts = rng.integers(0, 100, 12)
        spans = [
            (int(start), int(start + length))
            for start, length in zip(starts, rng.integers(1, 10, 12), strict=True)
        ]
        is_covered = np.zeros(120, dtype=bool)
        for start, end in spans:
            is_covered[start:end] = True
        edges = np.flatnonzero(np.diff(np.r_[False, is_covered])).reshape(-1, 2)
        assert join_spans(spans) == [(start, end) for start, end in edges.tolist()]


@pytest.mark.parametrize("seconds", [0.3, 1.4, 1.5, 1.6, 2.3, 7.7])
def test_windows_cover_a_span_evenly(seconds):
    waveform = say(3, 9, np.random.default_rng(0))
    windows = cut_windows(waveform, [(1.0, 1.0 + seconds)], length=1.5, step=0.75)
    starts = np.array([window.start for window in windows])
    ends = np.array([window.end for window in windows])
    assert starts[0] <= 1.0 + 1e-9
    assert ends[-1] >= 1.0 + seconds - 1e-9
    assert np.all(np.diff(starts) <= 0.75 + 1e-9)
    assert len(windows) == max(1, 1 + int(np.ceil((seconds - 1.5) / 0.75)))
    if seconds >= 0.5:
        assert_allclose([starts[0], ends[-1]], [1.0, 1.0 + seconds])


# Clusters


def draw_voices(n_windows, spread=0.3, seed=0):
    """Return embeddings of so many windows of each voice, in random order, and their voices."""
    rng = np.random.default_rng(seed)
    voices = rng.permutation(np.repeat(np.arange(len(n_windows)), n_windows))
    centers = np.linalg.qr(rng.normal(size=(24, 24)))[0][: len(n_windows)]
    return centers[voices] + spread / np.sqrt(24) * rng.normal(size=(len(voices), 24)), voices


def same(labels):
    return labels[:, np.newaxis] == labels


@pytest.mark.parametrize("threshold", [None, 0.5])
@pytest.mark.parametrize("n_windows", [[40, 40], [20, 50, 20], [15] * 6, [700, 900, 800]])
def test_voices_apart_are_told_apart(n_windows, threshold):
    E, voices = draw_voices(n_windows)
    assert_array_equal(same(cluster(E, threshold=threshold)), same(voices))


def test_the_scale_of_embeddings_does_not_matter():
    E, _ = draw_voices([20, 20, 20], spread=1.0)
    scales = np.random.default_rng(0).uniform(0.1, 10, (len(E), 1))
    assert_array_equal(cluster(E), cluster(scales * E))


def test_a_few_windows_are_no_voice_of_their_own_unless_it_is_asked_for():
    E, voices = draw_voices([30, 30, 2])
    assert cluster(E, threshold=0.5).max() == 1
    assert_array_equal(same(cluster(E, n_speakers=3)), same(voices))


@pytest.mark.parametrize("n_windows", [6, 10, 30, 300])
@pytest.mark.parametrize("seed", range(5))
def test_one_voice_alone_is_one(n_windows, seed):
    E, _ = draw_voices([n_windows], spread=0.7, seed=seed)
    assert cluster(E).max() == 0


def test_similarity_between_groups_is_compared_with_that_within_them():
    E, _ = draw_voices([8, 8])
    labels = np.repeat([0, 1], 8)
    U = E / np.linalg.norm(E, axis=1, keepdims=True)
    pairs = [(i, j) for i in range(16) for j in range(16) if abs(i - j) > 1]
    within = [U[i] @ U[j] for i, j in pairs if labels[i] == labels[j]]
    between = [U[i] @ U[j] for i, j in pairs if labels[i] != labels[j]]
    expected = np.mean(between) / np.mean(within)
    for alike, n_groups in [(expected + 1e-6, 2), (expected - 1e-6, 1)]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_clusters, "_ALIKE", alike)
            assert _clusters._join_alike(U, labels).max() + 1 == n_groups


def test_windows_too_few_for_two_voices_are_of_one_unless_two_are_asked_for():
    E, voices = draw_voices([2, 2])
    assert cluster(E).max() == 0
    assert_array_equal(same(cluster(E, n_speakers=2)), same(voices))


@pytest.mark.parametrize("n_windows", [1, 2, 3])
def test_a_handful_of_windows_can_be_clustered(n_windows):
    E = np.eye(4)[:n_windows]
    for n_speakers in (None, 1, 2, 9):
        for threshold in (None, 0.5):
            assert len(cluster(E, n_speakers, threshold)) == n_windows
    assert cluster(E, n_speakers=1).max() == 0


@pytest.mark.skipif(
    "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ or not find_spec("silero_vad"),
    reason="set SKLEARN_SIAMESE_SPEAKER_SPEECH and install silero-vad",
)
def test_three_real_voices_are_told_apart_by_the_encoder_in_the_package():
    from sklearn_siamese_speaker.datasets import load_voices

    voices = load_voices()
    names = np.unique(voices.target)[[3, 30, 60]]
    chosen = np.isin(voices.target, names)
    talk, truth = make_conversation(
        voices.data[chosen], voices.target[chosen], overlap=0, random_state=0
    )
    found = SpeakerDiarizer().predict([talk])
    assert len({name for *_, name in found[0]}) == 3
    assert diarization_error_rate([truth], found) < 0.2
