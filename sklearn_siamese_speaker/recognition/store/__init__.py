"""Enrolled people in one file that survives, whatever happens to the process."""

from ._speaker_store import SpeakerStore
from ._store_file import NotErasedError, SpeakerStoreError

__all__ = ["NotErasedError", "SpeakerStore", "SpeakerStoreError"]
