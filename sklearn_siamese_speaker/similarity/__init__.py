"""The one place where embeddings are compared: metrics, prototypes, ties. NumPy and SciPy only.

Everything that recognizes, verifies or evaluates calls these functions, so that all of it agrees
to the bit:

* `_pairs`: `similarity` of all pairs, `paired_similarity` row by row, `check_embeddings` before.
* `_aggregations`: what stands for a speaker with several recordings; one entry an aggregation.
* `_prototypes`: `build_prototypes`, which makes it, and `speaker_similarities`.
* `_search`: `most_similar`, the best of many prototypes at the cost of a matrix product.
* `_tasks`: `task_similarities` and `nearest_speakers`, the same in many n-shot k-way tasks.

A similarity depends on its two embeddings alone. A tie is exact equality of two similarities and
goes to the first speaker in label order.
"""

from ._aggregations import AGGREGATIONS, Aggregation
from ._pairs import METRICS, check_embeddings, paired_similarity, similarity, two_highest
from ._prototypes import build_prototypes, speaker_similarities
from ._search import most_similar
from ._tasks import nearest_speakers, task_similarities

__all__ = [
    "AGGREGATIONS",
    "METRICS",
    "Aggregation",
    "build_prototypes",
    "check_embeddings",
    "most_similar",
    "nearest_speakers",
    "paired_similarity",
    "similarity",
    "speaker_similarities",
    "task_similarities",
    "two_highest",
]
