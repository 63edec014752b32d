"""The commands of the five-minute page, on eight of the test speakers of speechocean762.

Usage: OMP_NUM_THREADS=1 python benchmarks/colleagues.py [--encoder ENCODER]

Each is enrolled with one recording and asked for with another one. The threshold is calibrated on
five recordings each of 33 further test speakers, and the other 8 are strangers.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _speech import list_recordings

NAMES = ["ana", "ben", "eva", "fay", "gil", "ida", "jon", "kim"]
N_CALIBRATION = 33  # people who are neither enrolled nor strangers


def arrange(folder):
    """Link the recordings in the way the page has its folders; return the strangers' files."""
    paths, speakers, split = list_recordings("speechocean762")
    paths, speakers = (
        np.asarray(values)[np.asarray(split) == "test"] for values in (paths, speakers)
    )
    order = np.random.default_rng(0).permutation(np.unique(speakers))
    strangers = []
    for i, speaker in enumerate(order):
        files = paths[speakers == speaker][:5]
        if i < len(NAMES):
            link(files[0], folder / "enrolled" / NAMES[i] / "1.flac")
            link(files[1], folder / "later" / f"{NAMES[i]}.flac")
        elif i < len(NAMES) + N_CALIBRATION:
            for file in files:
                link(file, folder / "others" / speaker / Path(file).name)
        else:
            strangers += files.tolist()
    return strangers


def link(file, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(file)


def run(*arguments):
    """Run a command, print it, and return what it answered."""
    print("$ siamese-speaker", *arguments[:3], "..." if len(arguments) > 3 else "", flush=True)
    command = [sys.executable, "-m", "sklearn_siamese_speaker", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode > 1:
        sys.exit(done.returncode)
    return done.stdout


def identify(files, encoder):
    return json.loads(run("identify", "people.db", *files, *encoder, "--json"))


def main():
    """Run the commands, and print what they answer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="box")
    encoder = ["--encoder", parser.parse_args().encoder]
    with tempfile.TemporaryDirectory() as folder:
        strangers = arrange(Path(folder))
        os.chdir(folder)
        run("enrol", "people.db", "enrolled", *encoder)
        files = [f"later/{name}.flac" for name in NAMES]
        found = identify(files, encoder)
        n_right = sum(one["best"] == name for one, name in zip(found, NAMES, strict=True))
        print(f"{n_right} of {len(NAMES)} best matches are right")
        if found[0]["threshold"] is not None:
            tell("the encoder's own", found, identify(strangers, encoder))
        print(run("calibrate", "people.db", "others", "--target-far", "0.05", *encoder).strip())
        tell("the calibrated", identify(files, encoder), identify(strangers, encoder))


def tell(threshold, found, strange):
    shares = [
        f"{sum(one['name'] is None for one in some)} of {len(some)}" for some in (found, strange)
    ]
    print(
        f"{threshold} threshold: unknown are {shares[0]} colleagues, {shares[1]} strangers' clips"
    )


if __name__ == "__main__":
    main()
