import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import fft
from scipy.spatial.distance import cdist
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from sklearn_siamese_speaker.datasets import make_speakers


def one_shot_accuracy(E, n_speakers):
    """Nearest neighbor with one recording of each speaker, over all pairs of recordings."""
    E = E.reshape(n_speakers, -1, E.shape[-1])
    pairs = [(i, j) for i in range(E.shape[1]) for j in range(E.shape[1]) if i != j]
    hits = [cdist(E[:, i], E[:, j]).argmin(axis=1) == np.arange(n_speakers) for i, j in pairs]
    return np.mean(hits)


def cepstral_statistics(X):
    """Mean and standard deviation over frames of 40 cepstral coefficients."""
    frames = np.lib.stride_tricks.sliding_window_view(X, 512, axis=1)[:, ::160]
    spectra = np.abs(fft.rfft(frames * np.hanning(512).astype(np.float32)))
    cepstra = fft.dct(np.log(spectra + 1e-3), norm="ortho")[..., :40]
    return np.concatenate([cepstra.mean(axis=1), cepstra.std(axis=1)], axis=1)


def test_waveforms_are_float32_rows_within_full_scale_and_labels_are_sorted_strings():
    X, y = make_speakers(3, 4, 0.5, random_state=0)
    assert X.shape == (12, 8000)
    assert X.dtype == np.float32
    peaks = np.abs(X).max(axis=1)
    assert (peaks >= 0.0999).all()
    assert (peaks <= 0.9001).all()
    assert_array_equal(y, np.repeat(["speaker00", "speaker01", "speaker02"], 4))


def test_labels_sort_like_numbers_beyond_a_hundred_speakers():
    _, y = make_speakers(101, 1, 0.1, random_state=0)
    assert (y[0], y[-1]) == ("speaker000", "speaker100")
    assert_array_equal(y, np.sort(y))


def test_one_seed_gives_the_same_bits_and_another_seed_other_sound():
    first, again, other = (make_speakers(2, 2, 0.3, random_state=seed)[0] for seed in (7, 7, 8))
    assert_array_equal(first, again)
    assert (first != other).any(axis=1).all()


def test_a_random_state_object_moves_on_between_calls():
    first, again = (
        make_speakers(1, 2, 0.3, random_state=np.random.RandomState(3))[0] for _ in "ab"
    )
    assert_array_equal(first, again)
    random_state = np.random.RandomState(3)
    make_speakers(1, 2, 0.3, random_state=random_state)
    assert (make_speakers(1, 2, 0.3, random_state=random_state)[0] != first).any()


def test_the_global_generator_is_left_alone():
    state = check_random_state(None).get_state()[1].copy()
    make_speakers(1, 1, 0.3, random_state=0)
    assert_array_equal(check_random_state(None).get_state()[1], state)


def test_speakers_and_recordings_do_not_change_when_more_are_made():
    few = make_speakers(2, 3, 0.4, random_state=0)[0].reshape(2, 3, -1)
    many = make_speakers(4, 5, 0.4, random_state=0)[0].reshape(4, 5, -1)
    assert_array_equal(few, many[:2, :3])


def test_the_shortest_recordings_hold_speech_and_not_silence():
    X, _ = make_speakers(40, 5, 0.1, snr=np.inf, random_state=0)
    assert np.isfinite(X).all()
    assert (np.abs(X).max(axis=1) > 0.0999).all()


def test_no_two_recordings_are_alike():
    X, _ = make_speakers(3, 4, 0.4, random_state=0)
    assert (np.abs(np.corrcoef(X)) - np.eye(12) < 0.5).all()


def test_recordings_are_shared_evenly_over_sessions_of_their_own_speaker():
    _, y, sessions = make_speakers(2, 6, 0.2, n_sessions=3, random_state=0, return_sessions=True)
    names, counts = np.unique(sessions, return_counts=True)
    assert len(names) == 6
    assert_array_equal(counts, 2)
    assert_array_equal([session.split("/")[0] for session in sessions], y)


def test_more_sessions_than_recordings_gives_each_recording_its_own():
    *_, sessions = make_speakers(1, 2, 0.2, n_sessions=5, random_state=0, return_sessions=True)
    assert_array_equal(sessions, ["speaker00/session0", "speaker00/session1"])


def test_the_channel_is_one_smooth_filter_a_session():
    plain, colored = (
        make_speakers(1, 4, 1.0, channel_std=std, snr=np.inf, random_state=0)[0] for std in (0, 6)
    )
    gain = 20 * np.log10(np.abs(fft.rfft(colored) / fft.rfft(plain)))
    gain = gain[:, 100:-100] - gain[:, 100:-100].mean(axis=1, keepdims=True)  # less the levels
    assert_array_equal(gain.std(axis=1) > 1.0, True)
    assert np.abs(gain[0] - gain[2]).max() < 0.5  # recordings 0 and 2 are of one session
    assert np.abs(gain[0] - gain[1]).max() > 3.0


def test_snr_is_the_ratio_of_speech_to_noise():
    clean, noisy = (
        make_speakers(20, 2, 0.5, snr=snr, random_state=0)[0].astype(float) for snr in (np.inf, 10)
    )
    # The noise is what does not project on the speech, whatever the level of the recording.
    share = np.sum(clean * noisy, axis=1) ** 2 / np.sum(clean**2, axis=1) / np.sum(noisy**2, axis=1)
    snr = 10 * np.log10(share / (1 - share))
    assert abs(snr.mean() - 10) < 2
    assert 2 < snr.std() < 7  # 4 dB of sessions and 1.5 dB of recordings


def test_the_speaker_is_hard_to_find_by_averages_and_easier_once_the_nuisance_is_learned():
    n_background, n_new, n_recordings = 40, 20, 4
    X, y = make_speakers(n_background + n_new, n_recordings, 1.0, random_state=0)
    F = cepstral_statistics(X)
    background = np.arange(len(X)) < n_background * n_recordings
    F = StandardScaler().fit(F[background]).transform(F)
    discriminant = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    discriminant.fit(F[background], y[background])
    baseline = one_shot_accuracy(F[~background], n_new)
    learned = one_shot_accuracy(discriminant.transform(F[~background]), n_new)
    assert 0.3 < baseline < 0.7
    assert learned > baseline + 0.1


def test_without_channel_and_noise_the_speaker_is_found_more_often():
    def accuracy(**nuisance):
        X, _ = make_speakers(15, 4, 1.0, random_state=0, **nuisance)
        return one_shot_accuracy(StandardScaler().fit_transform(cepstral_statistics(X)), 15)

    assert accuracy(channel_std=0, snr=np.inf) > accuracy() + 0.1


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_speakers": 0}, ValueError, "n_speakers == 0, must be >= 1"),
        ({"n_recordings": 1.5}, TypeError, "n_recordings must be an instance of int"),
        ({"duration": 0.05}, ValueError, "duration == 0.05, must be >= 0.1"),
        ({"n_sessions": 0}, ValueError, "n_sessions == 0, must be >= 1"),
        ({"sample_rate": 4000}, ValueError, "sample_rate == 4000, must be >= 8000"),
        ({"channel_std": -1}, ValueError, "channel_std == -1, must be >= 0"),
        ({"snr": "loud"}, TypeError, "snr must be an instance of float"),
    ],
)
def test_parameters_out_of_range_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        make_speakers(**parameters)
