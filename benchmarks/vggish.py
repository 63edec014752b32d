"""VGGish on 100 recordings of 3 s: its speed beside the bare network, its memory, its bits.

Run ``python benchmarks/vggish.py``. The weights are random, so nothing is downloaded; their values
change no figure. The bare network gets the same patches ready-made, in three ways: in batches of
32 across recordings in torch's own memory layout, which is what one would write; the same in the
faster layout that VGGish uses; and in that layout the 3 patches of each recording by themselves.
"""

import resource
import time
import warnings
from copy import deepcopy
from statistics import median

import numpy as np
import torch

from sklearn_siamese_speaker.features._vggish import VGGish
from sklearn_siamese_speaker.features.spectral import vggish_log_mel, vggish_patches
from sklearn_siamese_speaker.features.vggish_weights import load_network

N_RECORDINGS, N_TIMES, N_PATCHES, BATCH_SIZE, N_ROUNDS = 100, 48000, 3, 32, 3
PEAK_LIMIT, RATIO_LIMIT = 1.5, 1.3  # GB, times


def time_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@torch.no_grad()
def pass_bare(network, patches, batch_size=BATCH_SIZE):
    return torch.cat([network(batch) for batch in torch.from_numpy(patches).split(batch_size)])


def main():
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (N_RECORDINGS, N_TIMES)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about random weights
        vggish = VGGish(weights=None, random_state=0, device="cpu").fit(X)
    frames = vggish.transform(X)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kB to GB
    alone = np.concatenate([vggish.transform(X[i : i + 1]) for i in range(N_RECORDINGS)])
    patches = np.concatenate([vggish_patches(vggish_log_mel(waveform)) for waveform in X])
    same_layout = load_network(vggish.weights_, vggish.final_relu)
    plain = deepcopy(same_layout).to(memory_format=torch.contiguous_format)
    expected = pass_bare(plain, patches).numpy()
    np.testing.assert_allclose(np.concatenate([f.T for f in frames]), expected, atol=1e-4)

    ways = {
        "in torch's own layout": lambda: pass_bare(plain, patches),
        "in the same layout": lambda: pass_bare(same_layout, patches),
        "in it, recording by recording": lambda: pass_bare(same_layout, patches, N_PATCHES),
    }
    ratios = {way: [] for way in ways}
    for _ in range(N_ROUNDS):  # side by side, so that a busy machine is busy for all
        ours = time_of(lambda: vggish.transform(X))
        print(f"VGGish {ours:.2f} s")
        for way, function in ways.items():
            bare = time_of(function)
            ratios[way].append(ours / bare)
            print(f"  bare network {way} {bare:.2f} s")
    for way, values in ratios.items():
        print(f"ratio to the bare network {way}: {median(values):.2f} (at most {RATIO_LIMIT})")
    print(f"peak {peak:.2f} GB (at most {PEAK_LIMIT})")
    n_equal = sum(np.array_equal(a, b) for a, b in zip(alone, frames, strict=True))
    print(f"{n_equal} of {N_RECORDINGS} recordings have the same bits alone and among the others")


if __name__ == "__main__":
    main()
