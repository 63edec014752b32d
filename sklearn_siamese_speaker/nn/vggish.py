"""VGGishNetwork: the convolutional network whose weights were trained on AudioSet."""

from __future__ import annotations

from torch import Tensor, nn

N_FRAMES, N_MELS, N_DIMS = 96, 64, 128


# S. Hershey et al., "CNN architectures for large-scale audio classification", ICASSP, 2017. The
# names of the parameters are those of torchvggish, whose weights have a width of 64.
class VGGishNetwork(nn.Module):
    """Six convolutions of 3 x 3 on log-mel patches, then three dense layers; `width` scales all."""

    # `final_relu` is True in torchvggish and, until 2020, in the published code; not since.
    def __init__(self, *, final_relu: bool = True, width: int = 64) -> None:
        super().__init__()
        self.features = _Convolutions(
            *_convolution(1, width),
            nn.MaxPool2d(2),
            *_convolution(width, 2 * width),
            nn.MaxPool2d(2),
            *_convolution(2 * width, 4 * width),
            *_convolution(4 * width, 4 * width),
            nn.MaxPool2d(2),
            *_convolution(4 * width, 8 * width),
            *_convolution(8 * width, 8 * width),
            nn.MaxPool2d(2),
        )
        n_hidden = 64 * width
        self.embeddings = nn.Sequential(
            nn.Linear((N_FRAMES // 16) * (N_MELS // 16) * 8 * width, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, N_DIMS),
            *([nn.ReLU()] if final_relu else []),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Map ``(..., 96, 64)`` to ``(..., 128)``: log-mel patches, frames before mel bands."""
        return self.embeddings(self.features(patches))


class _Convolutions(nn.Sequential):
    """Map ``(..., 96, 64)`` to ``(..., 6 * 4 * filters)``."""

    def forward(self, patches: Tensor) -> Tensor:
        images = super().forward(patches.reshape(-1, 1, N_FRAMES, N_MELS))
        # (n_patches, filters, 6, 4): the weights were trained with the filters as the last axis.
        return images.permute(0, 2, 3, 1).reshape(*patches.shape[:-2], -1)


def _convolution(n_in: int, n_out: int) -> tuple[nn.Conv2d, nn.ReLU]:
    return nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(inplace=True)
