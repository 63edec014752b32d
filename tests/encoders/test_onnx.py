"""ONNX models of others: the front end that a file says, and files that say none."""

import contextlib
import pickle
import sys
from unittest import SkipTest

import numpy as np
import pytest
import soundfile
import torch
from sklearn.utils.estimator_checks import estimator_checks_generator

from sklearn_siamese_speaker import OneShotClassifier, OnnxSpeakerEncoder
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.encoders.pretrained._onnx import load_session
from sklearn_siamese_speaker.encoders.pretrained._onnx_conventions import CONVENTIONS

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper = onnx.helper

N_DIMS = 5
SHAPES = {  # of the first input: name and axes
    "3d-speaker": ("x", ["N", "T", 80]),
    "wespeaker": ("feats", ["B", "T", 80]),
    "nemo": ("audio_signal", ["B", 80, "T"]),
    "redimnet": ("features", [1, 1, 72, "T"]),
    "waveform": ("waveform", ["N", "T"]),
}


def save_model(path, kind, metadata=None, seed=0):
    """Write a model that projects the mean and the mean square over time; return the path."""
    name, shape = SHAPES[kind]
    time_axis = len(shape) - 2 if kind in ("3d-speaker", "wespeaker") else len(shape) - 1
    n_features = 1 if kind == "waveform" else max(n for n in shape if isinstance(n, int))
    rng = np.random.default_rng(seed)
    arrays = {
        "weights": rng.normal(size=(2 * n_features, N_DIMS)).astype(np.float32),
        "time": np.array([time_axis], dtype=np.int64),
        "flat": np.array([1, n_features], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Mul", [name, name], ["square"]),
        helper.make_node("ReduceMean", [name, "time"], ["mean"], keepdims=0),
        helper.make_node("ReduceMean", ["square", "time"], ["power"], keepdims=0),
        helper.make_node("Reshape", ["mean", "flat"], ["mean_row"]),
        helper.make_node("Reshape", ["power", "flat"], ["power_row"]),
        helper.make_node("Concat", ["mean_row", "power_row"], ["statistics"], axis=1),
        helper.make_node("MatMul", ["statistics", "weights"], ["embedding"]),
    ]
    inputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, [1, N_DIMS])]
    if kind == "nemo":  # a length comes in, and the embedding goes out second
        inputs.append(helper.make_tensor_value_info("length", onnx.TensorProto.INT64, ["B"]))
        outputs.insert(0, helper.make_tensor_value_info("logits", onnx.TensorProto.INT64, ["B"]))
        nodes.append(helper.make_node("Identity", ["length"], ["logits"]))
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "speaker", inputs, outputs, initializers)
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


SHERPA = {"sample_rate": "16000", "output_dim": "5"}
SHERPA_METADATA = {
    "3d-speaker": {**SHERPA, "normalize_samples": "1", "feature_normalize_type": "global-mean"},
    "wespeaker": {**SHERPA, "normalize_samples": "0"},
    "nemo": {
        **SHERPA,
        "feature_normalize_type": "per_feature",
        "window_size_ms": "25",
        "window_stride_ms": "10",
        "window_type": "hann",
        "feat_dim": "80",
    },
}


def make_recordings():
    X, _ = make_speakers(n_speakers=3, n_recordings=1, duration=1.5, random_state=0)
    return [X[0], X[1, :9000], X[2, :20011]]


@pytest.mark.parametrize("kind", SHERPA_METADATA)
def test_metadata_of_sherpa_onnx_tell_the_front_end(tmp_path, kind):
    metadata = {"framework": kind, **SHERPA_METADATA[kind]}
    encoder = OnnxSpeakerEncoder(save_model(tmp_path / "a.onnx", kind, metadata))
    embeddings = encoder.fit_transform(make_recordings())
    assert encoder.front_end_ == kind
    assert embeddings.shape == (3, N_DIMS)
    given = OnnxSpeakerEncoder(save_model(tmp_path / "b.onnx", kind), front_end=kind)
    np.testing.assert_array_equal(given.fit_transform(make_recordings()), embeddings)


@pytest.mark.parametrize("kind", ["wespeaker", "redimnet"])
def test_without_metadata_the_input_tells_the_front_end(tmp_path, kind):
    encoder = OnnxSpeakerEncoder(save_model(tmp_path / "a.onnx", kind)).fit(make_recordings())
    assert encoder.front_end_ == kind


def kaldi_frames(waveform, window, scale):
    kaldi = pytest.importorskip("kaldi_native_fbank")
    options = kaldi.FbankOptions()
    options.frame_opts.dither, options.frame_opts.window_type = 0, window
    options.mel_opts.num_bins = 80
    bank = kaldi.OnlineFbank(options)
    bank.accept_waveform(16000, (waveform * scale).tolist())
    bank.input_finished()
    frames = np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])
    return (frames - frames.mean(axis=0))[np.newaxis]


@pytest.mark.parametrize(
    ("name", "arguments"), [("3d-speaker", ("povey", 1)), ("wespeaker", ("hamming", 32768))]
)
def test_inputs_for_kaldi_models_are_kaldis(name, arguments):
    waveform = make_recordings()[0]
    (frames,) = CONVENTIONS[name].make_inputs(waveform, {})
    np.testing.assert_allclose(frames, kaldi_frames(waveform, *arguments), atol=0.02)


def test_inputs_for_nemo_are_standardized_and_padded_to_16_frames():
    frames, length = CONVENTIONS["nemo"].make_inputs(make_recordings()[0], {"feat_dim": "64"})
    assert frames.shape == (1, 64, 160)
    assert length.tolist() == [148]
    assert not frames[:, :, 148:].any()
    np.testing.assert_allclose(frames[0, :, :148].mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(frames[0, :, :148].std(axis=1), 1, atol=1e-3)


def redimnet_reference(waveform):
    """MelBanks of ReDimNet with torch.stft, and the bands by their definition."""
    x = torch.from_numpy(waveform)[None, None]
    x = torch.nn.functional.pad(x, (1, 0), "reflect")
    x = torch.nn.functional.conv1d(x, torch.tensor([[[-0.97, 1.0]]]))[:, 0]
    window = torch.hamming_window(400)
    power = torch.stft(x, 512, 160, 400, window, return_complex=True).abs()[0].numpy() ** 2
    bins = np.arange(257) * 16000 / 512
    mel = np.linspace(*(2595 * np.log10(1 + np.array([20, 7600]) / 700)), 74)
    edges = 700 * (10 ** (mel / 2595) - 1)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (peak - low), (high - bins) / (high - peak)).clip(0)
    frames = np.log(triangles @ power + 1e-6)
    return frames - frames.mean(axis=1, keepdims=True)


def test_inputs_for_redimnet_are_those_of_its_own_front_end():
    waveform = make_recordings()[2]
    expected = redimnet_reference(waveform)
    (frames,) = CONVENTIONS["redimnet"].make_inputs(waveform, {})
    assert frames.shape == (1, 1, 72, 124)
    np.testing.assert_allclose(frames[0, 0], expected[:, :124], atol=2e-3)


def test_a_function_may_be_the_front_end(tmp_path):
    path = save_model(tmp_path / "a.onnx", "waveform")
    encoder = OnnxSpeakerEncoder(path, front_end=lambda waveform: waveform[np.newaxis] ** 2)
    X = make_recordings()
    expected = OnnxSpeakerEncoder(path, front_end="waveform").fit_transform([X[0] ** 2])
    np.testing.assert_allclose(encoder.transform(X)[:1], expected, rtol=1e-5)


# Refusals


def test_a_file_that_says_nothing_is_refused_with_what_is_known(tmp_path):
    path = save_model(tmp_path / "a.onnx", "3d-speaker")
    expected = r"a.onnx' does not say which front end it needs: its metadata has framework=None, "
    expected += r"and its input 'x' has shape \['N', 'T', 80\]\. Pass front_end=, .* Known are "
    expected += r"'3d-speaker': 80 bands of .*'wespeaker'.*'nemo'.*'redimnet'.*'waveform'"
    with pytest.raises(ValueError, match=expected):
        OnnxSpeakerEncoder(path).fit(make_recordings())


def test_an_unknown_framework_is_refused(tmp_path):
    path = save_model(tmp_path / "a.onnx", "wespeaker", {"framework": "espnet"})
    with pytest.raises(ValueError, match="its metadata has framework='espnet'"):
        OnnxSpeakerEncoder(path).fit(make_recordings())


@pytest.mark.parametrize(
    ("kind", "change", "sentence"),
    [
        (
            "3d-speaker",
            {"sample_rate": "8000"},
            r"has sample_rate='8000' in its .* knows '16000' o",
        ),
        (
            "wespeaker",
            {"normalize_samples": "2"},
            r"normalize_samples='2' .* knows '0' or '1' only",
        ),
        (
            "wespeaker",
            {"feature_normalize_type": "cmvn"},
            "front end 'wespeaker' knows 'global-mean'",
        ),
        ("nemo", {"window_type": "hamming"}, "knows 'hann' only; pass a function as front_end="),
        ("nemo", {"window_stride_ms": "20"}, "knows '10' only"),
    ],
)
def test_metadata_beyond_the_convention_are_refused(tmp_path, kind, change, sentence):
    metadata = {"framework": kind, **SHERPA_METADATA[kind], **change}
    path = save_model(tmp_path / "a.onnx", kind, metadata)
    with pytest.raises(ValueError, match=sentence):
        OnnxSpeakerEncoder(path).fit(make_recordings())


def test_samples_are_scaled_as_the_metadata_say(tmp_path):
    metadata = {"framework": "3d-speaker", "normalize_samples": "0"}
    path = save_model(tmp_path / "a.onnx", "3d-speaker", metadata)
    assert OnnxSpeakerEncoder(path).fit_transform(make_recordings()).shape == (3, N_DIMS)
    quiet, loud = (
        CONVENTIONS["3d-speaker"].make_inputs(np.float32(1e-6) * make_recordings()[0], metadata)[0]
        for metadata in ({}, metadata)
    )
    assert not quiet.any()  # below the floor of the logarithm
    assert loud.any()


def test_an_unknown_front_end_is_refused(tmp_path):
    path = save_model(tmp_path / "a.onnx", "waveform")
    with pytest.raises(
        ValueError, match=r"front_end='ge2e' is not one of \['auto', '3d-speaker', "
    ):
        OnnxSpeakerEncoder(path, front_end="ge2e").fit(make_recordings())


def test_a_front_end_that_the_model_does_not_take_is_refused_in_fit(tmp_path):
    path = save_model(tmp_path / "a.onnx", "waveform")
    with pytest.raises(
        ValueError, match=r"does not take what the front end 'wespeaker' gives .*pass"
    ):
        OnnxSpeakerEncoder(path, front_end="wespeaker").fit(make_recordings())


def write_text(path):
    path.write_text("This is no model.")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


def write_waveform(path):
    with open(path, "wb") as file:
        soundfile.write(file, np.zeros(1600), 16000, format="WAV")


@pytest.mark.parametrize("write", [write_text, truncate, write_waveform])
def test_a_file_of_something_else_is_refused(tmp_path, write):
    write(save_model(tmp_path / "a.onnx", "waveform"))
    with pytest.raises(
        ValueError, match=r"a.onnx' is no ONNX model that onnxruntime can load \(.*\)"
    ):
        OnnxSpeakerEncoder(tmp_path / "a.onnx").fit(make_recordings())


def test_a_missing_file_is_named(tmp_path):
    expected = (
        r"The model '.*b.onnx' cannot be read \(No such file or directory\); pass the path of"
    )
    with pytest.raises(OSError, match=expected):
        OnnxSpeakerEncoder(tmp_path / "b.onnx").fit(make_recordings())


def test_without_onnxruntime_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    load_session.cache_clear()
    path = save_model(tmp_path / "a.onnx", "waveform")
    with pytest.raises(ImportError, match=r"pip install 'sklearn-siamese-speaker\[onnx\]'"):
        OnnxSpeakerEncoder(path).fit(make_recordings())


# The estimator


def test_a_recording_has_the_same_bits_alone_and_among_others(tmp_path):
    X = make_recordings()
    encoder = OnnxSpeakerEncoder(save_model(tmp_path / "a.onnx", "wespeaker"))
    embeddings = encoder.fit_transform(X)
    for i, waveform in enumerate(X):
        np.testing.assert_array_equal(encoder.transform([waveform]), embeddings[i : i + 1])
    np.testing.assert_array_equal(encoder.set_params(n_jobs=2).transform(X), embeddings)


def test_a_cache_tells_models_apart_by_their_content(tmp_path):
    X, path = make_recordings(), tmp_path / "a.onnx"
    encoder = OnnxSpeakerEncoder(save_model(path, "wespeaker"), memory=tmp_path / "cache")
    before = encoder.transform(X)
    np.testing.assert_array_equal(encoder.transform(X), before)
    save_model(path, "wespeaker", seed=1)
    assert not np.array_equal(encoder.transform(X), before)


def test_the_model_is_named_and_not_pickled(tmp_path):
    X, path = make_recordings(), save_model(tmp_path / "a.onnx", "wespeaker")
    encoder = OnnxSpeakerEncoder(path).fit(X)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))
    save_model(path, "wespeaker", seed=1)
    load_session.cache_clear()
    with pytest.raises(ValueError, match="in fit; bring that file back or fit again"):
        again.transform(X)


def test_people_are_enrolled_without_training(tmp_path):
    X, y = make_speakers(n_speakers=3, n_recordings=2, duration=1.0, random_state=0)
    who = OneShotClassifier(OnnxSpeakerEncoder(save_model(tmp_path / "a.onnx", "wespeaker")))
    who.fit(list(X[::2]), y[::2])
    assert who.metric_ == "cosine"
    np.testing.assert_array_equal(who.predict(list(X[::2])), y[::2])


@pytest.mark.filterwarnings("ignore::sklearn_siamese_speaker.AudioQualityWarning")
@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
def test_the_checks_of_scikit_learn_pass(tmp_path):
    encoder = OnnxSpeakerEncoder(save_model(tmp_path / "a.onnx", "waveform"), front_end="waveform")
    checks = list(estimator_checks_generator(encoder))
    assert len(checks) == 46
    for estimator, check in checks:
        with contextlib.suppress(SkipTest):
            check(estimator)
