"""The most similar of many prototypes, at about the cost of one matrix product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

from ._pairs import similarity

_QUERIES = 256  # queries compared at a time
_PROTOTYPES = 1024  # prototypes screened at a time: few products, and scores still in the cache

_Found = tuple[NDArray[np.intp], NDArray[np.float64]]


def most_similar(queries: NDArray[Any], prototypes: NDArray[Any], metric: str) -> _Found:
    """Return ``similarity(...).argmax(axis=1)`` and ``.max(axis=1)``, to the bit: (n_queries,)."""
    position, best = np.empty(len(queries), dtype=np.intp), np.empty(len(queries))
    # A product in the precision of the prototypes leaves out what cannot be the most similar;
    # only the few that remain are compared exactly. For sums of absolute values there is none.
    search = _search_all if metric == "manhattan" else _search_screened
    for batch in gen_batches(len(queries), _QUERIES):
        position[batch], best[batch] = search(queries[batch], prototypes, metric)
    return position, best


def _search_all(queries: NDArray[Any], prototypes: NDArray[Any], metric: str) -> _Found:
    similarities = similarity(queries, prototypes, metric)
    return similarities.argmax(axis=1), similarities.max(axis=1)


def _search_screened(queries: NDArray[Any], prototypes: NDArray[Any], metric: str) -> _Found:
    position, best = np.empty(len(queries), dtype=np.intp), np.empty(len(queries))
    for i, candidates in enumerate(_screen(queries, prototypes, metric)):
        similarities = similarity(queries[i : i + 1], prototypes[candidates], metric)[0]
        position[i], best[i] = candidates[similarities.argmax()], similarities.max()
    return position, best


def _screen(queries: NDArray[Any], prototypes: NDArray[Any], metric: str) -> list[NDArray[np.intp]]:
    """Return for each query the rows of `prototypes`, ascending, among which is the best."""
    # Overflow makes scores and tolerance infinite or NaN, and then nothing is left out.
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", prototypes, prototypes)
        if metric == "cosine":
            info = np.finfo(squares.dtype)
            # The bound needs lengths that are known to full precision.
            if not ((squares > info.tiny / info.eps) & (squares < np.inf)).all():
                return [np.arange(len(prototypes))] * len(queries)
            queries = normalize(queries.astype(np.float64))
        queries = queries.astype(prototypes.dtype, copy=False)
        tolerance = _rounding(queries, squares, metric)
        best = np.full(len(queries), -np.inf, dtype=prototypes.dtype)
        hits = []
        # What falls short of the best so far by more than rounding can explain is left out. The
        # best grows from block to block, so that early blocks keep a few rows too many; the exact
        # comparison does not mind.
        for block, scores in _score_blocks(queries, prototypes, squares, metric):
            block_best = scores.max(axis=1)
            best = np.maximum(best, block_best)
            least = best - tolerance
            promising = np.flatnonzero(~(block_best < least))
            query, row = np.nonzero(~(scores[promising] < least[promising, np.newaxis]))
            hits.append((promising[query], row + block.start))
    query, row = (np.concatenate(parts) for parts in zip(*hits, strict=True))
    row = row[np.argsort(query, kind="stable")]
    return np.split(row, np.cumsum(np.bincount(query, minlength=len(queries)))[:-1])


def _score_blocks(
    queries: NDArray[Any], prototypes: NDArray[Any], squares: NDArray[Any], metric: str
) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Yield blocks of scores that order the prototypes of a query as the similarity does."""
    # Euclidean: ``q g - |g|^2 / 2``, because ``|q - g|^2 = |q|^2 - 2 (q g - |g|^2 / 2)``.
    # Cosine: ``q g / |g|``, with queries of unit length.
    buffer = np.empty(len(queries) * min(len(prototypes), _PROTOTYPES), dtype=prototypes.dtype)
    for block in gen_batches(len(prototypes), _PROTOTYPES):
        rows = prototypes[block]
        scores = buffer[: len(queries) * len(rows)].reshape(len(queries), len(rows))
        np.matmul(queries, rows.T, out=scores)
        if metric == "cosine":
            scores *= 1 / np.sqrt(squares[block])
        else:
            scores -= squares[block] / 2
        yield block, scores


def _rounding(queries: NDArray[Any], squares: NDArray[Any], metric: str) -> NDArray[Any]:
    """Bound by how much rounding, here and in `similarity`, can change the order of two scores."""
    # A sum of n products is off by at most ``n u`` times the sum of their magnitudes, with the unit
    # roundoff ``u = eps / 2`` (Higham, N. J. (2002). Accuracy and Stability of Numerical
    # Algorithms, 2nd ed., eq. (3.5)). Euclidean, for each of the two scores:
    # * the score ``q g - |g|^2 / 2`` is off by ``n u (|q| |g| + |g|^2 / 2)``;
    # * half the squared distance in `similarity` by ``n u |q - g|^2 / 2``.
    # Both are at most ``n u (|q| + |g|)^2 / 2``, which makes ``n eps (|q| + |g|)^2`` for the four.
    # Cosine: the lengths are 1, each score is off by ``n u`` for the product and as much for the
    # length, here and in `similarity`: ``4 n eps`` for the two. The 8 that are added to n stand for
    # the single roundings besides: of the query, of roots and quotients, of the differences.
    info = np.finfo(queries.dtype)
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    magnitudes = 4 * lengths if metric == "cosine" else (lengths + np.sqrt(squares.max())) ** 2
    return ((queries.shape[1] + 8) * (info.eps * magnitudes + info.tiny)).astype(queries.dtype)
