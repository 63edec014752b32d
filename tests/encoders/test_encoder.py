"""SiameseSpeakerEncoder: what it learns, what it keeps, what it refuses."""

import pickle
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import conftest
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.encoders.training._training import _crop_length
from sklearn_siamese_speaker.model_selection import n_shot_k_way_score

TRAINING = {"batch_size": 16, "random_state": 0}
TINY = {"network": "cnn2d", "network__filters": (8, 8, 8), "network__embedding_dim": 16, **TRAINING}


make_frames = partial(conftest.make_frames, n_recordings=5, n_features=6, n_frames=30)


def ragged(X):
    """The recordings of `X` with another length each."""
    return [x[:, : X.shape[2] - i % 3] for i, x in enumerate(X)]


class Pooling(torch.nn.Module):
    """A user's network: linear on the mean over frames."""

    def __init__(self, n_features, embedding_dim):
        super().__init__()
        self.linear = torch.nn.Linear(n_features, embedding_dim)

    def forward(self, frames):
        return self.linear(frames.mean(2))


@pytest.fixture(scope="module")
def fitted():
    X, y = make_frames()
    return SiameseSpeakerEncoder(max_epochs=2, **TINY).fit(X, y), X, y


@pytest.mark.parametrize(
    "params",
    [{"loss": "prototypical"}, {"loss": "bce"}, {"loss": "bce", "pairs": "random"}],
    ids=str,
)
def test_training_makes_unseen_speakers_tell_apart(params):
    # A loud nuisance in two features, one value a recording, is what can be unlearned.
    X, y = make_frames(n_speakers=40, n_frames=10, nuisance=3.0)
    X_new, y_new = make_frames(n_speakers=20, n_frames=10, nuisance=3.0, seed=1)
    untrained = SiameseSpeakerEncoder(
        Pooling, network__embedding_dim=16, max_epochs=1, lr=1e-12, **params, **TRAINING
    ).fit(X, y)
    trained = clone(untrained).set_params(max_epochs=20, lr=1e-2).fit(X, y)
    before, after = (
        n_shot_k_way_score(e, X_new, y_new, k_way=5, n_tasks=300, random_state=0).mean()
        for e in (untrained, trained)
    )
    assert after > before + 0.1
    losses = [epoch["train_loss"] for epoch in trained.history_["epochs"]]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "manhattan", "weighted_manhattan"])
def test_the_published_metric_of_the_embeddings_is_the_learned_distance(metric):
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(metric=metric, max_epochs=2, **TINY).fit(X, y)
    a, b = encoder.transform(X[:5]), encoder.transform(X[5:10])
    expected = {
        "euclidean": lambda: np.sqrt(((a - b) ** 2).sum(1)),
        "manhattan": lambda: np.abs(a - b).sum(1),
        "cosine": lambda: 1 - (a * b).sum(1),  # rows of length 1
    }[encoder.embedding_metric_]()
    pairs = np.stack([X[:5], X[5:10]], axis=1)
    np.testing.assert_allclose(encoder.pair_distance(pairs), expected, rtol=1e-4, atol=1e-5)
    if metric == "cosine":
        np.testing.assert_allclose(np.linalg.norm(a, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("pairs", ["all", "random"])
def test_pair_proba_falls_with_the_distance_and_needs_the_bce_head(pairs):
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(loss="bce", pairs=pairs, max_epochs=2, **TINY).fit(X, y)
    list_of_pairs = [(X[0], x) for x in X]
    distance, proba = encoder.pair_distance(list_of_pairs), encoder.pair_proba(list_of_pairs)
    assert proba[0] == proba.max() > 0.5
    assert distance[0] == 0
    assert_array_equal(np.argsort(-proba, kind="stable"), np.argsort(distance, kind="stable"))
    with pytest.raises(AttributeError, match="pair_proba"):
        SiameseSpeakerEncoder(loss="prototypical").pair_proba  # noqa: B018


def test_a_recording_has_the_same_bits_alone_in_an_array_and_in_a_ragged_list(fitted):
    encoder, X, _ = fitted
    together = encoder.transform(X)
    alone = np.concatenate([encoder.transform(x[np.newaxis]) for x in X])
    assert_array_equal(together, alone)
    mixed = encoder.transform([*ragged(X)[1:3], *X])
    assert_array_equal(mixed[2:], together)


def test_two_fits_with_one_seed_have_the_same_bits(fitted):
    encoder, X, y = fitted
    assert_array_equal(clone(encoder).fit(X, y).transform(X), encoder.transform(X))
    other = clone(encoder).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(other.transform(X), encoder.transform(X))


def test_global_generators_are_untouched(fitted):
    encoder, X, y = fitted
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    clone(encoder).fit(X, y).transform(X)
    pickle.loads(pickle.dumps(encoder)).transform(X)
    assert torch.equal(torch_state, torch.get_rng_state())
    assert_array_equal(numpy_state, np.random.get_state()[1])


def test_fitted_state_is_arrays_and_plain_values(fitted):
    encoder, X, _ = fitted
    encoder.transform(X)
    for name, value in vars(encoder).items():
        values = value.values() if isinstance(value, dict) else [value]
        assert not any(type(v).__module__.startswith(("torch", "skorch")) for v in values), name
    assert len(pickle.dumps(encoder)) < 20_000
    assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(X), encoder.transform(X))


def test_skops_needs_to_trust_one_type(fitted):
    skops_io = pytest.importorskip("skops.io")
    encoder, X, _ = fitted
    data = skops_io.dumps(encoder)
    ours = "sklearn_siamese_speaker.SiameseSpeakerEncoder"
    assert skops_io.get_untrusted_types(data=data) == [ours]
    assert_array_equal(skops_io.loads(data, trusted=[ours]).transform(X), encoder.transform(X))


def test_net_is_the_trained_skorch_net_and_a_copy(fitted):
    encoder, X, _ = fitted
    before = encoder.transform(X)
    net = encoder.net_
    with torch.no_grad():
        out = net.module_.eval()(torch.from_numpy(X[:1]))
        assert_array_equal(out.numpy(), before[:1])
        for parameter in net.module_.parameters():
            parameter.zero_()
    assert_array_equal(encoder.transform(X), before)


def test_ragged_input_trains(fitted):
    _, X, y = fitted
    encoder = SiameseSpeakerEncoder(max_epochs=1, **TINY).fit(ragged(X), y)
    assert encoder.transform(ragged(X)).shape == (40, 16)


def test_two_dimensional_input_is_one_frame_each(fitted):
    _, X, y = fitted
    flat = X[:, :, 0]
    encoder = SiameseSpeakerEncoder(max_epochs=1, **TINY).fit(flat, y)
    assert_array_equal(encoder.transform(flat), encoder.transform(flat[:, :, np.newaxis]))


@pytest.mark.parametrize(
    "params",
    [{"network": Pooling, "network__embedding_dim": 16}, {"network": Pooling(6, 16)}],
    ids=["class", "instance"],
)
def test_a_module_of_ones_own_is_the_network(params):
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(max_epochs=1, **params, **TRAINING).fit(X, y)
    assert encoder.transform(X).shape == (40, 16)
    assert list(encoder.get_feature_names_out()[:1]) == ["siamesespeakerencoder0"]


def test_a_network_instance_is_copied_and_its_weights_are_the_start():
    X, y = make_frames()
    network = Pooling(6, 5)
    before = network.linear.weight.detach().clone()
    encoder = SiameseSpeakerEncoder(network, max_epochs=1, lr=1e-12, random_state=0).fit(X, y)
    assert torch.equal(network.linear.weight, before)
    np.testing.assert_allclose(encoder.state_["network.linear.weight"], before, atol=1e-6)


def test_a_callable_is_the_loss():
    X, y = make_frames()

    def spread(embeddings, labels):
        return (embeddings**2).mean() + 0 * labels.sum()

    encoder = SiameseSpeakerEncoder(loss=spread, max_epochs=20, lr=0.1, **TINY).fit(X, y)
    losses = [epoch["train_loss"] for epoch in encoder.history_["epochs"]]
    assert losses[-1] < losses[0]


def test_auto_network_takes_raw_audio_as_one_feature():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 1, 4000)).astype(np.float32), np.repeat([0, 1], 4)
    encoder = SiameseSpeakerEncoder(max_epochs=1, **{**TINY, "network": "auto"}).fit(X, y)
    assert encoder.net_.module_.network.__class__.__name__ == "CNN1d"
    assert encoder.transform(X).shape == (8, 16)


def test_crops_are_half_the_median_recording_by_default():
    X, _y = make_frames(n_frames=31)
    assert _crop_length("auto", X) == 15
    assert _crop_length(7, X) == 7


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([0] * 40, "at least 2 speakers; y holds 1 class"),
        (np.arange(40), "speakers with at least 2 recordings; y holds one recording of each of 40"),
        ([0.5] * 40, "Unknown label type"),
        ([0] * 39, "inconsistent numbers of samples"),
    ],
)
def test_labels_that_cannot_be_learned_from_are_refused(fitted, y, message):
    encoder, X, _ = fitted
    with pytest.raises(ValueError, match=message):
        clone(encoder).fit(X, y)


def test_random_pairs_need_a_loss_on_pairs(fitted):
    encoder, X, y = fitted
    with pytest.raises(ValueError, match="pairs='random' goes with loss='bce'"):
        clone(encoder).set_params(pairs="random", loss="prototypical").fit(X, y)


def test_a_missing_device_is_named(fitted):
    encoder, X, y = fitted
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ValueError, match=r"device='cuda'.*use device='auto'"):
        clone(encoder).set_params(device="cuda").fit(X, y)


@pytest.mark.parametrize(
    ("parameter", "sentence"),
    [
        ("device", "device='nonsense' is not a device of torch; use 'auto', 'cpu' or 'cuda'."),
        ("validation", "The 'validation' parameter of SiameseSpeakerEncoder must be an object"),
    ],
)
def test_a_word_that_means_nothing_is_named(fitted, parameter, sentence):
    encoder, X, y = fitted
    with pytest.raises(ValueError, match=re.escape(sentence)):
        clone(encoder).set_params(**{parameter: "nonsense"}).fit(X, y)


def test_an_unfitted_encoder_says_so(fitted):
    _, X, _ = fitted
    encoder = SiameseSpeakerEncoder()
    with pytest.raises(NotFittedError):
        encoder.transform(X)
    assert not hasattr(encoder, "embedding_metric_")
    assert not hasattr(encoder, "net_")


def test_a_non_finite_loss_stops_at_its_batch_and_keeps_the_last_good_weights():
    X, y = make_frames()
    calls = []

    def fails_in_the_fourth_batch(embeddings, labels):
        calls.append(1)
        loss = (embeddings**2).mean()
        return loss / 0 if len(calls) == 4 else loss

    encoder = SiameseSpeakerEncoder(loss=fails_in_the_fourth_batch, max_epochs=5, **TINY)
    with pytest.raises(
        FloatingPointError, match=r"epoch 2, batch 1, at a learning rate of .*lower"
    ):
        encoder.fit(X, y)
    assert len(calls) == 4
    assert np.isfinite(encoder.transform(X)).all()


def test_ctrl_c_reaches_the_user():
    X, y = make_frames()

    def interrupted(embeddings, labels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SiameseSpeakerEncoder(loss=interrupted, max_epochs=5, **TINY).fit(X, y)


def test_fits_in_threads_equal_fits_one_by_one():
    from joblib import Parallel, delayed

    X, y = make_frames()
    encoders = [SiameseSpeakerEncoder(max_epochs=2, **{**TINY, "random_state": i}) for i in (0, 1)]
    serial = [clone(e).fit(X, y).transform(X) for e in encoders]
    fits = Parallel(2, backend="threading")(delayed(clone(e).fit)(X, y) for e in encoders)
    for one, other in zip(serial, fits, strict=True):
        assert_array_equal(one, other.transform(X))


def test_a_batch_that_holds_one_speaker_only_is_refused():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(**TINY).set_params(batch_size=4)
    with pytest.raises(ValueError, match="batch_size=4 would hold one speaker only"):
        encoder.fit(X, y)


def test_a_fit_that_fails_leaves_the_encoder_as_it_was():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(max_epochs=1, **TINY).fit(X, y)
    expected = encoder.transform(X)
    with pytest.raises(ValueError, match="at least 2 speakers"):
        encoder.fit(X[:, :3], np.zeros(len(y), dtype=int))
    assert_array_equal(encoder.transform(X), expected)


def test_frames_read_backwards_are_frames_like_others():
    X, y = make_frames()
    backwards = X[:, :, ::-1]
    copied = SiameseSpeakerEncoder(max_epochs=1, **TINY).fit(backwards.copy(), y)
    viewed = SiameseSpeakerEncoder(max_epochs=1, **TINY).fit(backwards, y)
    assert_array_equal(viewed.transform(X), copied.transform(X))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("params", [{**TINY, "network": "tdnn"}, {"random_state": 0}])
def test_an_embedding_that_is_not_finite_is_refused_with_its_recording(fitted, params, metric):
    _, X, y = fitted
    encoder = SiameseSpeakerEncoder(**params, metric=metric, max_epochs=1).fit(X, y)
    loud = X.copy()
    loud[3] *= 1e25
    sentence = r"The embedding of X\[3\] is not finite: its frames hold values of up to .*e\+25"
    with pytest.raises(ValueError, match=sentence):
        encoder.transform(loud)


@pytest.mark.parametrize(
    ("X", "sentence"),
    [
        (["a.wav", "b.wav"], r"takes frames, but X\[0\] is the path 'a.wav'; put a front end"),
        (
            [Path("a.wav")],
            r"takes frames, but X\[0\] is the path .*, as in make_pipeline\(MFCC\(\)",
        ),
        (np.array(["a.wav", "b.wav"]), r"takes frames, but X\[0\] is the path 'a.wav'"),
        ([np.zeros(400), np.zeros(500)], "holds one-dimensional arrays of different lengths, as"),
        (np.zeros((6, 0, 30)), "with at least one feature and one frame"),
        ([np.zeros((0, 30)), np.zeros((0, 20))], "at least one feature and one frame"),
    ],
    ids=["paths", "Path", "array", "waveforms", "no features", "none in a list"],
)
@pytest.mark.parametrize("network", ["cnn2d", "tdnn"])
def test_what_is_no_frames_is_named(network, X, sentence):
    with pytest.raises(ValueError, match=sentence):
        SiameseSpeakerEncoder(network, max_epochs=1).fit(X, np.arange(len(X)) // 2)


def test_waveforms_in_the_place_of_frames_are_pointed_out():
    X, y = np.random.default_rng(0).normal(size=(12, 16000)), np.repeat([0, 1, 2], 4)
    sentence = (
        r"takes X of shape \(12, 16000\) for one frame of 16000 features of each recording, which "
        r"is too many. If these are waveforms, put a front end before it, as in make_pipeline"
    )
    with pytest.raises(ValueError, match=sentence):
        SiameseSpeakerEncoder().fit(X, y)


def test_frames_of_too_many_features_for_their_covariance_are_refused():
    X, y = np.random.default_rng(0).normal(size=(12, 129, 3)), np.repeat([0, 1, 2], 4)
    sentence = "StatisticsNetwork pools the covariance of at most 128 features of a frame, got 129"
    with pytest.raises(ValueError, match=sentence):
        SiameseSpeakerEncoder(network="statistics").fit(X, y)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((5, 3, 6, 30), r"have the shape \(n_pairs, 2, .*, got \(5, 3, 6, 30\)"),
        ((5, 1, 6, 30), r"got \(5, 1, 6, 30\)"),
        ((6, 30), r"got \(6, 30\)"),
    ],
)
def test_an_array_that_holds_no_pairs_is_refused(fitted, shape, sentence):
    with pytest.raises(ValueError, match=sentence):
        fitted[0].pair_distance(np.zeros(shape))


@pytest.mark.parametrize("n", [1, 3])
def test_a_list_that_holds_no_pairs_is_refused(fitted, n):
    encoder, X, _ = fitted
    with pytest.raises(ValueError, match=rf"holds two recordings, but X\[1\] holds {n}"):
        encoder.pair_distance([[X[0], X[1]], list(X[:n])])


def test_a_warm_start_with_another_network_says_what_to_do():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(max_epochs=1, warm_start=True, **TINY).fit(X, y)
    with pytest.raises(ValueError, match="warm_start=True goes on from the weights of the fit"):
        encoder.set_params(network__embedding_dim=5).fit(X, y)


INTERRUPTED = """
import signal, sys
import numpy as np

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored

class PressCtrlC:
    done = False
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1] and not PressCtrlC.done:
            PressCtrlC.done = True
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, PressCtrlC())
from sklearn_siamese_speaker import SiameseSpeakerEncoder
X, y = np.random.default_rng(0).normal(size=(12, 4, 10)), np.repeat([0, 1, 2], 4)
encoder = SiameseSpeakerEncoder("lstm", network__embedding_dim=2, max_epochs=1)
try:
    encoder.fit(X, y)
    print("nobody pressed it")
except KeyboardInterrupt:
    print(encoder.fit(X, y).transform(X).shape)
"""


@pytest.mark.parametrize("module", ["torch.nn", "torch._inductor"])
def test_ctrl_c_while_torch_is_imported_leaves_later_fits_whole(module):
    command = [sys.executable, "-c", INTERRUPTED, module]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "(12, 2)\n", done.stderr


def test_a_warm_start_takes_what_another_loss_has_in_common():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(max_epochs=1, warm_start=True, **TINY).fit(X, y)
    assert encoder.set_params(loss="bce").fit(X, y).pair_proba(X[:2][np.newaxis]).shape == (1,)


def test_sizes_may_be_integers_of_numpy():
    X, y = make_frames()
    SiameseSpeakerEncoder(max_epochs=1, network__kernel_size=np.int64(3), **TINY).fit(X, y)


class Count(Callback):
    def __init__(self):
        self.n_batches = 0

    def on_batch_end(self, net, **kwargs):
        self.n_batches += 1


def test_callbacks_of_the_net_run_beside_ours():
    X, y = make_frames()
    count = Count()
    encoder = SiameseSpeakerEncoder(max_epochs=2, net__callbacks=[count], **TINY)
    plain = SiameseSpeakerEncoder(max_epochs=2, **TINY).fit(X, y)
    assert_array_equal(encoder.fit(X, y).transform(X), plain.transform(X))
    assert count.n_batches == 2 * 3


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # by torch's compiler
def test_a_compiled_net_trains_the_same_weights():
    X, y = make_frames()
    plain = SiameseSpeakerEncoder(max_epochs=1, **TINY)
    compiled = clone(plain).set_params(net__compile=True, net__compile__backend="eager")
    plain, compiled = plain.fit(X, y), compiled.fit(X, y)
    assert compiled.state_.keys() == plain.state_.keys()
    np.testing.assert_allclose(compiled.transform(X), plain.transform(X), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["lr", "module", "iterator_train__sampler", "train_split"])
def test_arguments_of_the_net_that_the_encoder_sets_itself_are_refused(name):
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(**{f"net__{name}": None}, **TINY)
    sentence = f"SiameseSpeakerEncoder sets net__{name} itself, from the data and its other"
    with pytest.raises(ValueError, match=sentence):
        encoder.fit(X, y)
