"""Front ends: from recordings to frames of shape (n_samples, n_features, n_frames).

- `RawAudio`: the samples themselves
- `LogMelSpectrogram`: energy in mel bands, in dB
- `MFCC`: mel-frequency cepstral coefficients
- `FramePooling`: statistics over frames, the bridge to two-dimensional features
"""

from ._frame_pooling import FramePooling
from ._log_mel import LogMelSpectrogram
from ._mfcc import MFCC
from ._raw_audio import RawAudio

__all__ = ["MFCC", "FramePooling", "LogMelSpectrogram", "RawAudio"]
