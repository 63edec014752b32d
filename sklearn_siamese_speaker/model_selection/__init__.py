"""Evaluation by n-shot k-way tasks, among speakers that were never trained on.

Splitters: `NShotKWaySplit` (each split is a task), `SpeakerKFold`, `SeenUnseenSplit`. Scores:
`n_shot_k_way_score`, `n_shot_k_way_curve`, `seen_unseen_score`, `paired_difference`,
`compare_representations`, and `NShotKWayScorer` for searches. They judge any scikit-learn
estimator; one that publishes `embedding_metric_` (`find_embedding_metric`) is judged in its own
metric.
"""

from .._public import publish
from ._curve import n_shot_k_way_curve, paired_difference
from ._embedding_metric import find_embedding_metric
from ._open_set import open_set_report
from ._representations import compare_representations
from ._score import n_shot_k_way_score, seen_unseen_score
from ._scorer import NShotKWayScorer
from ._splits import NShotKWaySplit, SeenUnseenSplit, SpeakerKFold

__all__ = [
    "NShotKWayScorer",
    "NShotKWaySplit",
    "SeenUnseenSplit",
    "SpeakerKFold",
    "compare_representations",
    "find_embedding_metric",
    "n_shot_k_way_curve",
    "n_shot_k_way_score",
    "open_set_report",
    "paired_difference",
    "seen_unseen_score",
]

publish(globals())
