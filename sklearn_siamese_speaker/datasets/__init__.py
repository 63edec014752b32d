"""Speech to learn from: synthetic speakers, folders of recordings, public corpora, fragments."""

from sklearn_siamese_speaker.datasets._arabic_speech_commands import fetch_arabic_speech_commands
from sklearn_siamese_speaker.datasets._data_home import get_data_home
from sklearn_siamese_speaker.datasets._fragments import split_into_fragments
from sklearn_siamese_speaker.datasets._free_spoken_digits import fetch_free_spoken_digits
from sklearn_siamese_speaker.datasets._librispeech import fetch_librispeech
from sklearn_siamese_speaker.datasets._make_speakers import make_speakers
from sklearn_siamese_speaker.datasets._speaker_folder import load_speaker_folder
from sklearn_siamese_speaker.datasets._speechocean762 import fetch_speechocean762
from sklearn_siamese_speaker.datasets._vctk import load_vctk
from sklearn_siamese_speaker.datasets._voxceleb import load_voxceleb

__all__ = [
    "fetch_arabic_speech_commands",
    "fetch_free_spoken_digits",
    "fetch_librispeech",
    "fetch_speechocean762",
    "get_data_home",
    "load_speaker_folder",
    "load_vctk",
    "load_voxceleb",
    "make_speakers",
    "split_into_fragments",
]
