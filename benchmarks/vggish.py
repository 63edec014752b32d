"""VGGish on 100 recordings of 3 s: its speed beside the bare network, and its memory.

Run ``python benchmarks/vggish.py``. The weights are random, so nothing is downloaded; their values
change no figure. The bare network gets all patches ready-made, across recordings, in batches of
32: once in torch's own memory layout, once in the faster one that VGGish uses. What it saves in the
second is to read the 268 MB of its first two dense layers for each recording of 3 patches, the
price of bits that do not depend on neighbours.
"""

import resource
import time
import warnings
from copy import deepcopy
from statistics import median

import numpy as np
import torch

from sklearn_siamese_speaker.features._vggish import VGGish
from sklearn_siamese_speaker.features._vggish_weights import load_network
from sklearn_siamese_speaker.spectral import vggish_log_mel, vggish_patches

N_RECORDINGS, N_TIMES, BATCH_SIZE, N_ROUNDS = 100, 48000, 32, 3
PEAK_LIMIT, RATIO_LIMIT = 1.5, 1.3  # GB, times


def time_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@torch.no_grad()
def pass_bare(network, patches):
    return torch.cat([network(batch) for batch in torch.from_numpy(patches).split(BATCH_SIZE)])


def main():
    X = np.random.default_rng(0).uniform(-0.5, 0.5, (N_RECORDINGS, N_TIMES)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about random weights
        vggish = VGGish(weights=None, random_state=0, device="cpu").fit(X)
    frames = vggish.transform(X)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kB to GB
    patches = np.concatenate([vggish_patches(vggish_log_mel(waveform)) for waveform in X])
    same_layout = load_network(vggish.weights_, vggish.final_relu)
    plain = deepcopy(same_layout).to(memory_format=torch.contiguous_format)
    expected = pass_bare(plain, patches).numpy()
    np.testing.assert_allclose(np.concatenate([f.T for f in frames]), expected, atol=1e-4)

    seconds = []
    for _ in range(N_ROUNDS):  # side by side, so that a busy machine is busy for all
        seconds.append(
            [
                time_of(lambda: vggish.transform(X)),
                time_of(lambda: pass_bare(plain, patches)),
                time_of(lambda: pass_bare(same_layout, patches)),
            ]
        )
        print(
            "VGGish {:.2f} s, bare network {:.2f} s, in the same layout {:.2f} s".format(
                *seconds[-1]
            )
        )
    print(
        f"ratio {median(ours / bare for ours, bare, _ in seconds):.2f} (at most {RATIO_LIMIT}), "
        f"in the same layout {median(ours / bare for ours, _, bare in seconds):.2f}"
    )
    print(f"peak {peak:.2f} GB (at most {PEAK_LIMIT})")


if __name__ == "__main__":
    main()
