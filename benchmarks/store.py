"""What a store of people withstands: processes, kills, readers, flipped bits; and how fast it is.

Usage: OMP_NUM_THREADS=1 python benchmarks/store.py [--quick]

Prints a line for each trial, and leaves with 1 if anything was lost, left or wrong.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from sklearn_siamese_speaker import NotErasedError, SpeakerStore, SpeakerStoreError

N_DIMS = 192
fork = get_context("fork")


def embedding_of(name):
    """Return the embedding that belongs to a name, so that any mixture is seen."""
    seed = int.from_bytes(name.encode()[-8:], "little")
    return np.random.default_rng(seed).normal(size=N_DIMS).astype(np.float32)


def enrol(path, names, committed=None):
    """Enrol people one by one, and write the name of each that is committed."""
    store = SpeakerStore(path, timeout=120)
    for name in names:
        store.enrol([name], [embedding_of(name)])
        if committed is not None:
            os.write(committed, f"{name}\n".encode())


def enrol_and_forget(path, names, committed):
    """Enrol people, and forget every third; "-" before a name says that it is forgotten."""
    store = SpeakerStore(path, timeout=120)
    for i, name in enumerate(names):
        store.enrol([name], [embedding_of(name)])
        os.write(committed, f"{name}\n".encode())
        if i % 3 == 2:
            os.write(committed, f"?{name}\n".encode())  # from now on it may be gone
            store.forget(name)
            os.write(committed, f"-{name}\n".encode())


def in_two_threads(path, prefix, n):
    with ThreadPoolExecutor(2) as pool:
        halves = [[f"{prefix} {i:04}" for i in range(first, n, 2)] for first in (0, 1)]
        list(pool.map(lambda names: enrol(path, names), halves))


def are_right(kept):
    return all(
        np.array_equal(embedding, embedding_of(name))
        for name, embedding in zip(kept.names.tolist(), kept.embeddings, strict=True)
    )


def two_processes(folder, n):
    """Two processes, two threads each, every thread enrols n people."""
    path = Path(folder, "shared.db")
    start = time.perf_counter()
    workers = [fork.Process(target=in_two_threads, args=(path, p, 2 * n)) for p in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    kept = SpeakerStore(path).voiceprints()
    n_kept = len(set(kept.names.tolist()))
    print(f"two processes, two threads: {n_kept} of {4 * n}, {time.perf_counter() - start:.0f} s")
    return n_kept == 4 * n and are_right(kept)


def kills(folder, n_kills):
    """Kill a writer at random moments; then look for all that it had said was committed."""
    rng = np.random.default_rng(0)
    n_committed, lost, unreadable, left = 0, 0, 0, 0
    for kill in range(n_kills):
        path = Path(folder, f"killed-{kill}.db")
        reader, writer = os.pipe()
        names = [f"{kill:02} {i:05}" for i in range(100_000)]
        process = fork.Process(target=enrol_and_forget, args=(path, names, writer))
        process.start()
        os.close(writer)
        with os.fdopen(reader) as said:
            first = said.readline()  # it has begun
            time.sleep(rng.uniform(0, 1))
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            lines = [first.strip(), *said.read().splitlines()]
        uncertain = {line[1:] for line in lines if line[0] == "?"}
        forgotten = {line[1:] for line in lines if line[0] == "-"}
        committed = {line for line in lines if line[0] not in "?-"} - uncertain
        try:
            store = SpeakerStore(path)
            kept = store.voiceprints()
        except SpeakerStoreError as error:
            unreadable += 1
            print(error)
            continue
        n_committed += len(committed)
        lost += len(committed - set(kept.names.tolist())) + (not are_right(kept))
        store.enrol(["a writer after it"], [embedding_of("a")])  # it finishes what was begun
        gone = forgotten | (uncertain - set(kept.names.tolist()))
        left += bytes_left(path, gone)
    print(
        f"{n_kills} kills: {lost} of {n_committed} committed voiceprints lost, {unreadable} files "
        f"that do not open, {left} forgotten names or embeddings left"
    )
    return not (lost or unreadable or left)


def bytes_left(path, names):
    """Return how many names, or parts of their embeddings, are in any file of a store."""
    content = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    parts = (part for n in names for part in (n.encode(), embedding_of(n)[:8].tobytes()))
    return sum(part in content for part in parts)


def forgetting(folder, n_people):
    """Forget most of many people; look for their bytes, also while somebody reads."""
    path = Path(folder, "forgetful.db")
    names = [f"person {i:05}" for i in range(n_people)]
    store = SpeakerStore(path, timeout=1.0)
    store.enrol(names, np.stack([embedding_of(name) for name in names]))
    order = np.random.default_rng(0).permutation(names)[: n_people * 9 // 10]
    for part in np.array_split(order, 10):
        store.forget(part)
    left = bytes_left(path, order.tolist())
    remaining = store.people
    with store._file().reading() as reader:
        reader.execute("SELECT * FROM voiceprints").fetchone()
        try:
            store.forget(remaining[0])
            is_named = False
        except NotErasedError:
            is_named = True
    store.enrol(["somebody"], [embedding_of("somebody")])
    left += bytes_left(path, remaining[:1])
    print(
        f"{len(order) + 1} of {n_people} people forgotten: {left} names or embeddings left; while "
        f"another reads: {'the named error' if is_named else 'NO ERROR'}, and the next writer "
        "overwrites"
    )
    return is_named and not left


def flipped_bits(folder, n_flips):
    """Flip a bit anywhere in a store, and read it."""
    path = Path(folder, "whole.db")
    names = [f"person {i:05}" for i in range(200)]
    store = SpeakerStore(path)
    store.enrol(names, np.stack([embedding_of(name) for name in names]))
    whole, content = store.voiceprints(), path.read_bytes()
    outcomes, rescued = Counter(), []
    damaged = Path(folder, "damaged.db")
    for bit in np.random.default_rng(0).integers(8 * len(content), size=n_flips):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(flipped)
        try:
            kept = SpeakerStore(damaged).voiceprints()
            is_equal = all(np.array_equal(kept[name], whole[name]) for name in whole)
            outcomes["harmless" if is_equal else "WRONG"] += 1
        except (SpeakerStoreError, FileNotFoundError) as error:
            outcomes["named error"] += 1
            if "rescue" in str(error):
                rescued.append(rescue(damaged, Path(folder, f"rescued-{bit}.db")))
        except Exception as error:
            outcomes["WRONG"] += 1
            print(f"bit {bit}: {type(error).__name__}: {error}")
    text = ", ".join(f"{outcome} {n}" for outcome, n in sorted(outcomes.items()))
    least = f"; rescued of 200 voiceprints: {np.median(rescued):.0f}, at least {min(rescued)}"
    print(f"{n_flips} flipped bits: {text}{least if rescued else ''}")
    return not outcomes["WRONG"]


def rescue(damaged, path):
    try:
        return SpeakerStore(path).rescue(damaged)
    except SpeakerStoreError:
        return 0


def speed(folder, n_people):
    """Time a large store."""
    rng = np.random.default_rng(0)
    store = SpeakerStore(Path(folder, "large.db"))
    names = np.array([f"person {i:06}" for i in range(n_people)])
    store.enrol(names, rng.normal(size=(n_people, N_DIMS)))
    followed = store.classifier(follow=True)
    one = rng.normal(size=(1, N_DIMS))
    work = {
        "open as a classifier": store.classifier,
        "list": lambda: store.people,
        "enrol one": lambda: store.enrol([f"new {rng.random()}"], one),
        "forget one": lambda: store.forget(names[rng.integers(n_people)]),
    }
    times = ["{} {:.2f} s ({:.2f} s of CPU)".format(name, *timed(work[name])) for name in work]
    followed.predict(one)
    plain = store.classifier()
    times.append(f"predict one {1000 * timed(lambda: plain.predict(one))[1]:.1f} ms of CPU")
    times.append(f"following {1000 * timed(lambda: followed.predict(one))[1]:.1f} ms of CPU")
    size = store.path.stat().st_size / 1e6
    print(f"{n_people:,} voiceprints of {N_DIMS} dimensions, {size:.0f} MB: " + ", ".join(times))
    return True


def timed(call):
    """Return the seconds a call takes, and those of them that it computes."""
    start, start_computing = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - start_computing


def main():
    """Run all trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer of each")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        results = [
            two_processes(folder, 20 if quick else 200),
            kills(folder, 3 if quick else 30),
            forgetting(folder, 200 if quick else 2000),
            flipped_bits(folder, 50 if quick else 1000),
            speed(folder, 2000 if quick else 100_000),
        ]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
