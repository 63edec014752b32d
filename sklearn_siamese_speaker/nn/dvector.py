"""DVector: a recurrent network whose last state is a voice, trained end to end."""

from __future__ import annotations

from torch import Tensor, nn


class DVector(nn.Module):
    """The d-vector of Resemblyzer, an LSTM trained with the GE2E loss.

    Source: [1]_ and [2]_.

    Three LSTM layers over the frames of a window of 1.6 s; their last output goes through a dense
    layer and a ReLU and is scaled to length 1. The names of the parameters are those of the
    published weights.

    Parameters
    ----------
    n_features : int, default=40
        Mel bands.
    embedding_dim : int, default=256
        Dimensions of the embedding, and units of each layer.
    n_layers : int, default=3
        LSTM layers.

    References
    ----------
    .. [1] Resemblyzer, https://github.com/resemble-ai/Resemblyzer, Apache-2.0.
    .. [2] L. Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP, 2018,
       arXiv:1710.10467.
    """

    def __init__(
        self, n_features: int = 40, embedding_dim: int = 256, *, n_layers: int = 3
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(n_features, embedding_dim, n_layers, batch_first=True)
        self.linear = nn.Linear(embedding_dim, embedding_dim)

    def forward(self, frames: Tensor) -> Tensor:
        """Map ``(batch, n_features, n_frames)`` to ``(batch, embedding_dim)`` of length 1.

        An embedding that the ReLU leaves nothing of stays zero.
        """
        outputs, _ = self.lstm(frames.mT)
        return nn.functional.normalize(self.linear(outputs[:, -1]).relu(), dim=1)
