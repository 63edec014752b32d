"""Front ends: from recordings to frames of shape (n_samples, n_features, n_frames).

- `RawAudio`: the samples themselves
- `LogMelSpectrogram`: energy in mel bands, in dB
- `MFCC`: mel-frequency cepstral coefficients
- `VGGish`: embeddings of 0.96 s patches by a network trained on the sounds of AudioSet
- `FramePooling`: statistics over frames, the bridge to two-dimensional features
- `FrameStore`: frames on disk, where they do not fit into memory
"""

# isort: off
# The order of the API page.
from .. import _public
from ._raw_audio import *
from .mel import *
from ._vggish import *
from ._frame_pooling import *
from .store import *

_public.publish(globals())
