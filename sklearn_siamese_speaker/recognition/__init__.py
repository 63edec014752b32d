"""Decisions about embeddings: who is it, is it the same speaker, is it anybody we know."""

from .._public import publish
from ._one_shot import OneShotClassifier
from ._store import SpeakerStore
from ._store_file import NotErasedError, SpeakerStoreError
from ._verifier import SpeakerVerifier

__all__ = [
    "NotErasedError",
    "OneShotClassifier",
    "SpeakerStore",
    "SpeakerStoreError",
    "SpeakerVerifier",
]

publish(globals())
