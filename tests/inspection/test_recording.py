"""A recording is drawn with its silence, and with the frames of a front end."""

import numpy as np
import pytest
import soundfile

from sklearn_siamese_speaker import MFCC, AudioError, FramePooling, LogMelSpectrogram, RawAudio
from sklearn_siamese_speaker.inspection import RecordingDisplay

plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def recording():
    """A second of noise with silence from 0.4 to 0.7 s."""
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, 16000)
    waveform[6400:11200] *= 1e-4
    return waveform


def shaded(ax):
    """Return start and end of each shaded part, in seconds."""
    (shade,) = (c for c in ax.collections if c.get_label().startswith("no speech"))
    return np.array([path.get_extents().intervalx for path in shade.get_paths()])


def test_silence_is_shaded(recording):
    display = RecordingDisplay.from_recording(recording)
    (ax,) = display.axes_
    np.testing.assert_allclose(shaded(ax), [[0.4, 0.7]], atol=0.011)
    assert ax.get_xlim() == (0, 1)
    display.figure_.canvas.draw()


@pytest.mark.parametrize(
    "front_end", [MFCC(), LogMelSpectrogram(drop_silence=True), MFCC(duration=2.0)], ids=repr
)
def test_the_frames_are_those_of_the_front_end(recording, front_end):
    display = RecordingDisplay.from_recording(recording, front_end)
    expected = front_end.fit_transform([recording])[0]
    (mesh,) = display.axes_[1].collections
    assert mesh.get_array().shape == expected.shape
    np.testing.assert_array_equal(display.frames, expected)
    assert display.axes_[1].get_xlim()[1] == pytest.approx(max(1, 0.01 * expected.shape[1]))
    label = display.axes_[0].get_legend().get_texts()[0].get_text()
    assert label == "no speech" + ": left out below" * front_end.drop_silence
    display.figure_.canvas.draw()


def test_samples_are_drawn_as_a_waveform(recording):
    display = RecordingDisplay.from_recording(recording, RawAudio(drop_silence=True))
    ax = display.axes_[1]
    assert not [c for c in ax.collections if hasattr(c, "get_coordinates")]
    assert ax.get_ylabel() == "RawAudio"


def test_a_file_is_drawn_at_its_own_rate(recording, tmp_path):
    soundfile.write(tmp_path / "a.wav", recording, 8000)
    display = RecordingDisplay.from_recording(tmp_path / "a.wav", MFCC(sample_rate=8000, n_mels=40))
    assert display.sample_rate == 8000
    assert display.axes_[0].get_xlim() == (0, 2)


def test_given_axes_are_drawn_into(recording):
    _, axes = plt.subplots(2, 1)
    display = RecordingDisplay.from_recording(recording, MFCC(), ax=axes)
    assert display.axes_ == list(axes)
    with pytest.raises(ValueError, match="This figure needs ax to hold 2 Axes, got 1"):
        display.plot(ax=axes[0])


def test_the_front_end_given_is_left_alone(recording):
    front_end = MFCC()
    RecordingDisplay.from_recording(recording, front_end)
    assert not front_end.__sklearn_is_fitted__()


def test_what_is_no_recording_and_what_makes_no_frames_is_refused(recording):
    with pytest.raises(AudioError, match=r"X\[0\] 'none.wav' cannot be opened"):
        RecordingDisplay.from_recording("none.wav")
    message = r"FramePooling returns an array of shape \(2,\) for a recording; pass a front end"
    with pytest.raises(ValueError, match=message):
        RecordingDisplay.from_recording(recording[np.newaxis], FramePooling())
