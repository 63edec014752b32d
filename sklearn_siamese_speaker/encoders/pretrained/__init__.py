"""Encoders that come trained: by name, or as any ONNX model; recordings in, embeddings out."""

from ._onnx import OnnxSpeakerEncoder
from ._pretrained import PretrainedSpeakerEncoder

__all__ = ["OnnxSpeakerEncoder", "PretrainedSpeakerEncoder"]
