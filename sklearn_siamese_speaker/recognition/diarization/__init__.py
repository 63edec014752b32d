"""Who spoke when: speech, windows, clusters, names."""

from ._diarizer import SpeakerDiarizer

__all__ = ["SpeakerDiarizer"]
