"""The reports that ``python -m sklearn_siamese_speaker report`` writes."""

from ._accuracy import report
from ._representations import report_representations

__all__ = ["report", "report_representations"]
