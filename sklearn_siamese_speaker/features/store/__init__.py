"""Frames on disk: written in parallel, continued after an interruption, read as a sequence."""

from ._frame_store import FrameStore

__all__ = ["FrameStore"]
