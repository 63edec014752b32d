"""What a part says about itself is read by name; a part that says nothing has the defaults."""

import pytest
import torch

from sklearn_siamese_speaker import nn
from sklearn_siamese_speaker.nn.protocols import (
    AugmentationTraits,
    ClosedForm,
    LossTraits,
    NetworkTraits,
    SamplerTraits,
)

ALL = [NetworkTraits, LossTraits, SamplerTraits, AugmentationTraits]


class Plain(torch.nn.Module):
    """A network of a user, derived from nothing of this library."""


@pytest.mark.parametrize("traits", ALL, ids=lambda one: one.__name__)
@pytest.mark.parametrize("part", [Plain, Plain(), torch.relu, None], ids=repr)
def test_a_part_that_says_nothing_has_the_defaults(traits, part):
    assert traits.of(part) == traits()


def test_one_word_of_a_part_leaves_the_others_at_their_defaults():
    class Mine(Plain):
        pass

    Mine.recipe = {"lr": 1e-3}
    assert NetworkTraits.of(Mine) == NetworkTraits.of(Mine()) == NetworkTraits(recipe={"lr": 1e-3})


def test_a_network_with_a_discriminant_has_all_of_a_closed_form():
    asked = {*ClosedForm.__annotations__, "set_discriminant"}
    for network in nn.NETWORKS.values():
        begins_there = NetworkTraits.of(network).set_discriminant is not None
        built = network(20)
        assert {name for name in asked if hasattr(built, name)} == (
            asked if begins_there else {"embedding"}
        )


def test_what_the_parts_of_this_library_say():
    assert LossTraits.of(nn.Contrastive).takes_pairs
    assert LossTraits.of(nn.AdditiveAngularMargin).metrics == ("cosine", "euclidean")
    assert LossTraits.of(nn.AdditiveAngularMargin(nn.CosineSpace(), 3, 2)).directions.shape == (
        2,
        3,
    )
    assert LossTraits.of(nn.BinaryCrossEntropy(nn.CosineSpace())).pair_logits is not None
    assert SamplerTraits.of(nn.RandomPairSampler).gives_pairs
    assert AugmentationTraits.of(nn.RandomChannel(front_end="log_mel")).domains == {"log_mel"}
    copies = AugmentationTraits.of(nn.VocalTractWarp()).further_speakers(torch.zeros(20, 3))
    assert len(list(copies)) == 2
    assert list(AugmentationTraits.of(nn.TimeMask()).further_speakers(torch.zeros(20, 3))) == []
