"""Networks of public speaker encoders: CAM++, and the d-vector of Resemblyzer."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

SEGMENT = 100  # frames that share one local mean in a mask, of 20 ms each


# H. Wang et al., "CAM++: a fast and efficient network for speaker verification using context-aware
# masking", Interspeech, 2023, arXiv:2303.00332. Names of the parameters and default sizes are those
# of the weights of 3D-Speaker, https://github.com/modelscope/3D-Speaker, Apache-2.0.
class CAMPlusPlus(nn.Module):
    """CAM++: convolutions, then blocks whose layers add channels masked by their context."""

    def __init__(
        self,
        n_features: int = 80,  # a multiple of 8
        embedding_dim: int = 192,
        *,
        growth: int = 32,  # channels that a layer adds; the other sizes are multiples of it
        n_layers: tuple[int, ...] = (12, 24, 16),
    ) -> None:
        super().__init__()
        self.head = _Head(growth)
        n_channels = 4 * growth
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            tdnn=_TDNN(growth * (n_features // 8), n_channels)
        )
        for number, n in enumerate(n_layers, start=1):
            dilation = 1 if number == 1 else 2
            parts[f"block{number}"] = _DenseBlock(n_channels, growth, n, dilation)
            n_channels += n * growth
            parts[f"transit{number}"] = _Transit(n_channels, n_channels // 2)
            n_channels //= 2
        parts["out_nonlinear"] = _norm_relu(n_channels)
        parts["stats"] = _MeanStd()
        parts["dense"] = _Dense(2 * n_channels, embedding_dim)
        self.xvector = nn.Sequential(parts)

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)``."""
        return self.xvector(self.head(frames))


class _Head(nn.Module):
    """Map ``(batch, n_features, n_frames)`` to ``(batch, width * n_features / 8, n_frames)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(_Residual(width, stride=2), _Residual(width))
        self.layer2 = nn.Sequential(_Residual(width, stride=2), _Residual(width))
        self.conv2 = nn.Conv2d(width, width, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, frames: Tensor) -> Tensor:
        images = self.bn1(self.conv1(frames.unsqueeze(1))).relu()
        images = self.layer2(self.layer1(images))
        return self.bn2(self.conv2(images)).relu().flatten(1, 2)


class _Residual(nn.Module):
    """Two convolutions of 3 x 3 beside a shortcut; a stride is over frequency only."""

    def __init__(self, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride > 1:
            shrink = nn.Conv2d(width, width, 1, stride=(stride, 1), bias=False)
            self.shortcut = nn.Sequential(shrink, nn.BatchNorm2d(width))

    def forward(self, images: Tensor) -> Tensor:
        added = self.bn2(self.conv2(self.bn1(self.conv1(images)).relu()))
        return (added + self.shortcut(images)).relu()


class _TDNN(nn.Module):
    """Five frames at a time; half of the frames remain."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(n_in, n_out, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _norm_relu(n_out)

    def forward(self, frames: Tensor) -> Tensor:
        return self.nonlinear(self.linear(frames))


class _DenseBlock(nn.Module):
    """Layers that each add `growth` channels to those before it."""

    def __init__(self, n_in: int, growth: int, n_layers: int, dilation: int) -> None:
        super().__init__()
        for number in range(n_layers):
            layer = _MaskedLayer(n_in + number * growth, growth, dilation)
            self.add_module(f"tdnnd{number + 1}", layer)

    def forward(self, frames: Tensor) -> Tensor:
        for layer in self.children():
            frames = torch.cat([frames, layer(frames)], dim=1)
        return frames


class _MaskedLayer(nn.Module):
    def __init__(self, n_in: int, n_out: int, dilation: int) -> None:
        super().__init__()
        n_hidden = 4 * n_out
        self.nonlinear1 = _norm_relu(n_in)
        self.linear1 = nn.Conv1d(n_in, n_hidden, 1, bias=False)
        self.nonlinear2 = _norm_relu(n_hidden)
        self.cam_layer = _ContextMask(n_hidden, n_out, dilation)

    def forward(self, frames: Tensor) -> Tensor:
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(frames))))


class _ContextMask(nn.Module):
    """Three frames at a time, multiplied by a mask that their context decides."""

    def __init__(self, n_in: int, n_out: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            n_in, n_out, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(n_in, n_in // 2, 1)
        self.linear2 = nn.Conv1d(n_in // 2, n_out, 1)

    def forward(self, frames: Tensor) -> Tensor:
        context = frames.mean(-1, keepdim=True) + _segment_means(frames)
        mask = self.linear2(self.linear1(context).relu()).sigmoid()
        # Frames of a segment have one context, so the mask is computed once for all of them.
        return self.linear_local(frames) * _repeat(mask, frames.shape[-1])


def _segment_means(frames: Tensor) -> Tensor:
    """Return ``(batch, n_channels, n_segments)``; the last segment may be a shorter one."""
    return nn.functional.avg_pool1d(frames, SEGMENT, SEGMENT, ceil_mode=True)


def _repeat(segments: Tensor, n_frames: int) -> Tensor:
    """Return the value of its segment for each frame, ``(batch, n_channels, n_frames)``."""
    repeated = segments.unsqueeze(-1).expand(-1, -1, -1, SEGMENT)
    return repeated.flatten(2)[..., :n_frames]


class _Transit(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.nonlinear = _norm_relu(n_in)
        self.linear = nn.Conv1d(n_in, n_out, 1, bias=False)

    def forward(self, frames: Tensor) -> Tensor:
        return self.linear(self.nonlinear(frames))


class _MeanStd(nn.Module):
    """Map ``(batch, n_channels, n_frames)`` to ``(batch, 2 * n_channels)``; two frames or more."""

    def forward(self, frames: Tensor) -> Tensor:
        return torch.cat([frames.mean(-1), frames.std(-1, correction=1)], dim=-1)


class _Dense(nn.Module):
    """A convolution of one frame, as in the published weights, is a dense layer."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(n_in, n_out, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(n_out, affine=False)))

    def forward(self, statistics: Tensor) -> Tensor:
        return self.nonlinear(self.linear(statistics.unsqueeze(-1))).squeeze(-1)


def _norm_relu(n_channels: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(n_channels), relu=nn.ReLU()))


# L. Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP, 2018,
# arXiv:1710.10467; as in Resemblyzer, https://github.com/resemble-ai/Resemblyzer, Apache-2.0.
class DVector(nn.Module):
    """LSTM layers over a window of 1.6 s of mel bands; the last output, dense, is the embedding."""

    no_onnx_form = "its embedding is the mean over windows whose number depends on the recording"

    def __init__(
        self, n_features: int = 40, embedding_dim: int = 256, *, n_layers: int = 3
    ) -> None:
        super().__init__()
        # These names are those of the published weights.
        self.lstm = nn.LSTM(n_features, embedding_dim, n_layers, batch_first=True)
        self.linear = nn.Linear(embedding_dim, embedding_dim)

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)`` of length 1."""
        outputs, _ = self.lstm(frames.mT)
        # An embedding that the ReLU leaves nothing of stays zero.
        return nn.functional.normalize(self.linear(outputs[:, -1]).relu(), dim=1)
