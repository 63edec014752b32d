"""Public encoders on the test speakers of a corpus: accuracy, errors, time.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder OMP_NUM_THREADS=1 python benchmarks/pretrained.py [corpus]

Tasks are 10,000 with one recording of each speaker; the equal error rate is over all pairs of
recordings; in brackets 95 % intervals over speakers. Nothing is trained or chosen here.
"""

import sys
import time

import numpy as np
from _speech import list_recordings
from sklearn.preprocessing import FunctionTransformer

from sklearn_siamese_speaker import PretrainedSpeakerEncoder
from sklearn_siamese_speaker.metrics import bootstrap_interval, equal_error_rate
from sklearn_siamese_speaker.model_selection import n_shot_k_way_score

N_TASKS = 10_000


def evaluate(name, paths, y):
    encoder = PretrainedSpeakerEncoder(name).fit(paths[:1])
    start = time.perf_counter()
    E = encoder.transform(paths)
    milliseconds = 1000 * (time.perf_counter() - start) / len(paths)
    known = FunctionTransformer().fit(E)
    known.embedding_metric_ = encoder.embedding_metric_
    ways = [k for k in (5, 20) if k <= len(np.unique(y))]
    accuracies = [
        f"{k}-way "
        f"{n_shot_k_way_score(known, E, y, k_way=k, n_tasks=N_TASKS, random_state=0).mean():.4f}"
        for k in ways
    ]
    first, second = np.triu_indices(len(y), k=1)
    unit = E / np.linalg.norm(E, axis=1, keepdims=True)
    trials = y[first] == y[second], (unit @ unit.T)[first, second]
    speakers = np.column_stack([y[first], y[second]])
    lower, upper = bootstrap_interval(equal_error_rate, *trials, speakers, n_draws=200)
    eer = equal_error_rate(*trials)
    print(
        f"{name:10}{'  '.join(accuracies)}  EER {eer:.2%} [{lower:.2%}, {upper:.2%}]  "
        f"{E.shape[1]} dimensions  {milliseconds:.0f} ms a recording",
        flush=True,
    )


def main():
    corpus = sys.argv[1] if len(sys.argv) > 1 else "speechocean762"
    paths, y, split = list_recordings(corpus)
    paths, y = [paths[i] for i in np.flatnonzero(split == "test")], y[split == "test"]
    print(f"{corpus}: {len(np.unique(y))} speakers, {len(y)} recordings")
    for name in ("campplus", "dvector"):
        evaluate(name, paths, y)


if __name__ == "__main__":
    main()
