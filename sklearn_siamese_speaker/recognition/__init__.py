"""Decisions about embeddings: who is it, is it the same speaker, who spoke when."""

from .._public import publish
from ._diarizer import SpeakerDiarizer
from ._one_shot import OneShotClassifier
from ._store import SpeakerStore
from ._store_file import NotErasedError, SpeakerStoreError
from ._verifier import SpeakerVerifier

__all__ = [
    "NotErasedError",
    "OneShotClassifier",
    "SpeakerDiarizer",
    "SpeakerStore",
    "SpeakerStoreError",
    "SpeakerVerifier",
]

publish(globals())
