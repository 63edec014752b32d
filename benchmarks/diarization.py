"""Who spoke when: conversations made of test speakers' recordings, meetings, an hour.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder python benchmarks/diarization.py [--quick]
        [--encoder NAME ...] [--speech DETECTOR ...] [--split SPLIT] [--seed N]
        [--meetings FOLDER --tuned NAME ...] [--hour]

20 conversations are made, five each of 2, 3, 4 and 6 speakers of speechocean762, with seven
recordings of each: pauses of 0.2 to 1 s, and in 5 % of the time of speech two people speak. No
recording is used twice. The number of speakers is not given. Printed are the diarization error rate
with its three parts, how often the number of speakers is right, and the rate of *everything one
speaker* with the same speech. Time in which two speak counts twice, no collar; where
pyannote.metrics is installed, it computes the rate too. What could be chosen was chosen with
`--split train`; the test speakers are looked at once.

`--meetings` does the same for recordings with RTTM files beside them, all of them and those that
are not named by `--tuned`, with the detected and with the true speech. `--hour` measures time and
memory for an hour of such conversations in one file. It takes about six minutes on two cores.
"""

import argparse
import csv
import itertools
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from sklearn_siamese_speaker import PretrainedSpeakerEncoder, SpeakerDiarizer
from sklearn_siamese_speaker.datasets import load_conversations, make_conversation
from sklearn_siamese_speaker.metrics import diarization_error_rate, diarization_errors

N_SPEAKERS, N_EACH, N_PARTS = (2, 3, 4, 6), 5, 2
SAMPLE_RATE = 16000  # Hz
ENCODERS = ("campplus", "box", "dvector")


def list_speakers(split):
    """Return the paths of the recordings of each speaker."""
    folder = Path(os.environ["SKLEARN_SIAMESE_SPEAKER_SPEECH"])
    paths = {}
    with open(folder / "speechocean762.csv", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["split"] == split:
                paths.setdefault(row["speaker"], []).append(str(folder / row["path"]))
    return paths


def make_conversations(split, n_each=N_EACH, seed=0):
    """Yield waveforms and who speaks when in them; no recording is used twice."""
    rng = np.random.RandomState(seed)
    parts = {
        speaker: [list(part) for part in np.array_split(rng.permutation(paths), N_PARTS)]
        for speaker, paths in list_speakers(split).items()
    }
    for n_speakers in N_SPEAKERS:
        for _ in range(n_each):
            # Those with most recordings left come first, at random among equals.
            order = sorted(parts, key=lambda name: (-len(parts[name]), rng.rand()))
            X = [(path, name) for name in order[:n_speakers] for path in parts[name].pop()]
            yield make_conversation(*zip(*X, strict=True), random_state=rng)


def describe(y_true, y_pred):
    """Return the error rate, its parts, and how often the number of speakers is right."""
    errors = diarization_errors(y_true, y_pred)
    speech = errors.pop("speech")
    counts = [[len({name for *_, name in one}) for one in y] for y in (y_true, y_pred)]
    right = sum(true == found for true, found in zip(*counts, strict=True))
    return (
        f"{sum(errors.values()) / speech:6.1%}"
        f" ({', '.join(f'{kind} {seconds / speech:.1%}' for kind, seconds in errors.items())})"
        f"  number of speakers right in {right} of {len(y_true)}"
    )


def one_speaker(y):
    return [[(start, end, "S") for start, end, _ in segments] for segments in y]


def by_pyannote(y_true, y_pred):
    """Return the error rate that pyannote.metrics computes, None where it is not installed."""
    try:
        from pyannote.core import Annotation, Segment, Timeline
        from pyannote.metrics.diarization import DiarizationErrorRate
    except ImportError:
        return None
    metric = DiarizationErrorRate()
    for pair in zip(y_true, y_pred, strict=True):
        annotations = [Annotation(), Annotation()]
        for annotation, segments in zip(annotations, pair, strict=True):
            for i, (start, end, speaker) in enumerate(segments):
                annotation[Segment(start, end), i] = speaker
        last = max(end for segments in pair for _, end, _ in segments)
        metric(*(one.support() for one in annotations), uem=Timeline([Segment(0, last)]))
    return abs(metric)


def evaluate(title, X, y, chosen=None, **parameters):
    """Print how well it is found who speaks when, in all recordings and in the chosen ones."""
    start = time.perf_counter()
    found = SpeakerDiarizer(**parameters).predict(X)
    seconds = time.perf_counter() - start
    rate = by_pyannote(y, found)
    agrees = "" if rate is None else f"; pyannote.metrics {rate:.2%}"
    for name, rows in [("all", range(len(X))), ("not tuned on", chosen)]:
        if rows is not None:
            true, some = [y[i] for i in rows], [found[i] for i in rows]
            baseline = diarization_error_rate(true, one_speaker(some))
            print(f"  {title:30} {name:12} {describe(true, some)}; one speaker {baseline:.1%}")
    print(f"  {'':30} {seconds:.0f} s{agrees}", flush=True)


def evaluate_meetings(encoders, speech, folder, tuned):
    X, y = load_conversations(folder, return_X_y=True)
    chosen = [i for i, path in enumerate(X) if Path(path).stem not in tuned]
    print(f"\nmeetings: {len(X)} recordings, {len(chosen)} not tuned on")
    for name in encoders:
        for detector in [*speech, y]:
            title = f"{name}, {detector if isinstance(detector, str) else 'true speech'}"
            encoder = PretrainedSpeakerEncoder(name)
            evaluate(title, list(X), y, chosen, encoder=encoder, speech=detector)


def evaluate_hour(encoders, speech, talks):
    """Print time and memory of an hour in one file: the conversations, over and over again."""
    print("\nan hour in one file")
    with tempfile.TemporaryDirectory() as folder:
        write_hour(f"{folder}/hour.flac", talks)
        for name in encoders:
            for detector in speech:
                start = time.perf_counter()
                diarizer = SpeakerDiarizer(PretrainedSpeakerEncoder(name), speech=detector)
                diarizer.predict([f"{folder}/hour.flac"])
                seconds = time.perf_counter() - start
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(f"  {name}, {detector}: {seconds:.0f} s, at most {peak:.0f} MiB", flush=True)


def write_hour(path, talks):
    left = 3600 * SAMPLE_RATE
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, channels=1) as file:
        for talk, _ in itertools.cycle(talks):
            file.write(talk[:left])
            left -= len(talk[:left])
            if left == 0:
                return


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    parser.add_argument("--encoder", nargs="+", choices=ENCODERS, default=["campplus", "box"])
    parser.add_argument("--speech", nargs="+", choices=["silero", "energy"], default=["silero"])
    parser.add_argument("--split", choices=["train", "test"], default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--meetings", metavar="FOLDER")
    parser.add_argument("--tuned", nargs="+", default=[], help="names of meetings tuned on")
    parser.add_argument("--hour", action="store_true")
    options = parser.parse_args()
    if "SKLEARN_SIAMESE_SPEAKER_SPEECH" not in os.environ:
        parser.error("set SKLEARN_SIAMESE_SPEAKER_SPEECH to the folder with speechocean762.csv")
    n_each = 1 if options.quick else N_EACH
    talks = list(make_conversations(options.split, n_each, options.seed))
    if options.hour:  # first, because its memory is that of the process until then
        evaluate_hour(options.encoder, options.speech, talks)
    X, y = [talk for talk, _ in talks], [segments for _, segments in talks]
    minutes = sum(map(len, X)) / SAMPLE_RATE / 60
    print(f"{len(X)} conversations of {options.split} speakers, {minutes:.0f} minutes")
    for name in options.encoder:
        for detector in options.speech:
            encoder = PretrainedSpeakerEncoder(name)
            evaluate(f"{name}, {detector}", X, y, encoder=encoder, speech=detector)
    if options.meetings:
        evaluate_meetings(options.encoder, options.speech, options.meetings, options.tuned)


if __name__ == "__main__":
    main()
