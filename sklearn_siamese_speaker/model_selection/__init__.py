"""Evaluation by n-shot k-way tasks, among speakers that were never trained on.

Splitters: `NShotKWaySplit` (each split is a task), `SpeakerKFold`, `SeenUnseenSplit`. Scores:
`n_shot_k_way_score`, `n_shot_k_way_curve`, `seen_unseen_score`, `paired_difference`,
`compare_representations`, `open_set_score`, and `NShotKWayScorer` for searches. They evaluate any
scikit-learn estimator; the embeddings of one that publishes `embedding_metric_`
(`find_embedding_metric`) are compared in that metric.
"""

from .._public import publish
from ._curve import n_shot_k_way_curve, paired_difference
from ._embedding_metric import find_embedding_metric
from ._representations import compare_representations
from ._scores import NShotKWayScorer, n_shot_k_way_score, seen_unseen_score
from ._splits import NShotKWaySplit, SeenUnseenSplit, SpeakerKFold
from .open_set import open_set_score

__all__ = [
    "NShotKWayScorer",
    "NShotKWaySplit",
    "SeenUnseenSplit",
    "SpeakerKFold",
    "compare_representations",
    "find_embedding_metric",
    "n_shot_k_way_curve",
    "n_shot_k_way_score",
    "open_set_score",
    "paired_difference",
    "seen_unseen_score",
]

publish(globals())
