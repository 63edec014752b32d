"""Trained encoders as ONNX files."""

from ._export_onnx import export_onnx

__all__ = ["export_onnx"]
