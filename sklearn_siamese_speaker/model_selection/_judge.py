"""Judge recognised tasks: accuracies, intervals, and which tasks they were."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from sklearn.utils import Bunch

from ._intervals import (
    accuracy_interval,
    bootstrap_accuracies,
    count_recognised,
    same_speakers_interval,
)


def task_accuracies(recognised):
    """Return the share of recognised queries of each task: (n_tasks,)."""
    positions = np.arange(recognised.shape[1])[:, np.newaxis]
    return (recognised == positions).mean(axis=(1, 2))


def judge_tasks(recogniser, E, y, blocks):
    """Recognise blocks of tasks among embeddings and sum them up.

    Parameters
    ----------
    recogniser : TaskRecogniser
    E : ndarray of shape (n_samples, n_dims)
    y : ndarray of shape (n_samples,)
    blocks : iterable of (support, query)

    Returns
    -------
    judgement : Bunch
        `accuracies` (n_tasks,); their `mean`; `lower` and `upper`, the 95 % interval for other
        speakers; `same_speakers_lower` and `same_speakers_upper`, the 95 % interval for other
        tasks among the same speakers; `bootstrap` (n_draws,), the mean under resampled speakers;
        `fingerprint`, equal for equal tasks.
    """
    labels, speakers = np.unique(y, return_inverse=True)
    counts = 0
    accuracies, digest = [], blake2b(speakers.tobytes(), digest_size=16)
    for support, query in blocks:
        recognised = recogniser.recognise(E, y, support, query)
        who = speakers[support[:, :, 0]]
        counts = counts + np.array(count_recognised(who, recognised, len(labels)))
        accuracies.append(task_accuracies(recognised))
        digest.update(support.tobytes() + query.tobytes())
    accuracies = np.concatenate(accuracies)
    bootstrap = bootstrap_accuracies(*counts)
    lower, upper = accuracy_interval(bootstrap)
    same_speakers_lower, same_speakers_upper = same_speakers_interval(accuracies)
    return Bunch(
        accuracies=accuracies,
        mean=accuracies.mean(),
        lower=lower,
        upper=upper,
        same_speakers_lower=same_speakers_lower,
        same_speakers_upper=same_speakers_upper,
        bootstrap=bootstrap,
        fingerprint=digest.hexdigest(),
    )
