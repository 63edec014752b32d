"""Front ends as torch modules: waveforms to frames inside the network, for export."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class WaveformLength(nn.Module):
    """Crop or pad waveforms ``(batch, n_times)`` to ``(batch, length)``, as `set_length` does."""

    positions: Tensor

    def __init__(self, length: int, crop: str, pad: str) -> None:
        super().__init__()
        self.length, self.crop, self.pad = length, crop, pad
        self.register_buffer("positions", torch.arange(length))

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map ``(batch, n_times)`` to ``(batch, length)``."""
        n_times = waveforms.shape[1]
        start = torch.sym_max(n_times - self.length, 0) // 2 if self.crop == "center" else 0
        index = start + self.positions
        if self.pad == "repeat":
            return waveforms[:, index % n_times]
        return functional.pad(waveforms, (0, self.length))[:, index]


class Spectrum(nn.Module):
    """Power in frequency bands of windowed frames; `hop` and `padding` are in samples."""

    # The windowed Fourier transform is one convolution, whose kernels are sines and cosines. Unlike
    # a transform it is the same in every runtime, and takes waveforms of any length.
    kernels: Tensor  # (2 * n_bins, n_taps): real parts, then imaginary parts
    filters: Tensor  # (n_bands, n_bins)

    def __init__(self, kernels: Tensor, filters: Tensor, hop: int, padding: int) -> None:
        super().__init__()
        self.register_buffer("kernels", kernels[:, None])
        self.register_buffer("filters", filters)
        self.hop, self.padding = hop, padding

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map ``(batch, n_times)`` to ``(batch, n_bands, n_frames)``."""
        spectrum = functional.conv1d(
            waveforms[:, None], self.kernels, stride=self.hop, padding=self.padding
        )
        real, imaginary = spectrum.chunk(2, dim=1)
        return self.filters @ (real**2 + imaginary**2)


class LogPower(nn.Module):
    """A multiple of the logarithm of powers from `smallest`, and from `top` below the largest."""

    def __init__(self, factor: float, smallest: float, top: float | None = None) -> None:
        super().__init__()
        self.factor, self.smallest, self.top = factor, smallest, top

    def forward(self, power: Tensor) -> Tensor:
        """Map ``(batch, n_bands, n_frames)`` to the same shape."""
        logarithm = self.factor * power.clamp(min=self.smallest).log()
        if self.top is None:
            return logarithm
        return torch.maximum(logarithm, logarithm.amax((1, 2), keepdim=True) - self.top)


class Projection(nn.Module):
    """A matrix of shape (n_features, n_bands) times each frame: the cosine transform of cepstra."""

    matrix: Tensor

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_bands, n_frames)`` to ``(batch, n_features, n_frames)``."""
        return self.matrix @ frames


class Slopes(nn.Module):
    """Features, their slopes over `reach` frames on both sides, and the slopes of these."""

    def __init__(self, orders: int, reach: int = 4) -> None:
        super().__init__()
        self.orders, self.reach = orders, reach

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, (1 + orders) * n_features, ...)``."""
        parts = [frames]
        for _ in range(self.orders):
            parts.append(self._slopes(parts[-1]))
        return torch.cat(parts, dim=1)

    def _slopes(self, frames: Tensor) -> Tensor:
        padded = functional.pad(frames, (self.reach, self.reach), mode="replicate")
        n_frames, lags = frames.shape[2], range(-self.reach, self.reach + 1)
        products = [
            lag / sum(lag**2 for lag in lags) * padded[:, :, start : start + n_frames]
            for start, lag in enumerate(lags)
        ]
        return sum(products[1:], products[0])


class Standardized(nn.Module):
    """Frames without the mean of each feature over time; `scale` divides by the deviation too."""

    def __init__(self, scale: bool) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to the same shape."""
        centered = frames - frames.mean(2, keepdim=True)
        if not self.scale:
            return centered
        # A constant feature becomes zero.
        varies = (frames.amax(2, keepdim=True) + (-frames).amax(2, keepdim=True)).sign()
        deviation = centered.square().mean(2, keepdim=True).sqrt()
        return centered * varies / (deviation + 1 - varies)


class Samples(nn.Module):
    """Waveforms as frames of one sample each."""

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map ``(batch, n_times)`` to ``(batch, 1, n_times)``."""
        return waveforms.unsqueeze(1)


class SwapAxes(nn.Module):
    """Frames with time before features as frames with features before time."""

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_frames, n_features)`` to ``(batch, n_features, n_frames)``."""
        return frames.mT
