"""The commands for a store of people."""

import json
import os

import numpy as np
import pytest

from sklearn_siamese_speaker import SpeakerStore

ENCODER = ("--encoder", "statistics.skops")


@pytest.fixture
def enrolled(folder, run):
    assert run("enrol", "people.db", "enrolled", *ENCODER).code == 0
    return folder


def test_a_folder_of_people_is_enrolled(folder, run):
    result = run("enrol", "people.db", "enrolled", *ENCODER)
    lines = ["ana: 1 recording", "ben: 1 recording", "eva: 1 recording", "3 people in people.db"]
    assert result == (0, "\n".join(lines) + "\n", "")
    assert SpeakerStore("people.db").people == ["ana", "ben", "eva"]


def test_one_person_is_enrolled_with_any_number_of_files(folder, run):
    result = run(
        "enrol", "people.db", "ana", "enrolled/ana/1.wav", "later/ana/2.wav", *ENCODER, "--json"
    )
    assert json.loads(result.out) == {
        "enrolled": [{"name": "ana", "recordings": 2}],
        "people": 1,
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["people.db", "ana"], "'ana' is not a folder of people, and no recording follows it"),
        (["people.db", "ana", "nothing.wav", *ENCODER], "nothing.wav"),
        (["people.db", "unknown", "later/ana/2.wav", *ENCODER], "choose another name"),
        (["people.db", "ana", "statistics.skops", *ENCODER], "not audio that libsndfile can read"),
        (["statistics.skops", "ana", "later/ana/2.wav", *ENCODER], "is not a store of speakers"),
        (["no/people.db", "ana", "later/ana/2.wav", *ENCODER], "cannot be opened or made"),
        (["people.db", "enrolled", "--encoder", "nobody"], "neither one of box, "),
        (["people.db", "enrolled", "--encoder", "nothing.skops"], "nothing.skops"),
        (["people.db"], "the following arguments are required: NAME FILE; see siamese-speaker"),
    ],
)
def test_what_cannot_be_enrolled_is_said_in_a_sentence_and_nothing_is_left(
    folder, run, arguments, sentence
):
    before = sorted(os.listdir())
    code, out, err = run("enrol", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert sorted(os.listdir()) == before


def test_an_encoder_file_that_is_damaged_is_named(folder, run):
    (folder / "damaged.skops").write_bytes((folder / "statistics.skops").read_bytes()[:300])
    result = run("enrol", "people.db", "enrolled", "--encoder", "damaged.skops")
    assert result.code == 2
    assert "The encoder 'damaged.skops' cannot be loaded" in result.err


def test_another_encoder_than_that_of_the_store_is_refused(enrolled, run):
    result = run("identify", "people.db", "later/ana/2.wav", "--encoder", "box")
    assert result.code == 2
    assert "holds voiceprints of the encoder 'FramePooling:" in result.err
    assert "and this one is 'box:" in result.err


def test_people_are_listed(enrolled, run):
    result = run("people", "people.db")
    assert result.code == 0
    assert result.out.startswith("ana: 1 recording, the last on 20")
    assert result.out.endswith("\nThe threshold is not calibrated.\n")
    listed = json.loads(run("people", "people.db", "--json").out)
    assert [one["name"] for one in listed["people"]] == ["ana", "ben", "eva"]
    assert listed["encoder"].startswith("FramePooling:")


def test_a_store_that_is_not_there_is_not_made(folder, run):
    for command in (["people"], ["forget", "ana"], ["identify", "later/ana/2.wav", *ENCODER]):
        result = run(command[0], "nobody.db", *command[1:])
        assert result.code == 2
        assert result.err.startswith("error: There is no store '")
    assert not os.path.exists("nobody.db")


def test_people_are_forgotten(enrolled, run):
    assert run("forget", "people.db", "ben", "ana") == (0, "forgotten: ana, ben\n", "")
    assert json.loads(run("forget", "people.db", "eva", "--json").out) == {"forgotten": ["eva"]}
    assert b"eva" not in (enrolled / "people.db").read_bytes()


def test_somebody_who_is_not_enrolled_cannot_be_forgotten(enrolled, run):
    result = run("forget", "people.db", "zoe")
    assert result.code == 2
    assert "Cannot forget ['zoe']: not enrolled in 'people.db'" in result.err


def test_a_forgotten_voice_that_is_not_overwritten_yet_is_an_error(enrolled, run):
    with SpeakerStore("people.db")._file().reading() as db:
        db.execute("SELECT * FROM voiceprints").fetchone()
        result = run("forget", "people.db", "ana", "--timeout", "0.1")
    assert result.code == 2
    assert "The voice is removed, but its bytes are not overwritten yet" in result.err
    assert SpeakerStore("people.db").people == ["ben", "eva"]


def test_people_are_identified_with_scores_and_the_next(enrolled, run):
    files = [f"enrolled/{name}/1.wav" for name in ("ana", "ben", "eva")]
    result = run("identify", "people.db", *files, *ENCODER)
    assert result.code == 0
    assert [line.split()[:2] for line in result.out.splitlines()] == [
        [f"{file}:", file.split("/")[1]] for file in files
    ]
    found = json.loads(run("identify", "people.db", *files, *ENCODER, "--json").out)
    assert [one["name"] for one in found] == ["ana", "ben", "eva"]
    assert all(one["score"] > one["runner_up_score"] for one in found)
    assert found[0]["threshold"] is None


def test_one_person_has_no_runner_up(folder, run):
    run("enrol", "people.db", "ana", "enrolled/ana/1.wav", *ENCODER)
    found = json.loads(run("identify", "people.db", "later/ana/2.wav", *ENCODER, "--json").out)
    assert (found[0]["name"], found[0]["runner_up"]) == ("ana", None)


def test_a_calibrated_store_says_unknown_and_leaves_with_1(enrolled, run):
    result = run("calibrate", "people.db", "others", "--target-far", "0.1", *ENCODER)
    assert result.code == 0
    assert " is calibrated for 3 people. Of the recordings of other people " in result.out
    stranger = sorted(os.listdir("others"))[0]
    files = ["later/ana/2.wav", f"others/{stranger}/1.wav"]
    found = json.loads(run("identify", "people.db", *files, *ENCODER, "--json").out)
    threshold = SpeakerStore("people.db").calibration["found"]["threshold"]
    for one in found:
        assert one["threshold"] == threshold
        assert (one["name"] is None) == (one["score"] < threshold)
    # Whoever that is, nobody is like a voice from whose store the threshold was raised.
    assert found[1]["name"] is None
    result = run("identify", "people.db", files[1], *ENCODER)
    assert result.code == 1
    assert result.out.startswith(f"{files[1]}: unknown (best ")


def test_a_stale_calibration_is_said(enrolled, run):
    found = json.loads(
        run("calibrate", "people.db", "others", "--target-far", "0.1", *ENCODER, "--json").out
    )
    assert found["n_enrolled"] == 3
    stranger = os.path.join("others", sorted(os.listdir("others"))[0], "1.wav")
    assert run("enrol", "people.db", "zoe", stranger, *ENCODER).code == 0
    assert "calibrate again, more people are enrolled now" in run("people", "people.db").out
    result = run("identify", "people.db", "later/ana/2.wav", *ENCODER)
    assert result.err.startswith("warning: 4 people are in the store, but its threshold was")


def test_too_few_people_to_calibrate_on_are_an_error(enrolled, run):
    result = run("calibrate", "people.db", "later", *ENCODER)
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert SpeakerStore("people.db").calibration is None


def test_a_damaged_store_is_an_error_that_names_the_way_back(enrolled, run):
    content = bytearray((enrolled / "people.db").read_bytes())
    kept = SpeakerStore("people.db").voiceprints()
    content[content.index(np.float32(kept.embeddings[0, :4]).tobytes())] ^= 4
    (enrolled / "people.db").write_bytes(content)
    result = run("identify", "people.db", "later/ana/2.wav", *ENCODER)
    assert result.code == 2
    assert "is damaged (the checksum of voiceprint 1 does not match)" in result.err
    assert "rescue" in result.err
