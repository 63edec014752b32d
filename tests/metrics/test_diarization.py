"""Who spoke when, and how wrong an answer is."""

import itertools
import os

import numpy as np
import pytest

from sklearn_siamese_speaker.datasets import load_conversations
from sklearn_siamese_speaker.metrics import diarization_error_rate, diarization_errors

TALK = [(0.0, 6.0, "ana"), (6.0, 10.0, "ben")]


@pytest.mark.parametrize(
    ("found", "missed", "false_alarm", "confused"),
    [
        (TALK, 0, 0, 0),
        ([(0, 6, "ben"), (6, 10, "ana")], 0, 0, 0),  # names do not count
        ([], 10, 0, 0),
        ([(0, 10, "S1")], 0, 0, 4),  # the longer speaker is right
        ([(0, 3, "S1"), (3, 6, "S2"), (6, 10, "S3")], 0, 0, 3),
        ([(0, 6, "S1"), (6, 9, "S2"), (11, 12, "S2")], 1, 1, 0),
        ([(0, 10, "S1"), (6, 10, "S2")], 0, 4, 0),  # one speaker too many at once
        ([(0, 5, "S1"), (4, 6, "S1"), (6, 10, "S2")], 0, 0, 0),  # one voice is never two
    ],
)
def test_errors_are_those_counted_by_hand(found, missed, false_alarm, confused):
    assert diarization_errors([TALK], [found]) == {
        "speech": 10,
        "missed": missed,
        "false_alarm": false_alarm,
        "confused": confused,
    }
    wrong = missed + false_alarm + confused
    assert diarization_error_rate([TALK], [found]) == pytest.approx(wrong / 10)


def test_speech_of_two_at_once_counts_twice():
    errors = diarization_errors([[(0, 4, "ana"), (2, 4, "ben")]], [[(0, 4, "S1")]])
    assert errors == {"speech": 6, "missed": 2, "false_alarm": 0, "confused": 0}


def test_recordings_count_by_their_length_and_have_speakers_of_their_own():
    long = [(0, 9, "S1")]
    assert diarization_error_rate([[(0, 1, "ana")], [(0, 9, "ana")]], [[], long]) == 0.1


def draw_talk(rng, n_segments, n_speakers):
    starts = rng.integers(0, 60, n_segments)
    ends = starts + rng.integers(1, 20, n_segments)
    names = rng.integers(0, n_speakers, n_segments)
    return [(float(s), float(e), f"S{n}") for s, e, n in zip(starts, ends, names, strict=True)]


def errors_second_by_second(truth, found):
    """Try all assignments of speakers, and count whole seconds."""

    def active(segments):
        return [{n for s, e, n in segments if s <= t < e} for t in range(80)]

    truth, found = active(truth), active(found)
    names, found_names = sorted(set.union(*truth)), sorted(set.union(*found))
    names += [None] * max(0, len(found_names) - len(names))
    least = np.inf
    for permutation in itertools.permutations(names, len(found_names)):
        to_name = dict(zip(found_names, permutation, strict=True))
        wrong = sum(
            max(len(t), len(f)) - len(t & {to_name[n] for n in f})
            for t, f in zip(truth, found, strict=True)
        )
        least = min(least, wrong)
    return least, sum(map(len, truth))


@pytest.mark.parametrize("seed", range(10))
def test_the_rate_is_that_of_trying_all_assignments(seed):
    rng = np.random.default_rng(seed)
    truth, found = draw_talk(rng, 8, 4), draw_talk(rng, 9, 3 + seed % 3)
    wrong, speech = errors_second_by_second(truth, found)
    assert diarization_error_rate([truth], [found]) == pytest.approx(wrong / speech)


def draw_separate_talk(rng, n_speakers):
    """Draw segments of which none of a speaker overlaps another of the same one."""
    talk = []
    for name in range(n_speakers):
        edges = np.sort(rng.uniform(0, 60, 8)).reshape(4, 2)
        talk += [(float(start), float(end), f"S{name}") for start, end in edges]
    return talk


@pytest.mark.parametrize("seed", range(5))
def test_pyannote_metrics_agrees(seed):
    pyannote_core = pytest.importorskip("pyannote.core")
    pyannote_metrics = pytest.importorskip("pyannote.metrics.diarization")
    rng = np.random.default_rng(seed)
    talks = [[draw_separate_talk(rng, n) for n in rng.integers(1, 6, 3)] for _ in range(2)]
    metric = pyannote_metrics.DiarizationErrorRate()
    for truth, found in zip(*talks, strict=True):
        annotations = []
        for talk in (truth, found):
            annotation = pyannote_core.Annotation()
            for i, (start, end, name) in enumerate(talk):
                annotation[pyannote_core.Segment(start, end), i] = name
            annotations.append(annotation)
        metric(*annotations, uem=pyannote_core.Timeline([pyannote_core.Segment(0, 60)]))
    assert diarization_error_rate(*talks) == pytest.approx(abs(metric), abs=1e-6)


@pytest.mark.parametrize(
    ("y_true", "message"),
    [
        (TALK, r"y_true\[0\]\[0\] is 0.0; a segment is \(start, end, speaker\)"),
        ([[("ana", 0, 1)]], r"y_true\[0\]\[0\] has the time 'ana'; pass seconds"),
        ([[(0, float("nan"), "ana")]], r"y_true\[0\]\[0\] has the time nan"),
        (["ana"], r"y_true\[0\] is 'ana'; pass a list of \(start, end, speaker\)"),
        (3, "y_true is a int; pass a list with the segments of each recording"),
    ],
)
def test_what_is_no_segment_is_an_error_that_names_it(y_true, message):
    with pytest.raises(TypeError, match=message):
        diarization_error_rate(y_true, [[]])


@pytest.mark.parametrize("segment", [(2, 1, "ana"), (1, 1, "ana"), (-1, 1, "ana")])
def test_a_segment_without_duration_is_an_error(segment):
    message = rf"y_pred\[0\]\[1\] lasts from {segment[0]} to {segment[1]} s; a segment begins at 0"
    with pytest.raises(ValueError, match=message):
        diarization_error_rate([TALK], [[TALK[0], segment]])


def test_other_numbers_of_recordings_and_silence_are_errors():
    with pytest.raises(ValueError, match="y_true holds 1 recordings and y_pred 2; pass the"):
        diarization_error_rate([TALK], [TALK, TALK])
    with pytest.raises(ValueError, match="Nobody speaks in y_true; pass recordings with at least"):
        diarization_error_rate([[]], [TALK])


def test_one_speaker_for_all_of_the_meetings_has_the_known_error():
    if "SKLEARN_SIAMESE_SPEAKER_CONVERSATIONS" not in os.environ:
        pytest.skip("set SKLEARN_SIAMESE_SPEAKER_CONVERSATIONS to a folder with RTTM files")
    _, truth = load_conversations(
        os.environ["SKLEARN_SIAMESE_SPEAKER_CONVERSATIONS"], return_X_y=True
    )
    everybody = [[(start, end, "S") for start, end, _ in segments] for segments in truth]
    assert diarization_error_rate(truth, everybody) == pytest.approx(0.298, abs=5e-4)
