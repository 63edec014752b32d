"""Decisions about embeddings: who is it, is it the same speaker, who spoke when."""

from .._public import publish
from ._one_shot import OneShotClassifier
from ._verifier import SpeakerVerifier
from .diarization import SpeakerDiarizer
from .store import NotErasedError, SpeakerStore, SpeakerStoreError

__all__ = [
    "NotErasedError",
    "OneShotClassifier",
    "SpeakerDiarizer",
    "SpeakerStore",
    "SpeakerStoreError",
    "SpeakerVerifier",
]

publish(globals())
