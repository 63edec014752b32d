"""Attack the library, and print what became of each attack in one line.

Usage: OMP_NUM_THREADS=1 python benchmarks/faults.py [--quick] [--only NAME]

Each attack runs in a process of its own, so that a crash is seen and counted. The exit code is 1 if
there was a wrong answer, an error that does not name what is wrong, a crash, or a call that does
not end.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

from _faults import archives, audio, downloads, inputs, models, sharing
from _faults.outcomes import WRONG

ATTACKS = {
    "mutated files": audio.mutated_files,
    "truncated files": audio.truncated_files,
    "truncated MP3": audio.truncated_mp3,
    "killed trainings": models.killed_trainings,
    "flipped bit, skops": models.flipped_skops,
    "flipped bit, checkpoint": models.flipped_checkpoint,
    "flipped bit, joblib": models.flipped_joblib,
    "threads, read and write": sharing.reading_and_writing_threads,
    "threads, enrol": sharing.enrolling_threads,
    "two processes": sharing.two_processes,
    "downloads": downloads.downloads,
    "archives": archives.nasty_archives,
    "bad inputs": inputs.bad_inputs,
}
LIMIT = 3600  # seconds for one attack
MEMORY = 6 * 2**30  # bytes an attack may have, so that one that goes wrong leaves the machine alone


def attack(name, quick):
    """Run an attack in this process, and print its outcomes for the process that started it."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    tally = ATTACKS[name](quick)
    print(json.dumps({"counts": tally, "examples": tally.examples}))


def run(name, quick):
    """Run an attack in a process of its own; print its line, and return whether all was right."""
    start = time.perf_counter()
    command = [sys.executable, __file__, "--attack", name, *(["--quick"] if quick else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
        crash = f"exit code {done.returncode}: {done.stderr[-600:]}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        crash = f"no end within {LIMIT} s"
    result = {"counts": {}, "examples": {}} if crash else json.loads(done.stdout.splitlines()[-1])
    counts, seconds = result["counts"], time.perf_counter() - start
    is_right = not crash and not any(counts.get(outcome) for outcome in WRONG)
    text = crash or ", ".join(f"{outcome} {n:,}" for outcome, n in sorted(counts.items()))
    verdict = "ok" if is_right else "WRONG"
    print(f"{name:24}{sum(counts.values()):>7,}  {verdict:6}{seconds:5.0f} s  {text}", flush=True)
    for outcome, example in result["examples"].items():
        print(f"{'':24}{outcome}, for example {example}", flush=True)
    return is_right


def main():
    """Run the attacks that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer of each, in 3 minutes")
    parser.add_argument("--only", choices=ATTACKS, help="one attack")
    parser.add_argument("--attack", choices=ATTACKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        attack(options.attack, options.quick)
        return
    names = [options.only] if options.only else ATTACKS
    results = [run(name, options.quick) for name in names]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
