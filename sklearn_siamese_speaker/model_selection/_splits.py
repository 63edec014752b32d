"""Cross-validators for speakers: n-shot k-way tasks, and folds that share no speaker."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import BaseCrossValidator, GroupKFold
from sklearn.utils import check_random_state, indexable

from .._docs import substitute
from ._tasks import SpeakerPool, TaskBlock, encode_speakers
from ._texts import TEXTS

Split = tuple[NDArray[np.intp], NDArray[np.intp]]  # train and test: indices of recordings


def _check_integer(name: str, value: object, minimum: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}.")


def check_task_parameters(n_shots: int, k_way: int, n_queries: int, n_tasks: int) -> None:
    """Raise unless the four numbers describe tasks."""
    _check_integer("n_shots", n_shots, 1)
    _check_integer("k_way", k_way, 2)
    _check_integer("n_queries", n_queries, 1)
    _check_integer("n_tasks", n_tasks, 1)


def _check_share(name: str, value: float) -> None:
    if not isinstance(value, Real) or not 0 < value < 1:
        raise ValueError(f"{name} must be a share between 0 and 1, got {value!r}.")


@substitute(**TEXTS)
class NShotKWaySplit(BaseCrossValidator):
    """Each split is one n-shot k-way task among speakers drawn at random.

    Train is the support, `n_shots` recordings of each of `k_way` speakers; test is the queries,
    `n_queries` other recordings of each of them. The encoder must have been trained on other
    speakers and be frozen: see :func:`n_shot_k_way_score` for doing the same much faster.

    Parameters
    ----------
    %(tasks)s

    Notes
    -----
    With `groups` (the session of each recording; requested through metadata routing), the support
    and the queries of a speaker never share a session. Speakers without enough recordings or
    sessions are left out with one warning.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.model_selection import NShotKWaySplit
    >>> y = np.repeat(["ana", "ben", "eva"], 4)
    >>> tasks = NShotKWaySplit(n_shots=2, k_way=3, n_tasks=10, random_state=0)
    >>> for support, query in tasks.split(y, y):
    ...     pass
    >>> y[support].tolist(), y[query].tolist()
    (['ana', 'ana', 'ben', 'ben', 'eva', 'eva'], ['ana', 'ben', 'eva'])

    All tasks at once, as indices of recordings:

    >>> support, query = tasks.tasks(y)
    >>> support.shape, query.shape
    ((10, 3, 2), (10, 3, 1))
    """

    # What scikit-learn's GroupsConsumerMixin, which is not public, declares.
    __metadata_request__split = {"groups": True}  # noqa: RUF012

    def __init__(
        self,
        n_shots: int = 1,
        k_way: int = 5,
        n_queries: int = 1,
        n_tasks: int = 100,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.n_shots = n_shots
        self.k_way = k_way
        self.n_queries = n_queries
        self.n_tasks = n_tasks
        self.random_state = random_state

    @substitute(**TEXTS)
    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[Split]:
        """Return the tasks one by one.

        %(to_split)s
            Indices of the support and of the queries, sorted by speaker.

        Raises
        ------
        ValueError
            If fewer than `k_way` speakers have enough recordings or sessions.
        """
        X, y, groups = indexable(X, y, groups)
        blocks = self.task_blocks(y, groups)  # complains now, not at the first task
        return (
            (support.ravel(), query.ravel())
            for block in blocks
            for support, query in zip(*block, strict=True)
        )

    @substitute(**TEXTS)
    def tasks(self, y: ArrayLike, groups: ArrayLike | None = None) -> TaskBlock:
        """Return all tasks as indices of recordings.

        %(y_and_groups)s

        Returns
        -------
        support : ndarray of shape (n_tasks, k_way, n_shots)
            The speakers of a task are in label order.
        query : ndarray of shape (n_tasks, k_way, n_queries)
        """
        supports, queries = zip(*self.task_blocks(y, groups), strict=True)
        return np.concatenate(supports), np.concatenate(queries)

    @substitute(**TEXTS)
    def task_blocks(
        self, y: ArrayLike, groups: ArrayLike | None = None, block_size: int | None = None
    ) -> Iterator[TaskBlock]:
        """Return the tasks in blocks: those of `tasks`, in memory bounded for any `n_tasks`.

        %(y_and_groups)s
        block_size : int, default=None
            Tasks in a block. None chooses it by memory. The tasks do not depend on it.

        Returns
        -------
        blocks : iterator of (support, query)
            Arrays of shape (n_block_tasks, k_way, n_shots) and (n_block_tasks, k_way, n_queries).
        """
        check_task_parameters(self.n_shots, self.k_way, self.n_queries, self.n_tasks)
        pool = SpeakerPool(y, groups, self.n_shots, self.n_queries)
        pool.require(self.k_way, self.n_tasks)
        return pool.draw(self.k_way, self.n_tasks, self.random_state, block_size)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of tasks."""
        return self.n_tasks


class SpeakerKFold(BaseCrossValidator):
    """K folds of speakers: train and test share no speaker.

    It is :class:`sklearn.model_selection.GroupKFold` with the speakers read from `y`, so that a
    search needs no `groups`: the folds hold about equally many recordings.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    shuffle : bool, default=False
        Whether to shuffle the speakers first; the folds then hold about equally many speakers.
    random_state : int, RandomState instance or None, default=None
        Shuffles the speakers when ``shuffle=True``.

    Examples
    --------
    >>> from sklearn_siamese_speaker.model_selection import SpeakerKFold
    >>> y = ["ana", "ana", "ben", "ben", "eva", "eva"]
    >>> for train, test in SpeakerKFold(3).split(y, y):
    ...     print([y[i] for i in train], [y[i] for i in test])
    ['ana', 'ana', 'ben', 'ben'] ['eva', 'eva']
    ['ana', 'ana', 'eva', 'eva'] ['ben', 'ben']
    ['ben', 'ben', 'eva', 'eva'] ['ana', 'ana']
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        shuffle: bool = False,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    @substitute(**TEXTS)
    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[Split]:
        """Return the folds.

        Parameters
        ----------
        %(X_to_split)s
        %(y)s
        groups : object
            Ignored: folds without common speakers have no common sessions of a speaker.

        Returns
        -------
        splits : iterator of (train, test)
            Indices of recordings.

        Raises
        ------
        ValueError
            If there are fewer speakers than folds.
        """
        _check_integer("n_splits", self.n_splits, 2)
        labels, speakers = encode_speakers(y, "SpeakerKFold")
        if len(labels) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs at least {self.n_splits} speakers in y, "
                f"got {len(labels)}."
            )
        folds = GroupKFold(self.n_splits, shuffle=self.shuffle, random_state=self.random_state)
        return folds.split(X, y, groups=speakers)

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of folds."""
        return self.n_splits


class SeenUnseenSplit(BaseCrossValidator):
    """One train set with two test sets: speakers of the train set, and other speakers.

    The first split tests on held-out recordings of the speakers trained on (seen), the second on
    all recordings of speakers held out altogether (unseen). Both have the same train set.

    Parameters
    ----------
    unseen_size : float, default=0.25
        Share of the speakers that are held out.
    seen_size : float, default=0.25
        Share of the recordings of each other speaker that are held out. With `groups` (the session
        of each recording; requested through metadata routing), the share of their sessions. At
        least one is held out and at least one stays; a speaker who has only one is trained on.
    random_state : int, RandomState instance or None, default=None
        Chooses the speakers and recordings.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_siamese_speaker.model_selection import SeenUnseenSplit
    >>> y = np.repeat(["ana", "ben", "eva", "tom"], 4)
    >>> (train, seen), (_, unseen) = SeenUnseenSplit(random_state=0).split(y, y)
    >>> np.unique(y[train]), np.unique(y[seen]), np.unique(y[unseen])
    (array(['ana', 'ben', 'tom'], dtype='<U3'), array(['ana', 'ben', 'tom'], dtype='<U3'),
     array(['eva'], dtype='<U3'))
    """

    __metadata_request__split = {"groups": True}  # noqa: RUF012

    def __init__(
        self,
        unseen_size: float = 0.25,
        seen_size: float = 0.25,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.unseen_size = unseen_size
        self.seen_size = seen_size
        self.random_state = random_state

    @substitute(**TEXTS)
    def split(
        self, X: ArrayLike, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[Split]:
        """Return the two splits.

        %(to_split)s
            First the seen test set, then the unseen one, as indices of recordings.

        Raises
        ------
        ValueError
            If there is only one speaker.
        """
        _check_share("unseen_size", self.unseen_size)
        _check_share("seen_size", self.seen_size)
        X, y, groups = indexable(X, y, groups)
        labels, speakers = encode_speakers(y, "SeenUnseenSplit")
        if len(labels) < 2:
            raise ValueError("SeenUnseenSplit needs at least 2 speakers in y, got 1.")
        units = np.arange(len(speakers)) if groups is None else np.asarray(groups)
        rng = check_random_state(self.random_state)
        unseen = np.isin(speakers, _hold_out(np.arange(len(labels)), self.unseen_size, rng))
        seen = np.zeros(len(speakers), dtype=bool)
        for speaker in np.unique(speakers[~unseen]):
            own = speakers == speaker
            seen |= own & np.isin(units, _hold_out(np.unique(units[own]), self.seen_size, rng))
        train = np.flatnonzero(~(seen | unseen))
        return iter([(train, np.flatnonzero(seen)), (train.copy(), np.flatnonzero(unseen))])

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return 2: the seen and the unseen test set."""
        return 2


def _hold_out(units: NDArray, share: float, rng: RandomState) -> NDArray:
    """Return about `share` of the units: at least one, and never all."""
    n_held_out = min(max(1, round(share * len(units))), len(units) - 1)
    return rng.permutation(units)[:n_held_out]
