"""Speech to learn from: synthetic speakers, public corpora, folders of voices, conversations."""

from .._public import publish
from ._arabic_speech_commands import fetch_arabic_speech_commands
from ._conversations import load_conversations, make_conversation, read_rttm, write_rttm
from ._fragments import split_into_fragments
from ._free_spoken_digits import fetch_free_spoken_digits
from ._librispeech import fetch_librispeech
from ._make_speakers import make_speakers
from ._speaker_folder import load_speaker_folder
from ._speechocean762 import fetch_speechocean762, load_voices
from ._vctk import load_vctk
from ._voxceleb import load_voxceleb
from .download import get_data_home

__all__ = [
    "fetch_arabic_speech_commands",
    "fetch_free_spoken_digits",
    "fetch_librispeech",
    "fetch_speechocean762",
    "get_data_home",
    "load_conversations",
    "load_speaker_folder",
    "load_vctk",
    "load_voices",
    "load_voxceleb",
    "make_conversation",
    "make_speakers",
    "read_rttm",
    "split_into_fragments",
    "write_rttm",
]

publish(globals())
