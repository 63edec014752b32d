"""Conversations: folders of them, conversations made of single recordings, RTTM files."""

import itertools

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_siamese_speaker import AudioError
from sklearn_siamese_speaker.datasets import (
    load_conversations,
    make_conversation,
    read_rttm,
    write_rttm,
)

TALK = [(0.5, 2.0, "ana"), (2.25, 3.0, "ben")]


def test_segments_survive_a_file(tmp_path):
    segments = {"talk": TALK, "other": [(0.0, 1.0, "eva")]}
    write_rttm(tmp_path / "talk.rttm", segments)
    assert read_rttm(tmp_path / "talk.rttm") == segments


def test_neighbors_stay_neighbors_when_times_are_rounded(tmp_path):
    write_rttm(tmp_path / "a.rttm", {"a": [(0, 1 / 3, "ana"), (1 / 3, 2 / 3, "ben")]})
    (_, end, _), (start, _, _) = read_rttm(tmp_path / "a.rttm")["a"]
    assert end == start == 0.333


def test_a_space_in_a_name_becomes_an_underscore(tmp_path):
    write_rttm(tmp_path / "a.rttm", {"my talk": [(0, 1, "Ana\tMaria Diaz")]})
    assert read_rttm(tmp_path / "a.rttm") == {"my_talk": [(0.0, 1.0, "Ana_Maria_Diaz")]}


def test_other_lines_and_comments_of_rttm_are_ignored_and_segments_sorted(tmp_path):
    file = tmp_path / "a.rttm"
    file.write_text(
        ";; made by hand\nSPKR-INFO a 1 <NA> <NA> <NA> unknown ben <NA>\n\n"
        "SPEAKER a 1 2 1 <NA> <NA> ben <NA> <NA> ;; late\nSPEAKER a 1 0 1 <NA> <NA> ana <NA>\n"
    )
    assert read_rttm(file) == {"a": [(0.0, 1.0, "ana"), (2.0, 3.0, "ben")]}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("SPEAKER a 1 0 1 ana", r"Line 2 of '.*a\.rttm' has 6 fields, not 10; is it an RTTM file"),
        (
            "SPEAKER a 1 0 -1 <NA> <NA> ana <NA> <NA>",
            r"Line 2 of '.*a\.rttm' says that somebody speaks for -1 s from 0 s; repair it",
        ),
        (
            "SPEAKER a 1 zero 1 <NA> <NA> ana <NA> <NA>",
            r"Line 2 of '.*a\.rttm' says that somebody speaks for 1 s from zero s; repair it",
        ),
    ],
)
def test_a_damaged_line_is_an_error_that_names_it(tmp_path, line, message):
    (tmp_path / "a.rttm").write_text(f"SPEAKER a 1 0 1 <NA> <NA> ana <NA> <NA>\n{line}\n")
    with pytest.raises(ValueError, match=message):
        read_rttm(tmp_path / "a.rttm")


def test_nothing_is_written_of_segments_that_are_wrong(tmp_path):
    with pytest.raises(ValueError, match=r"segments\['a'\]\[0\] lasts from 2 to 1 s"):
        write_rttm(tmp_path / "a.rttm", {"a": [(2, 1, "ana")]})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_gives_paths_and_segments(tmp_path):
    for name in ("b.wav", "a.FLAC", ".hidden.wav", "notes.txt"):
        (tmp_path / name).touch()
    write_rttm(tmp_path / "a.rttm", {"a": TALK})
    (tmp_path / "b.rttm").touch()  # nobody speaks
    conversations = load_conversations(tmp_path)
    assert_array_equal(conversations.data, [str(tmp_path / "a.FLAC"), str(tmp_path / "b.wav")])
    assert conversations.target == [TALK, []]
    assert conversations.DESCR == "2 recordings with 2 segments."
    paths, segments = load_conversations(str(tmp_path), return_X_y=True)
    assert_array_equal(paths, conversations.data)
    assert segments == conversations.target


def test_a_recording_without_its_segments_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"holds no recordings \(.wav, .flac"):
        load_conversations(tmp_path)
    (tmp_path / "a.wav").touch()
    with pytest.raises(ValueError, match=r"'.*a.wav' has no 'a.rttm' beside it; add it or move"):
        load_conversations(tmp_path)
    write_rttm(tmp_path / "a.rttm", {"a": TALK, "b": TALK})
    with pytest.raises(ValueError, match=r"'.*a.rttm' speaks of 2 recordings; write one file for"):
        load_conversations(tmp_path)


def make_turns(n_speakers=3, n_recordings=5):
    """Return turns of 1 to 2 s, each of them a number of its own, and their speakers."""
    lengths = np.random.default_rng(0).integers(16000, 32000, n_speakers * n_recordings)
    X = [np.full(n, (i + 1) / 100, np.float32) for i, n in enumerate(lengths)]
    for turn in X:
        turn[::2] *= -1  # a constant would be silence
    return X, np.repeat([f"s{i}" for i in range(n_speakers)], n_recordings)


def test_turns_stand_where_the_segments_say():
    X, y = make_turns()
    waveform, segments = make_conversation(X, y, overlap=0, random_state=0)
    assert sorted(speaker for *_, speaker in segments) == sorted(y)
    left = {len(turn): (turn, speaker) for turn, speaker in zip(X, y, strict=True)}
    for start, end, speaker in segments:
        turn, its_speaker = left.pop(round((end - start) * 16000))
        assert its_speaker == speaker
        assert_array_equal(waveform[round(start * 16000) : round(end * 16000)], turn)
    assert np.count_nonzero(waveform) == sum(map(len, X))


def test_pauses_lie_between_the_given_ones():
    X, y = make_turns()
    _, segments = make_conversation(X, y, pause=(0.2, 0.4), overlap=0, random_state=0)
    edges = np.array([times[:2] for times in segments])
    pauses = edges[1:, 0] - edges[:-1, 1]
    assert 0.2 - 1e-4 < pauses.min() < 0.25
    assert 0.35 < pauses.max() < 0.4 + 1e-4


def overlapped_share(segments):
    steps = np.zeros(1 + round(1000 * max(end for _, end, _ in segments)), dtype=int)
    for start, end, _ in segments:
        steps[round(1000 * start) : round(1000 * end)] += 1
    assert steps.max() <= 2
    return np.mean(steps[steps > 0] > 1)


@pytest.mark.parametrize("overlap", [0.0, 0.05, 0.07])
def test_two_people_speak_in_the_share_of_time_that_is_asked_for(overlap):
    X, y = make_turns(n_recordings=10)
    _, segments = make_conversation(X, y, overlap=overlap, random_state=0)
    assert_allclose(overlapped_share(segments), overlap, atol=0.002)
    for (_, end, first), (start, _, second) in itertools.pairwise(segments):
        assert start > end or first != second  # nobody interrupts himself


def test_a_conversation_is_the_same_for_a_seed_and_another_for_another():
    X, y = make_turns()
    one, same, other = (make_conversation(X, y, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(one[0], same[0])
    assert one[1] == same[1]
    assert one[1] != other[1]


def test_the_sum_of_two_loud_voices_stays_within_full_scale():
    loud = np.sin(np.arange(16000)) * 0.9
    waveform, _ = make_conversation([loud] * 6, list("ababab"), overlap=0.1, random_state=0)
    assert np.abs(waveform).max() <= 1


def test_files_are_resampled(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.sin(np.arange(8000)) * 0.5, 8000)
    _, segments = make_conversation([str(tmp_path / "a.wav")], ["ana"], random_state=0)
    start, end, speaker = segments[0]
    assert (round(end - start, 4), speaker) == (1.0, "ana")


def test_bad_turns_and_parameters_are_errors():
    X, y = make_turns(2, 1)
    with pytest.raises(ValueError, match=r"pause=\(1, 0.5\) must be a shortest and a longest one"):
        make_conversation(X, y, pause=(1, 0.5))
    with pytest.raises(ValueError, match=r"overlap == 0\.5, must be <= 0\.1"):
        make_conversation(X, y, overlap=0.5)
    with pytest.raises(AudioError, match=r"X\[1\] is silent"):
        make_conversation([X[0], np.zeros(16000)], y)
