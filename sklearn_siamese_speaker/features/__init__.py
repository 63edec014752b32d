"""Front ends: from recordings to frames of shape (n_samples, n_features, n_frames).

- `RawAudio`: the samples themselves
- `LogMelSpectrogram`: energy in mel bands, in dB
- `MFCC`: mel-frequency cepstral coefficients
- `VGGish`: embeddings of 0.96 s patches by a network trained on the sounds of AudioSet
- `FramePooling`: statistics over frames, the bridge to two-dimensional features
- `FrameStore`: frames on disk, where they do not fit into memory
"""

from .._public import publish
from ._frame_pooling import FramePooling
from ._raw_audio import RawAudio
from ._vggish import VGGish
from .mel import MFCC, LogMelSpectrogram
from .store import FrameStore

__all__ = ["MFCC", "FramePooling", "FrameStore", "LogMelSpectrogram", "RawAudio", "VGGish"]

publish(globals())
