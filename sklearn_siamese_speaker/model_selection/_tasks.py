"""Drawing n-shot k-way tasks: many at a time, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d

from .._audio import warn_caller
from .._labels import check_speakers

# Support and queries of some tasks, as indices of recordings: (n_block_tasks, k_way, n_shots) and
# (n_block_tasks, k_way, n_queries).
TaskBlock = tuple[NDArray[np.intp], NDArray[np.intp]]

_BLOCK_ENTRIES = 2**21  # numbers held at once
# At 1000 queries the binomial error of a speaker's own accuracy is below 1.6 points, far less than
# the differences between speakers. The default of 1000 tasks, 1 query each, never exceeds it.
_QUERIES_PER_SPEAKER = 1000


def encode_speakers(y: ArrayLike | None, owner: str) -> tuple[NDArray, NDArray[np.intp]]:
    """Return the sorted labels of `y` and the position of each recording's speaker in them."""
    if y is None:
        raise ValueError(f"{owner} reads the speakers from y, got y=None.")
    return np.unique(check_speakers(y), return_inverse=True)


class SpeakerPool:
    """The speakers with enough recordings for a task, and tasks drawn among them."""

    # With `groups`, sessions, the support and the queries of a speaker share no session.

    def __init__(
        self, y: ArrayLike, groups: ArrayLike | None, n_shots: int, n_queries: int
    ) -> None:
        self.n_shots, self.n_queries, self.by_session = n_shots, n_queries, groups is not None
        _, speakers = encode_speakers(y, "n-shot k-way")
        sessions = np.zeros(len(speakers), dtype=int)
        if self.by_session:
            check_consistent_length(y, groups)
            sessions = np.unique(column_or_1d(groups), return_inverse=True)[1]

        # Recordings sorted by speaker, then session: a session is a run, a speaker a run of runs.
        self._order = np.lexsort((sessions, speakers))
        sizes = _session_sizes(speakers, sessions)
        counts = sizes.sum(axis=1)
        enough = counts >= n_shots + n_queries
        if self.by_session:
            self._to_query, chance = _query_side_probabilities(sizes, n_shots, n_queries)
            self._to_query, enough = self._to_query[chance > 0], chance > 0
        self.n_speakers, self.n_left_out = enough.sum(), (~enough).sum()
        self._first = (np.cumsum(counts) - counts)[enough]
        self._sizes = sizes[enough]

    def require(self, k_way: int, n_tasks: int) -> None:
        """Raise if fewer than `k_way` speakers are left; warn of those left out, of many tasks."""
        need = f"{self.n_shots + self.n_queries} recordings"
        if self.by_session:
            need += " in separate sessions"
        need += f" (n_shots={self.n_shots} + n_queries={self.n_queries})"
        total = self.n_speakers + self.n_left_out
        if self.n_speakers < k_way:
            raise ValueError(
                f"k_way={k_way} needs at least {k_way} speakers with {need} each, "
                f"got {self.n_speakers} of {total} speakers in y."
            )
        if self.n_left_out:
            warn_caller(
                f"{self.n_left_out} of {total} speakers in y are left out of the tasks: "
                f"they have fewer than {need}."
            )
        n_asked = n_tasks * k_way * self.n_queries / self.n_speakers
        if n_asked > _QUERIES_PER_SPEAKER:
            warn_caller(
                f"{n_tasks} tasks ask each of {self.n_speakers} speakers {n_asked:.0f} times. More "
                "tasks will not narrow the speaker-level interval; add speakers."
            )

    def draw(
        self,
        k_way: int,
        n_tasks: int,
        random_state: int | RandomState | None,
        block_size: int | None = None,
    ) -> Iterator[TaskBlock]:
        """Yield blocks of tasks, the same whatever the block size; speakers in label order."""
        rng = check_random_state(random_state)
        n_sessions = self._sizes.shape[1] if self.by_session else 0
        n_picks = self.n_shots + self.n_queries
        widths = np.array([self.n_speakers, k_way * n_sessions, k_way * n_picks])
        if block_size is None:
            n_entries = widths.sum() + k_way**2 * self.n_queries  # drawn, and later compared
            block_size = max(1, _BLOCK_ENTRIES // n_entries)
        for start in range(0, n_tasks, block_size):
            # Every task uses the same number of random numbers, in order: blocks do not matter.
            n_block = min(block_size, n_tasks - start)
            uniforms = rng.random_sample((n_block, widths.sum()))
            keys, sides, picks = np.split(uniforms, np.cumsum(widths)[:-1], axis=1)
            speakers = np.sort(np.argpartition(keys, k_way - 1, axis=1)[:, :k_way], axis=1).ravel()
            recordings = self._pick(
                speakers,
                sides.reshape(len(speakers), n_sessions),
                picks.reshape(len(speakers), n_picks),
            ).reshape(n_block, k_way, n_picks)
            yield recordings[:, :, : self.n_shots], recordings[:, :, self.n_shots :]

    def _pick(
        self, speakers: NDArray[np.intp], sides: NDArray[np.float64], picks: NDArray[np.float64]
    ) -> NDArray[np.intp]:
        """Return recordings of each speaker, support first: (n_picked_speakers, n_picks)."""
        sizes = self._sizes[speakers]
        if self.by_session:
            on_query = self._choose_query_sessions(speakers, sides)
            shots, queries = np.split(picks, [self.n_shots], axis=1)
            columns = np.hstack(
                [
                    _pick_from_sessions(sizes, ~on_query, shots),
                    _pick_from_sessions(sizes, on_query, queries),
                ]
            )
        else:
            columns = _distinct(sizes[:, 0], picks)
        return self._order[self._first[speakers, np.newaxis] + columns]

    def _choose_query_sessions(
        self, speakers: NDArray[np.intp], uniforms: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Send each session to the support or to the queries: (n_picked_speakers, n_sessions)."""
        # `shots` and `queries` count what is still to be found: they select the probability that
        # `_query_side_probabilities` has computed for this state.
        on_query = np.empty(uniforms.shape, dtype=bool)
        shots = np.full(len(speakers), self.n_shots)
        queries = np.full(len(speakers), self.n_queries)
        for i, size in enumerate(self._sizes[speakers].T):
            chosen = uniforms[:, i] < self._to_query[speakers, i, shots, queries]
            shots = np.where(chosen, shots, np.maximum(shots - size, 0))
            queries = np.where(chosen, np.maximum(queries - size, 0), queries)
            on_query[:, i] = chosen
        return on_query


def _session_sizes(speakers: NDArray[np.intp], sessions: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the recordings of each session of each speaker, zero-padded on the right."""
    keys, sizes = np.unique(np.column_stack([speakers, sessions]), axis=0, return_counts=True)
    n_sessions = np.bincount(keys[:, 0])
    table = np.zeros((len(n_sessions), n_sessions.max()), dtype=int)
    table[np.arange(table.shape[1]) < n_sessions[:, np.newaxis]] = sizes
    return table


def _query_side_probabilities(
    sizes: NDArray[np.intp], n_shots: int, n_queries: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability that a session goes to the queries, and that a coin divides well."""
    # The sessions of a speaker are divided into a support side and a query side. A division is
    # valid if the support side has at least `n_shots` recordings and the query side at least
    # `n_queries`. All valid divisions are to be equally likely. Tossing a coin for each session and
    # starting again if the division is not valid would do that, but it may take very many tosses.
    # This dynamic programme gives the same distribution in one pass over the sessions.
    #
    # to_query[:, i, a, b] is the probability that session i goes to the query side, where the
    # sessions before it have left `a` shots and `b` queries to be found. The second result,
    # (n_speakers,), is the probability that a fair coin gives a valid division, zero if none is.
    n_speakers, n_sessions = sizes.shape
    shots, queries = np.arange(n_shots + 1)[:, np.newaxis], np.arange(n_queries + 1)
    rows = np.arange(n_speakers)[:, np.newaxis, np.newaxis]
    to_query = np.zeros((n_speakers, n_sessions, n_shots + 1, n_queries + 1))
    chance = np.zeros((n_speakers, n_shots + 1, n_queries + 1))
    # Before the step for session i, chance[:, a, b] is the probability that fair coins for the
    # sessions i + 1, i + 2, ... find `a` more shots and `b` more queries. Without a session left,
    # that is certain if nothing is to be found, and impossible otherwise.
    chance[:, 0, 0] = 1.0
    for i in reversed(range(n_sessions)):
        # A session of n recordings on the query side reduces b by n, one on the support side a.
        size = sizes[:, i, np.newaxis, np.newaxis]
        if_query = chance[rows, shots, np.maximum(queries - size, 0)] / 2
        if_support = chance[rows, np.maximum(shots - size, 0), queries] / 2
        chance = if_query + if_support
        # Bayes' rule: of the coins that lead to a valid division, the share that says "query".
        np.divide(if_query, chance, out=to_query[:, i], where=chance > 0)
    return to_query, chance[:, n_shots, n_queries]


def _distinct(counts: NDArray[np.intp], uniforms: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return different integers below `counts`, in random order: (n_rows, n_picks)."""
    picked = np.empty(uniforms.shape, dtype=int)
    for j, uniform in enumerate(uniforms.T):
        rank = (uniform * (counts - j)).astype(int)  # among those not picked yet
        for earlier in np.sort(picked[:, :j], axis=1).T:
            rank += rank >= earlier
        picked[:, j] = rank
    return picked


def _pick_from_sessions(
    sizes: NDArray[np.intp], allowed: NDArray[np.bool_], uniforms: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return columns of different recordings of the allowed sessions: (n_rows, n_picks)."""
    last = np.cumsum(np.where(allowed, sizes, 0), axis=1)
    ranks = _distinct(last[:, -1], uniforms)
    session = (last[:, np.newaxis] > ranks[:, :, np.newaxis]).argmax(axis=2)
    # Counting back from the end of the session skips the sessions that are not allowed.
    ends = np.cumsum(sizes, axis=1)
    return np.take_along_axis(ends - last, session, axis=1) + ranks
