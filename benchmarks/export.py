"""Exported models beside their pipelines on real speech: differences, sizes, time.

    SKLEARN_SIAMESE_SPEAKER_SPEECH=folder OMP_NUM_THREADS=1 python benchmarks/export.py

Each network is trained for one epoch and exported with its front end. Model and pipeline embed 200
recordings of 0.3 to 10 s, cut out of LibriSpeech. So do the box and, where its weights are, CAM++.
"""

import os
import tempfile
import time

import numpy as np
import onnxruntime
import soundfile
from _speech import list_recordings
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import (
    MFCC,
    PretrainedSpeakerEncoder,
    RawAudio,
    SiameseSpeakerEncoder,
    export_onnx,
)
from sklearn_siamese_speaker.nn import NETWORKS

N_RECORDINGS, RATE = 200, 16000


def cut_recordings(seed=0):
    """Return waveforms of 0.3 to 10 s; lengths are uniform on a logarithmic scale."""
    rng = np.random.default_rng(seed)
    paths, _, _ = list_recordings("librispeech_readers")
    waveforms = []
    while len(waveforms) < N_RECORDINGS:
        waveform = soundfile.read(rng.choice(paths), dtype="float32")[0]
        n_times = int(RATE * 0.3 * (10 / 0.3) ** rng.uniform())
        if n_times <= len(waveform):
            start = rng.integers(len(waveform) - n_times + 1)
            waveforms.append(waveform[start : start + n_times])
    return waveforms


def compare(name, estimator, waveforms, folder):
    path = os.path.join(folder, "model.onnx")
    start = time.perf_counter()
    export_onnx(estimator, path)
    seconds = time.perf_counter() - start
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    models, pipelines, difference, scale = [], [], 0.0, 0.0
    for waveform in waveforms:
        start = time.perf_counter()
        (embedding,) = session.run(None, {"waveform": waveform[np.newaxis]})
        middle = time.perf_counter()
        expected = estimator.transform([waveform])
        pipelines.append(time.perf_counter() - middle)
        models.append(middle - start)
        difference = max(difference, np.abs(embedding - expected).max())
        scale = max(scale, np.abs(expected).max())
    print(
        f"{name:18}{difference:10.1e} of {scale:.2g}  {os.path.getsize(path) / 1e6:5.1f} MB  "
        f"{1000 * np.median(models):6.1f} ms, pipeline {1000 * np.median(pipelines):6.1f} ms  "
        f"written in {seconds:.1f} s",
        flush=True,
    )


def main():
    paths, y, split = list_recordings("speechocean762")
    chosen = [i for i in np.flatnonzero(split == "train")[: 14 * 20] if i % 14 < 6]
    X, y = [paths[i] for i in chosen], y[chosen]
    waveforms = cut_recordings()
    print("largest difference, size, median time of a recording on one core")
    with tempfile.TemporaryDirectory() as folder:
        for network in NETWORKS:
            encoder = SiameseSpeakerEncoder(network=network, max_epochs=1, random_state=0)
            compare(network, make_pipeline(MFCC(), encoder).fit(X, y), waveforms, folder)
        raw = make_pipeline(RawAudio(), SiameseSpeakerEncoder(max_epochs=1, random_state=0))
        compare("raw audio, cnn1d", raw.fit(X, y), waveforms, folder)
        compare("box", PretrainedSpeakerEncoder().fit(X[:1]), waveforms, folder)
        try:
            campplus = PretrainedSpeakerEncoder("campplus").fit(X[:1])
        except OSError as error:
            print(error)
        else:
            compare("CAM++", campplus, waveforms, folder)


if __name__ == "__main__":
    main()
