"""Frames on disk: written in parallel and on from where it was cut off, read as a sequence."""

from ._frame_store import FrameStore

__all__ = ["FrameStore"]
