"""Exported models beside the estimators they were made from, run by onnxruntime."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline, make_pipeline

from sklearn_siamese_speaker import (
    MFCC,
    FramePooling,
    LogMelSpectrogram,
    OnnxSpeakerEncoder,
    PretrainedSpeakerEncoder,
    RawAudio,
    SiameseSpeakerEncoder,
    VGGish,
    export_onnx,
)
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.encoders.export import _export_onnx
from sklearn_siamese_speaker.nn import NETWORKS
from sklearn_siamese_speaker.nn.protocols import ask

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

LENGTHS = (0.12, 0.3, 0.5, 1.01, 3.0)  # seconds


@pytest.fixture(scope="module")
def voices():
    return make_speakers(n_speakers=6, n_recordings=4, duration=0.6, random_state=0)


def make_recordings(sample_rate=16000):
    rng = np.random.default_rng(1)
    return [
        rng.uniform(-0.5, 0.5, round(seconds * sample_rate)).astype(np.float32) * level
        for seconds, level in zip(LENGTHS, (1, 0.01, 1, 1e-4, 1), strict=True)
    ]


def run(path, waveform, name="waveform"):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["embedding"], {name: waveform[np.newaxis]})[0]


def assert_equal(path, pipeline, recordings):
    for waveform in recordings:
        expected = pipeline.transform([waveform])
        np.testing.assert_allclose(run(path, waveform), expected, atol=1e-4)


def fit(front_end, voices, **params):
    encoder = SiameseSpeakerEncoder(max_epochs=1, random_state=0, **params)
    return make_pipeline(front_end, encoder).fit(*voices)


@pytest.mark.parametrize(
    "network", [n for n, cls in NETWORKS.items() if ask(cls, "no_onnx_form") is None]
)
def test_every_network_gives_the_same_embeddings(network, voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network=network)
    export_onnx(pipeline, tmp_path / "a.onnx")
    assert_equal(tmp_path / "a.onnx", pipeline, make_recordings())


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "weighted_manhattan"])
def test_every_metric_has_its_space(metric, voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="tdnn", metric=metric)
    export_onnx(pipeline, tmp_path / "a.onnx")
    assert_equal(tmp_path / "a.onnx", pipeline, make_recordings()[2:4])
    encoder = OnnxSpeakerEncoder(tmp_path / "a.onnx").fit(make_recordings())
    assert encoder.embedding_metric_ == pipeline[-1].embedding_metric_


FRONT_ENDS = [
    LogMelSpectrogram(n_mels=40, window=0.02, hop=0.012, fmax=6000.0),
    MFCC(n_mfcc=13, deltas=1, normalize="mean"),
    LogMelSpectrogram(n_mels=24, deltas=2, normalize="mean_variance"),
    MFCC(n_mfcc=13, duration=0.5),
    MFCC(n_mfcc=13, duration=0.5, crop="start", pad="repeat"),
    MFCC(n_mfcc=13, n_mels=24, sample_rate=8000, input_sample_rate=8000),
    RawAudio(),
    RawAudio(duration=0.7, pad="repeat"),
]


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=repr)
def test_every_front_end_is_in_the_model(front_end, voices, tmp_path):
    network = "cnn1d" if isinstance(front_end, RawAudio) else "tdnn"
    pipeline = fit(front_end, voices, network=network)
    export_onnx(pipeline, tmp_path / "a.onnx")
    assert_equal(tmp_path / "a.onnx", pipeline, make_recordings(front_end.sample_rate))


def test_silence_and_constant_features_stay_finite(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=13, normalize="mean_variance"), voices, network="tdnn")
    export_onnx(pipeline, tmp_path / "a.onnx")
    assert np.isfinite(run(tmp_path / "a.onnx", np.zeros(4000, dtype=np.float32))).all()


def test_recordings_of_one_length_may_be_run_at_once(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="lstm")
    export_onnx(pipeline, tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    X = voices[0][:5].astype(np.float32)
    (embeddings,) = session.run(None, {"waveform": X})
    np.testing.assert_allclose(embeddings, pipeline.transform(X), atol=1e-4)


def test_the_model_says_what_it_is(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="tdnn", metric="euclidean")
    export_onnx(pipeline, tmp_path / "a.onnx")
    model = onnx.load(tmp_path / "a.onnx")
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        "framework": "waveform",
        "sample_rate": "16000",
        "output_dim": str(pipeline.transform(voices[0][:1]).shape[1]),
        "normalize_samples": "1",
        "feature_normalize_type": "",
        "language": "",
        "embedding_metric": "euclidean",
    }


@pytest.mark.parametrize("sample_rate", [16000, 8000])
def test_the_library_reads_its_own_models(voices, tmp_path, sample_rate):
    front_end = MFCC(n_mfcc=20, n_mels=24, sample_rate=sample_rate)
    pipeline = fit(front_end, voices, network="tdnn")
    export_onnx(pipeline, tmp_path / "a.onnx")
    X = list(voices[0][:3])
    again = OnnxSpeakerEncoder(tmp_path / "a.onnx").fit(X)
    np.testing.assert_allclose(again.transform(X), pipeline.transform(X), atol=1e-4)


WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, *args):
        if name == "torch":
            raise ImportError(name)

sys.meta_path.insert(0, NoTorch())
from sklearn_siamese_speaker import OneShotClassifier, OnnxSpeakerEncoder
who = OneShotClassifier(OnnxSpeakerEncoder(sys.argv[1])).fit(sys.argv[2:4], ["ana", "ben"])
print(*who.predict(sys.argv[2:4]))
"""


def test_a_model_recognizes_people_where_torch_is_not_installed(voices, tmp_path):
    export_onnx(fit(MFCC(n_mfcc=20), voices, network="tdnn"), tmp_path / "a.onnx")
    files = [tmp_path / "ana.wav", tmp_path / "ben.wav"]
    for file, waveform in zip(files, voices[0][::4], strict=False):
        soundfile.write(file, waveform, 16000)
    command = [sys.executable, "-c", WITHOUT_TORCH, tmp_path / "a.onnx", *files]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["ana", "ben"]


def test_a_frozen_pipeline_and_a_search_are_looked_into(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="tdnn")
    frozen = Pipeline([("mfcc", FrozenEstimator(pipeline[0])), ("none", None), ("e", pipeline[1])])
    for number, wrapped in enumerate([FrozenEstimator(pipeline), frozen]):
        export_onnx(wrapped, tmp_path / f"{number}.onnx")
    assert (tmp_path / "0.onnx").read_bytes() == (tmp_path / "1.onnx").read_bytes()


def test_a_network_alone_takes_frames(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="tdnn")
    export_onnx(pipeline[-1], tmp_path / "a.onnx", front_end=False)
    frames = pipeline[0].transform(voices[0][:1])
    embedding = run(tmp_path / "a.onnx", frames[0], "frames")
    np.testing.assert_allclose(embedding, pipeline[-1].transform(frames), atol=1e-4)


class Gate(torch.nn.Module):
    """A network of a user, with an operation of no ONNX form here."""

    def __init__(self, n_features):
        super().__init__()
        self.layer = torch.nn.Linear(n_features, 8)

    def forward(self, frames):
        return self.layer(torch.special.erfcx(frames.mean(2)))


def test_an_operation_without_onnx_form_is_named(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network=Gate)
    with pytest.raises(ValueError, match="'special_erfcx' has no ONNX form here, and the network"):
        export_onnx(pipeline, tmp_path / "a.onnx")
    assert not os.listdir(tmp_path)


class Noisy(Gate):
    """A network that says itself why no file can hold it."""

    no_onnx_form = "it draws random numbers"


def test_a_network_says_itself_that_it_has_no_onnx_form(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network=Noisy)
    with pytest.raises(ValueError, match="Noisy cannot be written as ONNX, because it draws rando"):
        export_onnx(pipeline, tmp_path / "a.onnx")
    assert not os.listdir(tmp_path)


class Branch(Gate):
    """A network of a user that looks at the length of a recording."""

    def forward(self, frames):
        return self.layer(frames.mean(2) if frames.shape[2] > 10 else frames.amax(2))


def test_a_branch_that_depends_on_the_input_is_refused(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network=Branch)
    with pytest.raises(
        ValueError, match=r"cannot be written as ONNX \(.*control flow.*\); write its"
    ):
        export_onnx(pipeline, tmp_path / "a.onnx")


# Encoders that come trained


@pytest.mark.parametrize("params", [{}, {"duration": 0.7}])
def test_the_box_takes_waveforms(params, tmp_path):
    encoder = PretrainedSpeakerEncoder("box", **params).fit(make_recordings())
    export_onnx(encoder, tmp_path / "a.onnx")
    assert_equal(tmp_path / "a.onnx", encoder, make_recordings())
    again = OnnxSpeakerEncoder(tmp_path / "a.onnx").fit(make_recordings())
    assert (again.embedding_metric_, again.n_dims_) == ("euclidean", 200)


def test_the_box_alone_takes_the_frames_of_mfcc(tmp_path):
    encoder = PretrainedSpeakerEncoder().fit(make_recordings())
    export_onnx(encoder, tmp_path / "a.onnx", front_end=False)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    for waveform in make_recordings():
        frames = MFCC().fit_transform([waveform])[0]
        (embedding,) = session.run(None, {"frames": frames[np.newaxis]})
        np.testing.assert_allclose(embedding, encoder.transform([waveform]), atol=1e-4)


def test_campplus_with_its_front_end_takes_waveforms(small, tmp_path):
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit(make_recordings())
    export_onnx(encoder, tmp_path / "a.onnx")
    assert_equal(tmp_path / "a.onnx", encoder, make_recordings())


def test_campplus_may_bring_recordings_to_one_length(small, tmp_path):
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"], duration=0.7)
    export_onnx(encoder.fit(make_recordings()), tmp_path / "a.onnx")
    assert_equal(tmp_path / "a.onnx", encoder, make_recordings())
    encoder.set_params(drop_silence=True)
    with pytest.raises(
        ValueError, match=r"PretrainedSpeakerEncoder\(drop_silence=True\) cannot be"
    ):
        export_onnx(encoder, tmp_path / "a.onnx")


def test_campplus_alone_is_a_model_as_sherpa_onnx_reads_it(small, tmp_path):
    encoder = PretrainedSpeakerEncoder("campplus", file=small["campplus"]).fit(make_recordings())
    export_onnx(encoder, tmp_path / "a.onnx", front_end=False)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    assert [(value.name, value.shape) for value in session.get_inputs()] == [("x", ["N", "T", 80])]
    metadata = session.get_modelmeta().custom_metadata_map
    expected = {"framework": "3d-speaker", "feature_normalize_type": "global-mean"}
    expected |= {"normalize_samples": "1", "sample_rate": "16000", "output_dim": "6"}
    assert expected.items() <= metadata.items()
    again = OnnxSpeakerEncoder(tmp_path / "a.onnx").fit(make_recordings())
    embeddings = encoder.transform(make_recordings())
    np.testing.assert_allclose(again.transform(make_recordings()), embeddings, atol=1e-4)


def test_the_published_weights_give_the_same_embeddings_of_real_speech(published, tmp_path):
    folder = os.environ.get("SKLEARN_SIAMESE_SPEAKER_SPEECH")
    if not folder:
        pytest.skip("SKLEARN_SIAMESE_SPEAKER_SPEECH is not set")
    path = os.path.join(folder, "speechocean762/SPEAKER0003/000030012.flac")
    encoder = PretrainedSpeakerEncoder(published("campplus")).fit([path])
    for front_end in (True, False):
        export_onnx(encoder, tmp_path / "a.onnx", front_end=front_end)
        again = OnnxSpeakerEncoder(tmp_path / "a.onnx").fit([path])
        np.testing.assert_allclose(again.transform([path]), encoder.transform([path]), atol=1e-4)


def test_a_d_vector_is_refused_with_the_reason(small, tmp_path):
    encoder = PretrainedSpeakerEncoder("dvector", file=small["dvector"]).fit(make_recordings())
    with pytest.raises(
        ValueError, match="the mean over windows whose number depends on the record"
    ):
        export_onnx(encoder, tmp_path / "a.onnx")


# Refusals


@pytest.mark.parametrize(
    ("front_end", "sentence"),
    [
        (
            MFCC(trim_silence=True),
            r"MFCC\(trim_silence=True\) cannot be exported, because the model",
        ),
        (RawAudio(drop_silence=True), r"RawAudio\(drop_silence=True\) cannot be exported"),
        (MFCC(duration=0.5, crop="loudest"), "train with crop='center' or 'start'"),
    ],
)
def test_a_front_end_that_looks_for_something_is_refused(front_end, sentence, voices, tmp_path):
    pipeline = fit(MFCC(), voices, network="tdnn")
    pipeline.steps[0] = ("front_end", clone(front_end).fit(voices[0]))
    if isinstance(front_end, RawAudio):
        pipeline = fit(front_end, voices, network="cnn1d")
    with pytest.raises(ValueError, match=sentence):
        export_onnx(pipeline, tmp_path / "a.onnx")


@pytest.mark.filterwarnings("ignore:VGGish")
def test_what_cannot_be_exported_is_named_with_what_can(voices, tmp_path):
    pooling = make_pipeline(MFCC(), FramePooling()).fit(*voices)
    with pytest.raises(ValueError, match="Pipeline cannot be exported with front_end=True; pass a"):
        export_onnx(pooling, tmp_path / "a.onnx")
    encoder = fit(MFCC(n_mfcc=20), voices, network="tdnn")[-1]
    with pytest.raises(
        ValueError, match="SiameseSpeakerEncoder cannot be exported with front_end="
    ):
        export_onnx(encoder, tmp_path / "a.onnx")
    vggish = VGGish(weights=None)
    vggish._n_features_out = 128
    with pytest.raises(ValueError, match="VGGish has no ONNX form here; export a Pipeline that"):
        export_onnx(Pipeline([("v", vggish), ("e", encoder)]), tmp_path / "a.onnx")


class Louder(MFCC):
    """Cepstra of a user: other frames under the same parameters."""

    def _extract(self, waveform):
        return 2 * super()._extract(waveform)


def test_a_front_end_derived_from_a_known_one_is_not_taken_for_it(voices, tmp_path):
    pipeline = Pipeline([("l", Louder(n_mfcc=20)), ("e", fit(MFCC(n_mfcc=20), voices)[-1])])
    pipeline[0].fit(voices[0])
    with pytest.raises(ValueError, match="Louder has no ONNX form here; export a Pipeline that"):
        export_onnx(pipeline, tmp_path / "a.onnx")


def test_a_model_that_differs_is_not_written(voices, tmp_path, monkeypatch):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="tdnn")
    monkeypatch.setattr(_export_onnx, "fourier_kernels", lambda window: np.ones((514, 512)))
    with pytest.raises(
        ValueError, match=r"differs from the estimator by .*; nothing was written\."
    ):
        export_onnx(pipeline, tmp_path / "a.onnx")
    assert not os.listdir(tmp_path)


def test_a_file_that_cannot_be_written_leaves_nothing(voices, tmp_path):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="tdnn")
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(OSError, match="directory"):
        export_onnx(pipeline, tmp_path / "a.onnx")
    assert os.listdir(tmp_path) == ["a.onnx"]


def test_a_model_has_the_permissions_of_any_new_file(voices, tmp_path):
    (tmp_path / "any").write_bytes(b"")
    export_onnx(fit(MFCC(n_mfcc=20), voices, network="tdnn"), tmp_path / "a.onnx")
    assert (tmp_path / "a.onnx").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_the_extra_it_is_named(voices, tmp_path, monkeypatch, missing):
    pipeline = fit(MFCC(n_mfcc=20), voices, network="tdnn")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf"export_onnx needs {missing}: pip install 'sklearn-s"):
        export_onnx(pipeline, tmp_path / "a.onnx")
