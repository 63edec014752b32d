"""Size and price of each network: numbers learned, multiply-adds, milliseconds for a 3 s recording.

The input is 40 MFCCs at 100 frames a second, 48,000 samples for "cnn1d"; the networks have their
default sizes. Numbers learned are parameters and buffers, such as the closed form of "statistics".
Multiply-adds are counted in convolutions, fully connected layers and LSTMs, and not in other
products, which are most of those of "statistics". The time is the median of single recordings on
one thread. Usage: python benchmarks/networks.py
"""

import time

import numpy as np
import torch
from torch import nn

from sklearn_siamese_speaker.nn import NETWORKS

INPUTS = dict.fromkeys(NETWORKS, (40, 301)) | {"cnn1d": (1, 48000)}
LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.LSTM)


def layer_multiply_adds(layer, inputs, output):
    """Every weight is used once for each position of the output, a convolution's channels apart."""
    if isinstance(layer, nn.LSTM):
        n_frames = inputs[0].shape[1]
        return n_frames * sum(w.numel() for n, w in layer.named_parameters() if "weight" in n)
    if isinstance(layer, nn.Linear):
        return layer.weight.numel() * output.numel() // output.shape[-1]
    return layer.weight.numel() * output[0, 0].numel()


def multiply_adds(network, frames):
    counts = []

    def count(layer, inputs, output):
        counts.append(layer_multiply_adds(layer, inputs, output))

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, LAYERS)]
    network(frames)
    for hook in hooks:
        hook.remove()
    return sum(counts)


def milliseconds(network, frames, n_times=20):
    times = []
    for _ in range(n_times):
        start = time.perf_counter()
        network(frames)
        times.append(time.perf_counter() - start)
    return 1000 * np.median(times)


@torch.no_grad()
def main():
    torch.set_num_threads(1)
    print(f"{'network':10}{'learned':>12}{'multiply-adds':>16}{'ms':>8}")
    for name, (n_features, n_frames) in INPUTS.items():
        network = NETWORKS[name](n_features).eval()
        frames = torch.randn(1, n_features, n_frames)
        n_learned = sum(numbers.numel() for numbers in network.state_dict().values())
        print(
            f"{name:10}{n_learned:12,}{multiply_adds(network, frames):16,}"
            f"{milliseconds(network, frames):8.1f}"
        )


if __name__ == "__main__":
    main()
