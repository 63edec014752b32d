"""Speech to learn from: synthetic speakers, a folder of recordings, fragments of recordings."""

from sklearn_siamese_speaker.datasets._fragments import split_into_fragments
from sklearn_siamese_speaker.datasets._make_speakers import make_speakers
from sklearn_siamese_speaker.datasets._speaker_folder import load_speaker_folder

__all__ = ["load_speaker_folder", "make_speakers", "split_into_fragments"]
