"""Docstring text that the functions and classes of this package share."""

from __future__ import annotations

PARAMETERS = "Parameters\n----------\n"

X = """\
X : array-like of shape (n_samples, ...)
    Recordings, or whatever else `estimator` takes.
"""

Y = """\
y : array-like of shape (n_samples,)
    Speaker of each recording.
"""

GROUPS = """\
groups : array-like of shape (n_samples,), default=None
    Session of each recording. With it, the support and the queries of a speaker share no session.
"""

X_TO_SPLIT = """\
X : array-like of shape (n_samples, ...)
    Recordings; only their number is read.
"""

GROUPS_TO_SPLIT = """\
groups : array-like of shape (n_samples,), default=None
    Session of each recording.
"""

SPLITS = """\
Returns
-------
splits : iterator of (train, test)
"""

SIZES = """\
n_shots : int, default=1
    Recordings of each speaker in the support.
k_way : int, default=5
    Speakers in a task.
n_queries : int, default=1
    Recordings of each speaker to recognize.
"""

N_TASKS = """\
n_tasks : int, default=100
    Number of tasks.
"""

RANDOM_STATE = """\
random_state : int, RandomState instance or None, default=None
    Draws the tasks. An integer gives the same tasks at every call.
"""

NOT_FITTED = """\
NotFittedError
    If anything before the classifier is not fitted.
"""

TEXTS = {
    "X": X,
    "y": Y,
    "groups": GROUPS,
    "y_and_groups": PARAMETERS + Y + GROUPS_TO_SPLIT,
    "to_split": f"{PARAMETERS}{X_TO_SPLIT}{Y}{GROUPS_TO_SPLIT}\n{SPLITS}",
    "X_to_split": X_TO_SPLIT,
    "sizes": SIZES,
    "n_tasks": N_TASKS,
    "tasks": SIZES + N_TASKS + RANDOM_STATE,
    "not_fitted": NOT_FITTED,
}
