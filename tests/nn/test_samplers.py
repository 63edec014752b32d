from collections import Counter

import numpy as np
import pytest
import torch

from sklearn_siamese_speaker.nn import RandomPairSampler, SpeakerBatchSampler

# Recordings of each speaker: ordinary, rare and lone speakers, few and many.
COUNTS = [
    [20] * 10,
    [4] * 33,
    [1, 2, 3, 4, 5, 50],
    [1] * 40 + [2],
    [100, 1, 1],
    [2, 2],
    [7, 5],
    [2] * 100,
    [3] * 60,
]


def make_labels(counts, seed=0):
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(labels)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize(("batch_size", "per_speaker"), [(64, 4), (10, 3), (4, 4), (2, 2), (7, 9)])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_epoch_of_speaker_batches_is_ceil_n_over_size_batches_with_every_speaker(
    counts, batch_size, per_speaker, seed
):
    labels = make_labels(counts, seed)
    sampler = SpeakerBatchSampler(labels, batch_size, per_speaker, generator=seeded(seed))
    batches = list(sampler)
    assert len(batches) == len(sampler) == -(-len(labels) // batch_size)
    assert {labels[i] for batch in batches for i in batch} == set(range(len(counts)))


@pytest.mark.parametrize("counts", COUNTS)
def test_a_speaker_batch_is_full_and_holds_no_recording_twice(counts):
    labels = make_labels(counts)
    for batch in SpeakerBatchSampler(labels, 16, 4, generator=seeded()):
        assert len(batch) == len(set(batch)) == min(16, len(labels))


@pytest.mark.parametrize("counts", [[20] * 30, [4] * 33, [9, 4, 7] * 10])
def test_a_speaker_batch_holds_k_recordings_each_of_p_speakers(counts):
    labels = make_labels(counts)
    for batch in SpeakerBatchSampler(labels, 64, 4, generator=seeded()):
        assert list(Counter(labels[batch]).values()) == [4] * 16


def test_few_speakers_give_more_recordings_each():
    labels = make_labels([30, 30])
    for batch in SpeakerBatchSampler(labels, 16, 4, generator=seeded()):
        assert Counter(labels[batch]) == {0: 8, 1: 8}


def test_speakers_with_few_recordings_give_what_they_have():
    labels = make_labels([2] * 40)
    for batch in SpeakerBatchSampler(labels, 16, 4, generator=seeded()):
        assert list(Counter(labels[batch]).values()) == [2] * 8


def test_speaker_batches_go_through_all_recordings_of_equal_speakers_in_an_epoch():
    labels = make_labels([8] * 8)
    batches = list(SpeakerBatchSampler(labels, 16, 4, generator=seeded()))
    assert sorted(i for batch in batches for i in batch) == list(range(64))


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("batch_size", [64, 10, 3, 2])
def test_an_epoch_of_pairs_is_ceil_n_over_size_batches_with_every_speaker(counts, batch_size):
    labels = make_labels(counts)
    sampler = RandomPairSampler(labels, batch_size, generator=seeded())
    batches = list(sampler)
    assert len(batches) == len(sampler) == -(-len(labels) // batch_size)
    assert {labels[i] for batch in batches for i in batch} == set(range(len(counts)))


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("batch_size", [64, 10, 3])
def test_half_of_the_pairs_are_of_one_speaker_and_never_a_recording_with_itself(counts, batch_size):
    labels = make_labels(counts)
    for batch in RandomPairSampler(labels, batch_size, generator=seeded()):
        first, second = np.array(batch[:batch_size]), np.array(batch[batch_size:])
        assert len(first) == len(second) == batch_size
        assert (labels[first] == labels[second]).sum() == batch_size // 2
        assert (first != second).all()


@pytest.mark.parametrize("sampler", [SpeakerBatchSampler, RandomPairSampler])
def test_an_epoch_depends_on_the_state_of_the_generator_alone(sampler):
    labels = make_labels([9, 4, 1, 6])
    generator = seeded(3)
    sampler_of_three = sampler(labels, 8, generator=generator)
    state = generator.get_state()
    first, second = list(sampler_of_three), list(sampler_of_three)
    assert first != second
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002 - the global generator must not matter
    generator.set_state(state)
    assert list(sampler_of_three) == first
    assert list(sampler(labels, 8, generator=seeded(3))) == first


@pytest.mark.parametrize("sampler", [SpeakerBatchSampler, RandomPairSampler])
def test_the_global_generator_is_not_touched(sampler):
    state = torch.get_rng_state()
    list(sampler(make_labels([9, 4, 1, 6]), 8, generator=seeded()))
    assert torch.equal(torch.get_rng_state(), state)


def test_pairs_of_one_speaker_only_are_refused():
    with pytest.raises(ValueError, match="Pairs need at least 2 speakers, got 1"):
        RandomPairSampler([0, 0, 0], generator=seeded())


def test_pairs_of_lone_speakers_only_are_refused():
    message = "a speaker with at least 2 recordings, got 3 speakers with one each"
    with pytest.raises(ValueError, match=message):
        RandomPairSampler([0, 1, 2], generator=seeded())
