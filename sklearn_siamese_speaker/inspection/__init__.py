"""Figures as scikit-learn displays; matplotlib is imported when one is drawn."""

from .._public import publish
from ._accuracy import NShotKWayDisplay, RepresentationDisplay, SeenUnseenDisplay
from ._embedding import EmbeddingDisplay
from ._recording import DiarizationDisplay, RecordingDisplay
from ._training_history import TrainingHistoryDisplay
from ._trial_score import TrialScoreDisplay

__all__ = [
    "DiarizationDisplay",
    "EmbeddingDisplay",
    "NShotKWayDisplay",
    "RecordingDisplay",
    "RepresentationDisplay",
    "SeenUnseenDisplay",
    "TrainingHistoryDisplay",
    "TrialScoreDisplay",
]

publish(globals())
