"""What a part says about itself is read by name; a part that says nothing has the defaults."""

import pytest
import torch

from sklearn_siamese_speaker import nn
from sklearn_siamese_speaker.nn.protocols import ask


class Plain(torch.nn.Module):
    """A network of a user, derived from nothing of this library."""


@pytest.mark.parametrize("part", [Plain, Plain(), torch.relu, None], ids=repr)
def test_a_part_that_says_nothing_has_the_defaults(part):
    assert ask(part, "recipe") == {}
    assert ask(part, "metrics") is None
    assert ask(part, "recordings_per_speaker") == 0
    assert list(ask(part, "further_speakers")(torch.zeros(20, 3))) == []


def test_a_part_is_asked_for_nothing_that_is_not_written_down():
    with pytest.raises(KeyError):
        ask(Plain, "recipes")


def test_one_word_of_a_part_leaves_the_others_at_their_defaults():
    class Mine(Plain):
        pass

    Mine.recipe = {"lr": 1e-3}
    assert ask(Mine, "recipe") == ask(Mine(), "recipe") == {"lr": 1e-3}
    assert not ask(Mine, "keeps_proportions")


def test_a_network_with_a_discriminant_has_all_of_a_closed_form():
    asked = {"set_discriminant", "statistics", "shrinkage", "embedding"}
    for network in nn.NETWORKS.values():
        begins_there = ask(network, "set_discriminant") is not None
        built = network(20)
        assert {name for name in asked if hasattr(built, name)} == (
            asked if begins_there else {"embedding"}
        )


def test_what_the_parts_of_this_library_say():
    assert ask(nn.Contrastive, "takes_pairs")
    assert ask(nn.AdditiveAngularMargin, "metrics") == ("cosine", "euclidean")
    of_two_speakers = nn.AdditiveAngularMargin(nn.CosineSpace(), 3, 2)
    assert ask(of_two_speakers, "directions").shape == (2, 3)
    assert ask(nn.BinaryCrossEntropy(nn.CosineSpace()), "pair_logits") is not None
    assert ask(nn.RandomPairSampler, "gives_pairs")
    assert ask(nn.RandomChannel(front_end="log_mel"), "domains") == {"log_mel"}
    assert len(list(ask(nn.VocalTractWarp(), "further_speakers")(torch.zeros(20, 3)))) == 2
    assert list(ask(nn.TimeMask(), "further_speakers")(torch.zeros(20, 3))) == []
