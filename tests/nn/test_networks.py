from itertools import product

import pytest
import torch

from sklearn_siamese_speaker.nn import (
    LSTM,
    NETWORKS,
    TDNN,
    CNN1d,
    CNN2d,
    StatisticsNetwork,
    StatisticsPooling,
)

SMALL = {"filters": (4, 6, 8), "embedding_dim": 5, "n_units": 7}


def small_network(name, n_features, **arguments):
    torch.manual_seed(0)
    known = NETWORKS[name].__init__.__kwdefaults__
    small = {argument: size for argument, size in SMALL.items() if argument in known}
    return NETWORKS[name](n_features, **small, **arguments)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("n_features", [1, 2, 40])
@pytest.mark.parametrize("n_frames", [1, 2, 3, 7, 100])
def test_a_network_takes_any_number_of_features_and_frames(name, n_features, n_frames):
    network = small_network(name, n_features)
    frames = torch.randn(3, n_features, n_frames)
    assert network(frames).shape == (3, 5)
    embeddings = network.eval()(frames)
    assert embeddings.dtype == torch.float32
    assert torch.isfinite(embeddings).all()
    torch.testing.assert_close(network(frames[:1]), embeddings[:1])


@pytest.mark.parametrize(
    ("name", "kernel_size", "stride", "pool_size"),
    [
        *product(["cnn1d", "cnn_lstm"], [1, 2, 5], [1, 4], [1, 5]),
        *product(["cnn2d"], [1, 2, 5, (3, 5)], [1, 4, (3, 2)], [1, 5, (1, 3)]),
    ],
)
def test_convolutions_larger_than_the_input_work(name, kernel_size, stride, pool_size):
    network = small_network(
        name, 2, kernel_size=kernel_size, stride=stride, pool_size=pool_size
    ).eval()
    for n_frames in (1, 4, 30):
        assert network(torch.randn(1, 2, n_frames)).shape == (1, 5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_of_a_network_learns(name):
    network = small_network(name, 6)
    torch.square(network(torch.randn(8, 6, 50))).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_seed_gives_the_same_weights(name):
    first, second = (small_network(name, 6).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_case_study_network_has_the_parameters_counted_by_hand():
    convolutions = 9 * (1 * 128 + 128 * 256 + 256 * 384)
    normalization = 2 * (128 + 256 + 384)
    embedding = 384 * 1024 + 1024
    network = CNN2d(40)
    assert sum(p.numel() for p in network.parameters()) == 1_576_576
    assert convolutions + normalization + embedding == 1_576_576


def test_the_tdnn_has_the_parameters_counted_by_hand():
    layers = 5 * 40 * 128 + 3 * 128 * 128 + 3 * 128 * 256 + 256 * 384
    normalization = 2 * (128 + 128 + 256 + 384)
    embedding = 2 * 768 + 768 * 1024 + 1024
    network = TDNN(40)
    assert sum(p.numel() for p in network.parameters()) == layers + normalization + embedding
    assert layers + normalization == 273_152


def test_the_tdnn_sees_fifteen_frames():
    network = small_network("tdnn", 2).eval()
    frames = torch.randn(1, 2, 61, requires_grad=True)
    network.blocks(frames)[0, :, 30].sum().backward()
    seen = frames.grad.abs().sum((0, 1)).nonzero().flatten().tolist()
    # 2 frames to each side, then every second frame's neighbors at 2 and at 3.
    assert (min(seen), max(seen)) == (30 - 7, 30 + 7)


@pytest.mark.parametrize("sizes", [{}, {"stride": 3, "pool_size": 1}])
@pytest.mark.parametrize("name", ["cnn1d", "cnn_lstm"])
def test_raw_audio_of_three_seconds_is_brought_below_400_frames(name, sizes):
    network = small_network(name, 1, **sizes)
    assert network.blocks(torch.randn(1, 1, 48000).expand(2, -1, -1)).shape[2] < 400


def test_the_block_of_the_case_study_is_relu_before_dropout_and_pooling():
    network = small_network("cnn2d", 9, pool_size=2)
    convolution, normalization, dropout, pooling, relu = network.blocks[0]
    images = torch.randn(4, 1, 27, 30)
    torch.manual_seed(1)
    in_slide_order = network.blocks[0](images)
    torch.manual_seed(1)
    usual = pooling(dropout(relu(normalization(convolution(images)))))
    torch.testing.assert_close(in_slide_order, usual)


@pytest.mark.parametrize(
    ("network", "arguments", "sentence"),
    [
        (CNN2d, {"filters": ()}, "CNN2d needs filters to be a tuple of at least one whole number"),
        (CNN2d, {"filters": 8}, "CNN2d needs filters to be a tuple of at least one whole number"),
        (TDNN, {"filters": (8, 0)}, r"TDNN needs filters\[1\] to be a whole number of at least 1"),
        (CNN2d, {"stride": 0}, "CNN2d needs stride to be a whole number of at least 1, got 0."),
        (CNN2d, {"kernel_size": (3, 3, 3)}, "CNN2d needs kernel_size to be an int or a pair"),
        (CNN1d, {"kernel_size": (3, 3)}, r"CNN1d needs kernel_size to be .*, got \(3, 3\)."),
        (LSTM, {"n_units": 0}, "LSTM needs n_units to be a whole number of at least 1, got 0."),
        (LSTM, {"n_layers": 1.5}, "LSTM needs n_layers to be a whole number .*, got 1.5."),
        (LSTM, {"dropout": 1.0}, r"LSTM needs dropout to be a number in \[0, 1\), got 1.0."),
        (StatisticsNetwork, {"shrinkage": 0}, r"shrinkage to be a number in \(0, 1\], got 0."),
        (StatisticsNetwork, {"shrinkage": 1.1}, r"shrinkage to be a number in \(0, 1\], got 1.1."),
        (StatisticsNetwork, {"n_mixtures": 0}, "n_mixtures to be a whole number of at least 1"),
        (StatisticsNetwork, {"relevance": float("nan")}, "relevance to be a number in .*got nan"),
        (LSTM, {"dropout": None}, r"LSTM needs dropout to be a number in \[0, 1\), got None."),
    ],
)
def test_a_network_that_cannot_be_is_refused(network, arguments, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        network(6, **arguments)


def test_attentive_statistics_weigh_the_frames_of_a_recording_by_a_softmax():
    torch.manual_seed(0)
    pooling = StatisticsPooling(3, attentive=True)
    channels = torch.randn(2, 3, 6)
    statistics = pooling(channels)
    for recording, pooled in zip(channels, statistics, strict=True):
        scores = [pooling.score(frame[None, :, None]).item() for frame in recording.T]
        weights = torch.tensor(scores).exp() / torch.tensor(scores).exp().sum()
        mean = sum(w * frame for w, frame in zip(weights, recording.T, strict=True))
        square = sum(w * frame**2 for w, frame in zip(weights, recording.T, strict=True))
        expected = torch.cat([mean, (square - mean**2 + 1e-5).sqrt()])
        torch.testing.assert_close(pooled, expected, atol=1e-4, rtol=1e-4)


def test_plain_statistics_are_mean_and_standard_deviation():
    channels = torch.randn(2, 3, 50)
    expected = torch.cat([channels.mean(2), channels.std(2, correction=0)], dim=1)
    torch.testing.assert_close(StatisticsPooling(3)(channels), expected, atol=1e-4, rtol=1e-4)


def test_attention_is_a_hyperparameter_of_the_tdnn():
    plain, attentive = (small_network("tdnn", 6, attentive=a) for a in (False, True))
    extra = 8 * 64 + 64 + 64
    count = [sum(p.numel() for p in network.parameters()) for network in (plain, attentive)]
    assert count[1] - count[0] == extra
    assert attentive(torch.randn(2, 6, 20)).shape == (2, 5)
