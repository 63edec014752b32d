"""Warps of the frequency axis, against librosa's mel bands."""

import librosa
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.fft import dct, idct

from sklearn_siamese_speaker.nn import VocalTractWarp


def test_a_factor_of_one_changes_nothing_but_what_too_few_cepstra_lose():
    frames = torch.randn(64, 7)
    (copy,) = VocalTractWarp(factors=(1.0,)).further_speakers(frames)
    assert_allclose(copy, frames, atol=1e-4)


@pytest.mark.parametrize("factor", [0.9, 1.15])
def test_a_peak_of_the_spectrum_moves_by_the_factor(factor):
    centers = librosa.mel_frequencies(66, fmin=20, fmax=8000)[1:-1]
    bands = np.exp(-0.5 * ((np.arange(64) - 30) / 3) ** 2)
    cepstra = torch.from_numpy(dct(bands, norm="ortho")[:, None])
    (copy,) = VocalTractWarp(factors=(factor,)).further_speakers(cepstra)
    warped = idct(copy[:, 0].numpy(), norm="ortho")
    peak = np.average(np.log(centers), weights=warped.clip(0) ** 4)
    assert_allclose(np.exp(peak) / centers[30], factor, rtol=0.01)


def test_it_is_interpolation_between_the_bands_of_librosa():
    centers = librosa.mel_frequencies(66, fmin=20, fmax=8000)[1:-1]
    bands = np.random.default_rng(0).normal(size=64)
    mels = librosa.hz_to_mel(centers)
    expected = np.interp(librosa.hz_to_mel(centers / 1.12), mels, bands)
    cepstra = torch.from_numpy(dct(bands, norm="ortho")[:, None])
    (copy,) = VocalTractWarp(factors=(1.12,)).further_speakers(cepstra)
    assert_allclose(idct(copy[:, 0].numpy(), norm="ortho"), expected, atol=1e-6)


def test_each_factor_gives_a_copy_of_the_shape_of_the_recording():
    copies = list(VocalTractWarp((0.9, 1.0, 1.1)).further_speakers(torch.randn(13, 5)))
    assert [copy.shape for copy in copies] == [(13, 5)] * 3
