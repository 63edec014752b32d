"""Arguments of parts as parameters of the encoder: each acts, or raises."""

import pickle
import re
from functools import partial
from itertools import permutations

import conftest
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sklearn_siamese_speaker import MFCC, FramePooling, SiameseSpeakerEncoder, nn
from sklearn_siamese_speaker.datasets import make_speakers
from sklearn_siamese_speaker.encoders.training._parts import OPTIMIZERS, SCHEDULES, build_modules
from sklearn_siamese_speaker.features._frame_pooling import STATISTICS
from sklearn_siamese_speaker.model_selection import NShotKWayScorer, SpeakerKFold

TINY = {"network__embedding_dim": 8, "batch_size": 8, "max_epochs": 1, "random_state": 0}

# Another value for every argument of a network, a loss and a sampler that is shipped.
OTHER_VALUES = {
    "embedding_dim": 9,
    "filters": (5, 6),
    "kernel_size": 5,
    "stride": 2,
    "pool_size": 4,
    "dropout": 0.5,
    "n_units": 7,
    "n_layers": 3,
    "attentive": True,
    "margin": 0.7,
    "scale": 11.0,
    "mining": "hard",
    "recordings_per_speaker": 3,
    "statistics": ("mean",),
    "n_mixtures": 3,
    "relevance": 3.0,
    "shrinkage": 0.5,
}
PLAIN = (int, float, str, tuple)
CHOICES = [
    *(("network", name) for name in nn.NETWORKS),
    *(("metric", name) for name in nn.SPACES),
    *(("loss", name) for name in nn.LOSSES),
    *(("pairs", name) for name in nn.SAMPLERS),
    *(("optimizer", name) for name in OPTIMIZERS),
    *(("schedule", name) for name in SCHEDULES),
]


make_frames = partial(conftest.make_frames, n_speakers=6, n_features=6)


def chosen(part, name):
    """Return an encoder with that part, and with what goes with it."""
    return SiameseSpeakerEncoder(**{part: name}, **{"metric": "cosine"} if name == "aam" else {})


def arguments(part, name):
    """Return what can be set of a part, with the defaults, as get_params lists it."""
    params = chosen(part, name).get_params(deep=True)
    return {p: value for p, value in params.items() if p.startswith(f"{part}__")}


def describe(built):
    """Return what decides how a module or a sampler works, in a form that can be compared."""
    modules = built.modules() if isinstance(built, torch.nn.Module) else [built]
    settings = [{k: v for k, v in vars(m).items() if isinstance(v, PLAIN)} for m in modules]
    shapes = [p.shape for p in built.parameters()] if isinstance(built, torch.nn.Module) else []
    return settings, shapes


def build(encoder, part):
    torch.manual_seed(0)
    parts = encoder._checked_parts()
    if part == "pairs":
        return parts["pairs"].build(labels=[0, 0, 1, 1], batch_size=4, generator=None)
    siamese, loss = build_modules(parts, n_features=6, n_classes=3)
    return {"network": siamese.network, "metric": siamese.space, "loss": loss}[part]


ARGUMENTS = [
    pytest.param(part, name, argument, id=f"{name}-{argument}")
    for part, name in CHOICES
    if part in ("network", "metric", "loss", "pairs")
    for argument in arguments(part, name)
]


@pytest.mark.parametrize(("part", "name", "argument"), ARGUMENTS)
def test_every_argument_of_a_part_changes_what_is_built(part, name, argument):
    encoder = chosen(part, name)
    before = describe(build(encoder, part))
    assert describe(build(clone(encoder), part)) == before
    value = OTHER_VALUES[argument.removeprefix(f"{part}__")]
    encoder.set_params(**{argument: value})
    assert encoder.get_params()[argument] == value
    assert describe(build(encoder, part)) != before


@pytest.mark.parametrize(
    "params",
    [
        *({"statistics": (name,)} for name in STATISTICS if name != "std"),
        {"statistics": "flatten"},
        {"standardize": False},
        {"statistics": ("mixture",), "n_mixtures": 3},
        {"statistics": ("mixture",), "relevance": 1.0},
        {"statistics": ("mixture",), "random_state": 1},
    ],
    ids=str,
)
def test_every_argument_and_statistic_of_frame_pooling_changes_what_is_pooled(params):
    frames, _ = make_frames()
    start = params.get("statistics", ("std",)) if len(params) > 1 else ("std",)
    one = FramePooling(start, n_mixtures=2, random_state=0).fit(frames)
    other = clone(one).set_params(**params).fit(frames)
    assert other.get_params() != one.get_params()
    assert not np.array_equal(other.transform(frames), one.transform(frames))


class MeanNetwork(torch.nn.Module):
    """The network that CONTRIBUTING adds as an example."""

    def __init__(self, n_features, *, embedding_dim=1024):
        super().__init__()
        self.embedding = torch.nn.Linear(n_features, embedding_dim)

    def forward(self, frames):
        return self.embedding(frames.mean(2))


def test_a_registered_network_is_trained_set_and_searched_by_its_name(monkeypatch):
    monkeypatch.setitem(nn.NETWORKS, "mean", MeanNetwork)
    encoder = SiameseSpeakerEncoder("mean", network__embedding_dim=4, max_epochs=1)
    assert encoder.fit(*make_frames()).transform(make_frames()[0]).shape == (24, 4)
    assert encoder.set_params(network__embedding_dim=5).get_params()["network__embedding_dim"] == 5
    with pytest.raises(ValueError, match="network='mean' has no argument 'width'; its arguments"):
        encoder.set_params(network__width=5)


@pytest.mark.parametrize(("part", "name"), CHOICES)
def test_an_unknown_argument_raises_and_lists_the_known_ones(part, name):
    encoder = chosen(part, name)
    known = ", ".join(a.removeprefix(f"{part}__") for a in arguments(part, name)) or "none"
    sentence = (
        f"SiameseSpeakerEncoder: {part}={name!r} has no argument 'color'; its arguments are: "
        f"{known}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        encoder.set_params(**{f"{part}__color": 1})
    late = SiameseSpeakerEncoder(**encoder.get_params(deep=False), **{f"{part}__color": 1})
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        late.fit(*make_frames())


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"network__n_features": 3}, "sets network__n_features itself, from the data"),
        ({"optimizer__lr": 3}, "sets optimizer__lr itself, from the data and its other parameters"),
        (
            {"net__color": 3},
            "net has no argument 'color'; its arguments are: callbacks, compile.",
        ),
        ({"network": "tdnn", "network__stride": 3}, "network='tdnn' has no argument 'stride'"),
        ({"network": nn.TDNN(6), "network__filters": (3,)}, "an instance of TDNN is built already"),
        ({"loss": torch.nn.CrossEntropyLoss(), "loss__weight": 3}, "is built already, so loss__we"),
    ],
    ids=str,
)
def test_an_argument_that_cannot_act_raises_in_set_params_and_in_fit(params, sentence):
    with pytest.raises(ValueError, match=sentence):
        SiameseSpeakerEncoder().set_params(**params)
    with pytest.raises(ValueError, match=sentence):
        SiameseSpeakerEncoder(**params).fit(*make_frames())


def test_arguments_that_a_changed_part_does_not_take_raise_in_fit():
    encoder = SiameseSpeakerEncoder("cnn2d", network__filters=(4, 4)).set_params(network="lstm")
    with pytest.raises(ValueError, match="network='lstm' has no argument 'filters'"):
        encoder.fit(*make_frames())


@pytest.mark.parametrize("part", ["network", "metric", "loss", "pairs", "optimizer", "schedule"])
def test_an_unknown_name_of_a_part_raises_and_lists_the_known_ones(part):
    sentence = f"SiameseSpeakerEncoder: {part}='color' is unknown; it is '.*', or a class."
    with pytest.raises(ValueError, match=sentence):
        SiameseSpeakerEncoder(**{part: "color"}, **{f"{part}__x": 1}).fit(*make_frames())


def test_an_unknown_plain_parameter_is_a_type_error_as_pythons():
    message = r"SiameseSpeakerEncoder.__init__\(\) got an unexpected keyword argument 'filters'"
    with pytest.raises(TypeError, match=message):
        SiameseSpeakerEncoder(filters=(4, 4))
    with pytest.raises(ValueError, match="Invalid parameter 'filters' for estimator"):
        SiameseSpeakerEncoder().set_params(filters=(4, 4))


def test_set_params_that_raises_changes_nothing():
    encoder = SiameseSpeakerEncoder("lstm", network__n_units=8)
    before = encoder.get_params(deep=False)
    with pytest.raises(ValueError, match="has no argument 'color'"):
        encoder.set_params(lr=0.5, network="tdnn", network__color=1)
    assert encoder.get_params(deep=False) == before


def test_a_part_and_its_arguments_are_set_together_in_any_order():
    params = {"network": "lstm", "network__n_units": 8, "network__n_layers": 1}
    for order in permutations(params):
        encoder = SiameseSpeakerEncoder("tdnn").set_params(**{name: params[name] for name in order})
        assert build(encoder, "network").lstm.hidden_size == 8


def test_get_params_lists_the_arguments_of_the_chosen_parts_given_or_not():
    encoder = SiameseSpeakerEncoder("lstm", network__n_units=8, loss="aam", metric="cosine")
    deep = encoder.get_params(deep=True)
    assert (deep["network__n_units"], deep["network__n_layers"]) == (8, 2)
    assert (deep["loss__margin"], deep["pairs__recordings_per_speaker"]) == (0.2, 4)
    assert "network__filters" not in deep
    shallow = encoder.get_params(deep=False)
    assert [name for name in shallow if "__" in name] == ["network__n_units"]
    assert len(shallow) == 21


def test_what_was_given_is_kept_as_it_was_by_clone_pickle_and_repr():
    filters = [4, 4]
    encoder = SiameseSpeakerEncoder(network="cnn2d", network__filters=filters, **TINY)
    assert encoder.get_params(deep=False)["network__filters"] is filters
    assert clone(encoder).get_params(deep=False) == encoder.get_params(deep=False)
    assert pickle.loads(pickle.dumps(encoder)).get_params() == encoder.get_params()
    assert "network__filters=[4, 4]" in repr(encoder)
    assert repr(SiameseSpeakerEncoder()) == "SiameseSpeakerEncoder()"


@pytest.mark.parametrize(
    "params",
    [
        {"network": "tdnn", "network__attentive": True},
        {"loss": "aam", "metric": "cosine", "loss__margin": 0.3},
        {"loss": "triplet", "loss__mining": "hard"},
        {"pairs__recordings_per_speaker": 2},
        {"metric": "weighted_manhattan"},
        {"pairs": "random", "loss": "bce"},
        {"optimizer": "sgd", "optimizer__momentum": 0.5},
    ],
    ids=str,
)
def test_a_class_is_the_same_as_its_name(params):
    X, y = make_frames()
    registries = {
        "network": nn.NETWORKS,
        "loss": nn.LOSSES,
        "metric": nn.SPACES,
        "pairs": nn.SAMPLERS,
        "optimizer": OPTIMIZERS,
    }
    classes = {name: registries[name][value] for name, value in params.items() if "__" not in name}
    tiny = {"network": "cnn2d", "network__filters": (4, 4), **TINY}
    by_name = SiameseSpeakerEncoder(**{**tiny, **params}).fit(X, y)
    by_class = SiameseSpeakerEncoder(**{**tiny, **params, **classes}).fit(X, y)
    assert_array_equal(by_class.transform(X), by_name.transform(X))
    assert by_class.embedding_metric_ == by_name.embedding_metric_
    plain = SiameseSpeakerEncoder(**tiny).fit(X, y)
    assert not np.array_equal(plain.transform(X), by_name.transform(X))


class Scaled(torch.nn.Module):
    """A user's loss, which needs its arguments and one of those that the training fills in."""

    def __init__(self, power, *, n_classes, factor=1.0):
        super().__init__()
        self.power = power
        self.factor = factor * n_classes

    def forward(self, embeddings, labels):
        return self.factor * (embeddings**self.power).mean()


class MoreScaled(Scaled):
    def __init__(self, shift, **kwargs):
        super().__init__(power=2, **kwargs)
        self.shift = shift


def test_a_class_of_the_user_has_its_arguments_as_parameters():
    encoder = SiameseSpeakerEncoder(loss=Scaled, network="cnn2d", network__filters=(4, 4), **TINY)
    assert encoder.get_params()["loss__factor"] == 1.0
    with pytest.raises(ValueError, match="loss=Scaled needs a value for loss__power"):
        encoder.fit(*make_frames())
    encoder.set_params(loss__power=2, loss__factor=0.5).fit(*make_frames())
    assert encoder.net_.criterion_.function.factor == 3.0  # of 6 speakers


def test_arguments_that_a_class_hands_to_its_base_are_known():
    encoder = SiameseSpeakerEncoder(
        loss=MoreScaled, network="cnn2d", network__filters=(4, 4), **TINY
    )
    with pytest.raises(ValueError, match="arguments are: shift, power, factor"):
        encoder.set_params(loss__color=1)
    encoder.set_params(loss__shift=1, loss__factor=0.5).fit(*make_frames())
    assert encoder.net_.criterion_.function.factor == 3.0


def test_a_factory_that_takes_any_name_is_trusted():
    def factory(n_features, **arguments):
        return nn.TDNN(n_features, **arguments)

    encoder = SiameseSpeakerEncoder(factory, network__filters=(4, 4), **TINY)
    assert encoder.fit(*make_frames()).transform(make_frames()[0]).shape == (24, 8)


def test_numbers_of_numpy_are_arguments_like_others():
    encoder = SiameseSpeakerEncoder(
        "cnn2d", network__embedding_dim=np.int64(5), max_epochs=np.int64(1)
    )
    encoder.set_params(network__filters=np.array([4, 4]), schedule="one_cycle")
    assert encoder.fit(*make_frames()).transform(make_frames()[0]).shape == (24, 5)


def test_an_argument_that_does_not_allow_none_refuses_it():
    with pytest.raises(TypeError, match="CNN2d needs stride to be a whole number"):
        SiameseSpeakerEncoder("cnn2d", network__stride=None).fit(*make_frames())


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        (
            {"network": "cnn2d", "network__filters": ()},
            "CNN2d needs filters to be a tuple of at least one whole",
        ),
        ({"loss": "triplet", "loss__mining": "x"}, "Triplet needs mining to be 'semihard' or"),
        ({"pairs__recordings_per_speaker": 0}, "SpeakerBatchSampler needs recordings_per_speaker"),
    ],
)
def test_values_that_a_part_cannot_have_are_sentences(params, sentence):
    with pytest.raises(ValueError, match=sentence):
        SiameseSpeakerEncoder(**params).fit(*make_frames())


def test_parameters_changed_after_the_fit_do_not_change_what_was_learned():
    X, y = make_frames()
    encoder = SiameseSpeakerEncoder(
        network="cnn2d", network__filters=(4, 4), metric="manhattan", **TINY
    ).fit(X, y)
    embeddings = encoder.transform(X)
    encoder.set_params(network="lstm", metric="cosine")
    again = pickle.loads(pickle.dumps(encoder))
    assert again.embedding_metric_ == "manhattan"
    assert_array_equal(again.transform(X), embeddings)


def test_a_grid_over_units_gives_networks_of_different_sizes():
    X, y = make_speakers(n_speakers=6, n_recordings=3, duration=0.5, random_state=0)
    pipeline = Pipeline(
        [("mfcc", MFCC(n_mfcc=6, n_mels=16)), ("encoder", SiameseSpeakerEncoder("lstm", **TINY))]
    )
    pipeline.set_params(encoder__network__n_layers=1)
    sizes = []

    def count_parameters(estimator, X, y):
        sizes.append(sum(a.size for a in estimator["encoder"].state_.values()))
        return sizes[-1]

    grid = {"encoder__network__n_units": [3, 5]}
    GridSearchCV(pipeline, grid, scoring=count_parameters, cv=SpeakerKFold(2), refit=False).fit(
        X, y
    )
    mean_and_scale, bias = 2 * 6, 8
    expected = [4 * u * (6 + u) + 8 * u + 8 * u + bias + mean_and_scale for u in (3, 3, 5, 5)]
    assert sizes == expected


def test_a_grid_searches_networks_each_with_arguments_of_its_own():
    X, y = make_speakers(n_speakers=6, n_recordings=3, duration=0.5, random_state=0)
    pipeline = Pipeline(
        [("mfcc", MFCC(n_mfcc=6, n_mels=16)), ("encoder", SiameseSpeakerEncoder(**TINY))]
    )
    search = GridSearchCV(
        pipeline,
        [
            {"encoder__network__n_units": [4], "encoder__network": ["lstm"]},
            {"encoder__network": ["tdnn"], "encoder__network__filters": [(4, 4)]},
        ],
        scoring=NShotKWayScorer(n_shots=1, k_way=2, n_tasks=20),
        cv=SpeakerKFold(2),
        error_score="raise",
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
