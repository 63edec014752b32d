"""VGGish on 100 recordings of 3 s: its speed beside the bare network, and its memory.

Run ``python benchmarks/vggish.py``. The weights are random, so nothing is downloaded; their values
change neither figure. The bare network gets all patches ready-made, across recordings, in batches
of the same size: what it saves is reading the weights once for each recording.
"""

import resource
import statistics
import time
import warnings

import numpy as np
import torch

from sklearn_siamese_speaker.features._vggish import VGGish
from sklearn_siamese_speaker.features._vggish_weights import load_network
from sklearn_siamese_speaker.spectral import vggish_log_mel, vggish_patches

N_RECORDINGS, N_TIMES, N_ROUNDS = 100, 48000, 3
PEAK_LIMIT, RATIO_LIMIT = 1.5, 1.3  # GB, times


def time_of(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


@torch.no_grad()
def pass_bare(network, patches, batch_size):
    batches = torch.from_numpy(patches).split(batch_size)
    return torch.cat([network(batch) for batch in batches]).numpy()


def main():
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (N_RECORDINGS, N_TIMES)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about random weights
        vggish = VGGish(weights=None, random_state=0, device="cpu").fit(X)
    _, frames = time_of(lambda: vggish.transform(X))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kB to GB

    network = load_network(vggish.weights_, vggish.final_relu)
    patches = np.concatenate([vggish_patches(vggish_log_mel(waveform)) for waveform in X])
    ratios = []
    for _ in range(N_ROUNDS):  # side by side, so that a busy machine is busy for both
        ours, frames = time_of(lambda: vggish.transform(X))
        bare, expected = time_of(lambda: pass_bare(network, patches, vggish.batch_size))
        ratios.append(ours / bare)
        print(f"{len(patches)} patches: VGGish {ours:.2f} s, bare network {bare:.2f} s")
    np.testing.assert_allclose(np.concatenate([f.T for f in frames]), expected, atol=1e-4)
    print(f"ratio {statistics.median(ratios):.2f} (at most {RATIO_LIMIT})")
    print(f"peak {peak:.2f} GB (at most {PEAK_LIMIT})")


if __name__ == "__main__":
    main()
