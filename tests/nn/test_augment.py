import pickle

import numpy as np
import pytest
import torch
from scipy.fft import dct

from sklearn_siamese_speaker.nn import (
    AdditiveNoise,
    BandLimit,
    FeatureMask,
    RandomChannel,
    TimeMask,
)

CHANGES = [
    TimeMask(),
    FeatureMask(),
    RandomChannel(front_end="mfcc"),
    RandomChannel(front_end="log_mel"),
    BandLimit(),
    AdditiveNoise(front_end="log_mel"),
    AdditiveNoise(front_end="raw_audio"),
]
OFF = [
    TimeMask(max_share=0.0),
    TimeMask(n_masks=0),
    FeatureMask(max_share=0.0),
    RandomChannel(max_db=0.0),
    RandomChannel(max_db=0.0, front_end="log_mel"),
    BandLimit(attenuation=0.0),
    BandLimit(max_low=0.0, max_high=0.0),
]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make_batch(change, n_recordings=4, n_frames=30):
    n_features = 1 if change.domains == {"raw_audio"} else 40
    return torch.randn(n_recordings, n_features, n_frames, generator=seeded(9))


@pytest.mark.parametrize("change", CHANGES, ids=repr)
def test_a_change_depends_on_the_given_generator_alone(change):
    batch = make_batch(change)
    state = torch.get_rng_state()
    first = change(batch, seeded(1))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    assert torch.equal(change(batch, seeded(1)), first)
    assert not torch.equal(change(batch, seeded(2)), first)


@pytest.mark.parametrize("change", CHANGES, ids=repr)
def test_a_change_keeps_shape_and_type_and_leaves_its_input_alone(change):
    batch = make_batch(change)
    before = batch.clone()
    changed = change(batch, seeded())
    assert torch.equal(batch, before)
    assert changed.shape == batch.shape
    assert changed.dtype == torch.float32
    assert torch.isfinite(changed).all()


@pytest.mark.parametrize("change", CHANGES, ids=repr)
def test_recordings_of_a_batch_are_changed_differently(change):
    batch = make_batch(change)[:1].repeat(8, 1, 1)
    changed = change(batch, seeded())
    assert len({recording.numpy().tobytes() for recording in changed}) > 4


@pytest.mark.parametrize("change", CHANGES, ids=repr)
def test_a_change_takes_a_single_frame(change):
    changed = change(make_batch(change, n_frames=1), seeded())
    assert torch.isfinite(changed).all()


@pytest.mark.parametrize("change", CHANGES, ids=repr)
def test_a_change_is_a_plain_value(change):
    again = pickle.loads(pickle.dumps(change))
    assert again == change
    assert repr(again) == repr(change)
    assert hash(again) == hash(change)
    assert again in CHANGES


@pytest.mark.parametrize("change", OFF, ids=repr)
def test_a_change_that_is_off_changes_nothing(change):
    batch = make_batch(change)
    assert torch.equal(change(batch, seeded()), batch)


def test_noise_that_is_off_changes_nothing_to_speak_of():
    for front_end in ("log_mel", "raw_audio"):
        change = AdditiveNoise(200.0, 200.0, front_end)
        batch = make_batch(change)
        torch.testing.assert_close(change(batch, seeded()), batch, atol=1e-5, rtol=0)


@pytest.mark.parametrize("n_mfcc", [3, 13, 64])
def test_a_channel_added_to_the_bands_is_the_one_added_to_the_coefficients(n_mfcc):
    log_mel = 20 * torch.randn(5, 64, 7, generator=seeded(4))
    in_bands = RandomChannel(9.0, 4, front_end="log_mel")(log_mel, seeded(1))
    coefficients = torch.from_numpy(dct(log_mel.numpy(), axis=1, norm="ortho")[:, :n_mfcc])
    in_coefficients = RandomChannel(9.0, 4, front_end="mfcc")(coefficients, seeded(1))
    expected = dct(in_bands.numpy(), axis=1, norm="ortho")[:, :n_mfcc]
    np.testing.assert_allclose(in_coefficients, expected, atol=1e-4)


def test_a_channel_is_steady_smooth_and_within_its_limits():
    batch = torch.zeros(200, 64, 5)
    response = RandomChannel(6.0, 3, front_end="log_mel")(batch, seeded())
    assert torch.equal(response, response[:, :, :1].expand_as(response))
    largest = 6 + 6 / 2 + 6 / 3
    assert 6 < response.abs().max() <= largest
    # The steepest a cosine of k half waves can be, over 64 bands.
    assert response.diff(dim=1).abs().max() <= 3 * 6 * np.pi / 64
    assert response.mean(1).abs().max() < 1e-4


def test_a_time_mask_fills_whole_frames_with_the_mean_of_each_feature():
    batch = torch.randn(50, 6, 40, generator=seeded(2))
    changed = TimeMask(max_share=0.25, n_masks=1)(batch, seeded())
    longest = 0
    for before, after in zip(batch, changed, strict=True):
        hidden = (before != after).any(0).nonzero().flatten()
        longest = max(longest, len(hidden))
        assert len(hidden) <= 10
        assert (hidden.diff() == 1).all()
        expected = before.mean(1, keepdim=True).expand(-1, len(hidden))
        torch.testing.assert_close(after[:, hidden], expected)
    assert longest == 10


def test_a_feature_mask_fills_whole_features_with_their_mean():
    batch = torch.randn(50, 20, 9, generator=seeded(2))
    changed = FeatureMask(max_share=0.25, n_masks=1)(batch, seeded())
    widest = 0
    for before, after in zip(batch, changed, strict=True):
        hidden = (before != after).any(1).nonzero().flatten()
        widest = max(widest, len(hidden))
        assert (hidden.diff() == 1).all()
        expected = before.mean(1, keepdim=True).expand(-1, 9)[hidden]
        torch.testing.assert_close(after[hidden], expected)
    assert widest == 5


def test_masks_reach_every_place():
    batch = torch.randn(2000, 1, 10, generator=seeded(2))
    hidden = TimeMask(max_share=0.3, n_masks=1)(batch, seeded()) != batch
    assert hidden.any(0).all()


def test_a_band_limit_attenuates_both_ends_and_no_more_than_its_share():
    batch = torch.zeros(300, 64, 2)
    batch[:, 32] = -80.0  # the smallest value of each recording
    loss = (batch - BandLimit(0.1, 0.3, attenuation=40.0)(batch, seeded()))[:, :, 0]
    assert set(loss.unique().tolist()) == {0.0, 40.0}
    attenuated = (loss > 0).float().mean(0)
    assert (attenuated[:6] > 0).all()
    assert (attenuated[7:44] == 0).all()
    assert (attenuated[46:] > 0).all()
    assert attenuated[63] > 0.9


def test_a_band_limit_stops_at_the_smallest_value_of_the_recording():
    batch = torch.zeros(20, 64, 2)
    batch[:, 32] = -15.0
    assert BandLimit(attenuation=40.0)(batch, seeded()).amin() == -15


def test_noise_in_raw_audio_has_the_ratio_asked_for():
    batch = torch.randn(6, 1, 4000, generator=seeded(2)) * torch.logspace(-3, 0, 6)[:, None, None]
    noise = AdditiveNoise(10.0, 10.0, "raw_audio")(batch, seeded()) - batch
    ratio = (batch**2).mean((1, 2)) / (noise**2).mean((1, 2))
    torch.testing.assert_close(ratio, torch.full((6,), 10.0), rtol=1e-3, atol=0)


def test_noise_in_the_log_mel_domain_adds_powers_at_the_ratio_asked_for():
    batch = 10 * torch.randn(6, 64, 50, generator=seeded(2)) - 30
    changed = AdditiveNoise(10.0, 10.0, "log_mel")(batch, seeded())
    power, with_noise = (10 ** (decibels.double() / 10) for decibels in (batch, changed))
    noise = with_noise - power
    torch.testing.assert_close(
        power.mean((1, 2)) / noise.mean((1, 2)), torch.full((6,), 10.0).double(), rtol=1e-3, atol=0
    )
    steady = noise.mean(2, keepdim=True).expand_as(noise)
    torch.testing.assert_close(noise, steady, rtol=1e-2, atol=1e-4 * float(power.max()))


@pytest.mark.parametrize(
    ("change", "known"),
    [(RandomChannel, "'mfcc' or 'log_mel'"), (AdditiveNoise, "'log_mel' or 'raw_audio'")],
)
def test_an_unknown_front_end_is_refused(change, known):
    message = f"{change.__name__} works on front_end={known}, got 'vggish'."
    with pytest.raises(ValueError, match=message):
        change(front_end="vggish")


def test_every_change_names_its_front_ends():
    known = {"mfcc", "log_mel", "raw_audio", "any"}
    assert all(change.domains and change.domains <= known for change in CHANGES)
