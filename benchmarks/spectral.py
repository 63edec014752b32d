"""MFCC beside Fourier transforms alone and beside librosa, in one run, and in two processes.

200 recordings of 3 s in memory, and a thousand as FLAC files of 48 kHz. Times are the shortest of
several, the functions taking turns.
Usage: OMP_NUM_THREADS=1 python benchmarks/spectral.py [repetitions]
"""

import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import scipy.fft
import soundfile
import torch

from sklearn_siamese_speaker import MFCC

N_RECORDINGS, N_TIMES, N_FFT, HOP = 200, 48_000, 512, 160
RATE = 16_000


def transform_alone(rfft, windowed):
    """Return a function that transforms the windowed frames of a recording again and again."""

    def run():
        for _ in range(N_RECORDINGS):
            rfft(windowed)

    return run


def librosa_one_by_one(X):
    for x in X:
        librosa.feature.mfcc(
            y=x,
            sr=RATE,
            n_mfcc=40,
            n_fft=N_FFT,
            win_length=400,
            hop_length=HOP,
            n_mels=64,
            fmin=20,
            pad_mode="constant",
        )


def shortest_times(functions, repetitions):
    for function in functions.values():
        function()
    times = dict.fromkeys(functions, np.inf)
    for _ in range(repetitions):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name] = min(times[name], time.perf_counter() - start)
    return times


def save(X, folder):
    rng = np.random.default_rng(0)
    paths = [str(Path(folder) / f"{i}.flac") for i in range(len(X))]
    for path in paths:
        soundfile.write(path, rng.uniform(-0.5, 0.5, 3 * N_TIMES), 3 * RATE)
    return paths


def main(repetitions):
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    X = list(rng.uniform(-0.5, 0.5, (N_RECORDINGS, N_TIMES)).astype(np.float32))
    windowed = rng.uniform(-0.5, 0.5, (1 + N_TIMES // HOP, N_FFT))
    single = windowed.astype(np.float32)
    mfcc, together = MFCC().fit(X), MFCC(n_jobs=2).fit(X)
    with tempfile.TemporaryDirectory() as folder:
        paths = 5 * save(X, folder)
        times = shortest_times(
            {
                "scipy.fft.rfft, float64": transform_alone(scipy.fft.rfft, windowed),
                "scipy.fft.rfft, float32": transform_alone(scipy.fft.rfft, single),
                "torch.fft.rfft, float64": transform_alone(
                    torch.fft.rfft, torch.from_numpy(windowed)
                ),
                "torch.fft.rfft, float32": transform_alone(
                    torch.fft.rfft, torch.from_numpy(single)
                ),
                "MFCC": lambda: mfcc.transform(X),
                "librosa, one by one": lambda: librosa_one_by_one(X),
                "MFCC of 1,000 files, 48 kHz": lambda: mfcc.transform(paths),
                "  in two processes": lambda: together.transform(paths),
            },
            repetitions,
        )
    alone = times["scipy.fft.rfft, float64"]
    print(f"{N_RECORDINGS} recordings of {N_TIMES / RATE:g} s, the shortest of {repetitions} times")
    for name, seconds in times.items():
        print(f"{name:28}{1000 * seconds:8.1f} ms {seconds / alone:7.2f} x the first line")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 15)
