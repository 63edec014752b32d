"""Prototypes of speakers, and comparing embeddings with them: pure functions, similarities go up.

A similarity is computed from its two embeddings alone, in float64. A matrix product would be
faster, but its bits depend on the shape of the whole matrix; here it only narrows a search down.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.preprocessing import normalize
from sklearn.utils import gen_batches

_DISTANCES = {"euclidean": "euclidean", "cosine": "cosine", "manhattan": "cityblock"}
_QUERIES = 256  # queries compared at a time
_PROTOTYPES = 1024  # prototypes screened at a time: few products, and scores still in the cache


def similarity(queries, prototypes, metric):
    """Compare every query with every prototype.

    Parameters
    ----------
    queries : ndarray of shape (n_queries, n_dims)
        Embeddings.
    prototypes : ndarray of shape (n_prototypes, n_dims)
        Embeddings.
    metric : {"euclidean", "cosine", "manhattan"}
        Cosine similarity, or the distance negated.

    Returns
    -------
    similarities : ndarray of shape (n_queries, n_prototypes)
        Higher is more alike. The cosine of a zero vector to anything is 0.
    """
    distances = cdist(queries, prototypes, _DISTANCES[metric])
    if metric == "cosine":
        return np.nan_to_num(1.0 - distances, nan=0.0)
    return 0.0 - distances  # not -distances: equal embeddings compare as 0.0


def build_prototypes(E, first, metric, aggregation):
    """Choose what stands for each speaker.

    Parameters
    ----------
    E : ndarray of shape (n_enrolled, n_dims)
        Embeddings, sorted by speaker.
    first : ndarray of shape (n_speakers,)
        Row of `E` at which each speaker's begin.
    metric : {"euclidean", "cosine", "manhattan"}
        How embeddings are compared.
    aggregation : {"mean", "nearest", "medoid"}
        The mean embedding, every embedding, or the one most similar to the speaker's others.

    Returns
    -------
    prototypes : ndarray of shape (n_prototypes, n_dims)
        Sorted by speaker; each depends on the embeddings of its speaker alone, to the bit.
    first : ndarray of shape (n_speakers,)
        Row of `prototypes` at which each speaker's begin.
    """
    return AGGREGATIONS[aggregation](E, first, metric)


def _mean(E, first, metric):
    counts = np.diff(first, append=len(E))[:, np.newaxis]
    sums = np.add.reduceat(E.astype(np.float64), first, axis=0)
    return (sums / counts).astype(E.dtype), np.arange(len(first))


def _nearest(E, first, metric):
    return E, first


def _medoid(E, first, metric):
    medoids = [_most_central(own, metric) for own in np.split(E, first[1:])]
    return E[first + medoids], np.arange(len(first))


def _most_central(E, metric):
    similarities = similarity(E, E, metric)
    np.fill_diagonal(similarities, 0.0)  # the rounding of the cosine to itself decides nothing
    return similarities.sum(axis=1).argmax()


AGGREGATIONS = {"mean": _mean, "nearest": _nearest, "medoid": _medoid}


def most_similar(queries, prototypes, metric):
    """Find the prototype most similar to each query.

    The same to the bit as ``similarity(...).argmax(axis=1)`` and ``.max(axis=1)``. For Euclidean
    and cosine, products in the precision of the prototypes leave out what cannot be the most
    similar, and only the few that remain are compared exactly.

    Parameters
    ----------
    queries, prototypes, metric
        As in :func:`similarity`.

    Returns
    -------
    position : ndarray of shape (n_queries,)
        Row of the most similar prototype, the first of equals.
    best : ndarray of shape (n_queries,)
        Its similarity.
    """
    position, best = np.empty(len(queries), dtype=np.intp), np.empty(len(queries))
    search = _search_all if metric == "manhattan" else _search_screened
    for batch in gen_batches(len(queries), _QUERIES):
        position[batch], best[batch] = search(queries[batch], prototypes, metric)
    return position, best


def _search_all(queries, prototypes, metric):
    similarities = similarity(queries, prototypes, metric)
    return similarities.argmax(axis=1), similarities.max(axis=1)


def _search_screened(queries, prototypes, metric):
    position, best = np.empty(len(queries), dtype=np.intp), np.empty(len(queries))
    for i, candidates in enumerate(_screen(queries, prototypes, metric)):
        similarities = similarity(queries[i : i + 1], prototypes[candidates], metric)[0]
        position[i], best[i] = candidates[similarities.argmax()], similarities.max()
    return position, best


def _screen(queries, prototypes, metric):
    """Return for each query the rows of `prototypes`, ascending, among which is the best."""
    # Overflow makes scores and tolerance infinite or NaN, and then nothing is left out.
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", prototypes, prototypes)
        if metric == "cosine":
            info = np.finfo(squares.dtype)
            if not ((squares > info.tiny / info.eps) & (squares < np.inf)).all():
                return [np.arange(len(prototypes))] * len(queries)
            queries = normalize(queries.astype(np.float64))
        queries = queries.astype(prototypes.dtype, copy=False)
        tolerance = _rounding(queries, squares, metric)
        best = np.full(len(queries), -np.inf, dtype=prototypes.dtype)
        hits = []
        for block, scores in _score_blocks(queries, prototypes, squares, metric):
            block_best = scores.max(axis=1)
            best = np.maximum(best, block_best)
            floor = best - tolerance
            promising = np.flatnonzero(~(block_best < floor))
            query, row = np.nonzero(~(scores[promising] < floor[promising, np.newaxis]))
            hits.append((promising[query], row + block.start))
    query, row = (np.concatenate(parts) for parts in zip(*hits, strict=True))
    row = row[np.argsort(query, kind="stable")]
    return np.split(row, np.cumsum(np.bincount(query, minlength=len(queries)))[:-1])


def _score_blocks(queries, prototypes, squares, metric):
    """Yield blocks of scores that order the prototypes of a query as the similarity does.

    Euclidean: ``q g - |g|^2 / 2``, because ``|q - g|^2 = |q|^2 - 2 (q g - |g|^2 / 2)``.
    Cosine: ``q g / |g|``, with queries of unit length.
    """
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


def _rounding(queries, squares, metric):
    """Bound by how much rounding, here and in `similarity`, can change the order of two scores.

    A sum of n products is off by at most n roundings of the sum of their magnitudes (Higham, N. J.
    (2002). Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. (3.5)). A handful more
    stand for the norms and for the rounding of the query itself.
    """
    info = np.finfo(queries.dtype)
    lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
    magnitudes = 4 * lengths if metric == "cosine" else (lengths + np.sqrt(squares.max())) ** 2
    return ((queries.shape[1] + 8) * (info.eps * magnitudes + info.tiny)).astype(queries.dtype)


def two_highest(similarities):
    """Return the highest and second highest on the last axis; the second of one is -inf."""
    if similarities.shape[-1] == 1:
        return similarities[..., 0], -np.inf
    two = np.partition(similarities, -2, axis=-1)
    return two[..., -1], two[..., -2]
