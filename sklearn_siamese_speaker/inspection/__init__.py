"""Figures as scikit-learn displays; matplotlib is imported when one is drawn."""

from .._public import publish
from ._diarization import DiarizationDisplay
from ._embedding import EmbeddingDisplay
from ._n_shot_k_way import NShotKWayDisplay
from ._recording import RecordingDisplay
from ._representation import RepresentationDisplay
from ._seen_unseen import SeenUnseenDisplay
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
