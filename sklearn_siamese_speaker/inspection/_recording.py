"""Displays of a recording: what a front end hears of it, and who speaks when."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from .._audio import find_speech, open_recordings, raise_faults, step_length
from .._docs import substitute
from ..metrics.diarization import Segment, check_segments
from ._style import PALETTE, TEXTS, figure_and_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INPUT_SAMPLE_RATE = 16000  # Hz, of arrays, as in every front end
_HEIGHT = 0.8  # of a bar; rows of speakers are 1 apart


@substitute(**TEXTS)
class RecordingDisplay:
    """Waveform of a recording with its silence marked, and the frames of a front end below.

    Read more in the :ref:`User Guide <silence>`.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        Samples of the whole recording.

    sample_rate : float
        Of the waveform, in Hz.

    is_speech : array-like of shape (n_steps,), bool
        Whether there is speech in each step of 10 ms.

    frames : array-like of shape (n_features, n_frames), default=None
        What the front end makes of the recording. None shows the waveform alone.

    hop : float, default=None
        Time between two frames, in seconds. None spreads them over the length of the recording.

    label : str, default="frames"
        What the features are.

    drops_silence : bool, default=False
        Whether the front end leaves out what is not speech.

    %(attributes_of_several_axes)s

    See Also
    --------
    sklearn_siamese_speaker.MFCC : One of the front ends.

    Examples
    --------
    >>> from sklearn_siamese_speaker import MFCC
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> from sklearn_siamese_speaker.inspection import RecordingDisplay
    >>> X, y = make_speakers(n_speakers=1, n_recordings=1, duration=2.0, random_state=0)
    >>> display = RecordingDisplay.from_recording(X[0], MFCC(drop_silence=True))
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['samples', 'MFCC']
    """

    def __init__(
        self,
        waveform: ArrayLike,
        sample_rate: float,
        is_speech: ArrayLike,
        frames: ArrayLike | None = None,
        *,
        hop: float | None = None,
        label: str = "frames",
        drops_silence: bool = False,
    ) -> None:
        self.waveform = waveform
        self.sample_rate = sample_rate
        self.is_speech = is_speech
        self.frames = frames
        self.hop = hop
        self.label = label
        self.drops_silence = drops_silence

    @classmethod
    @substitute(**TEXTS)
    def from_recording(
        cls,
        recording: str | PathLike[str] | ArrayLike,
        front_end: Any = None,
        *,
        ax: Sequence[Axes] | Axes | None = None,
    ) -> Self:
        """Draw a recording and what a front end makes of it.

        Parameters
        ----------
        recording : path, or array-like of shape (n_times,)
            A file, or samples at the `input_sample_rate` of the front end, 16 kHz without one.

        front_end : transformer, default=None
            Turns recordings into frames; a clone of it is used. None draws the waveform alone.

        ax : sequence of 2 matplotlib Axes, default=None
            Where to draw waveform and frames; one Axes without a front end. None makes a figure.

        %(returns)s

        Raises
        ------
        AudioError
            If the recording cannot be used.
        ValueError
            If the front end returns something else than frames.
        """
        input_rate = getattr(front_end, "input_sample_rate", _INPUT_SAMPLE_RATE)
        X, waveform, rate = _read(recording, input_rate)
        is_speech = find_speech(waveform, rate)
        if front_end is None:
            return cls(waveform, rate, is_speech).plot(ax=ax)
        return cls(
            waveform,
            rate,
            is_speech,
            _check_frames(clone(front_end).fit_transform(X)[0], front_end),
            hop=_find_hop(front_end),
            label=type(front_end).__name__,
            drops_silence=getattr(front_end, "drop_silence", False),
        ).plot(ax=ax)

    @substitute(**TEXTS)
    def plot(self, ax: Sequence[Axes] | Axes | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : sequence of 2 matplotlib Axes, default=None
            Where to draw waveform and frames; one Axes without frames. None makes a figure.

        %(returns)s
        """
        n_axes = 1 if self.frames is None else 2
        self.figure_, self.axes_ = figure_and_axes(ax, n_axes, stacked=True)
        self._plot_waveform(self.axes_[0])
        if self.frames is not None:
            self._plot_frames(np.asarray(self.frames), self.axes_[1])
        return self

    def _plot_waveform(self, ax: Axes) -> None:
        is_speech = np.asarray(self.is_speech)
        seconds = _draw_waveform(ax, self.waveform, self.sample_rate)
        is_silent = np.append(~is_speech, False)
        is_silent[1:] |= ~is_speech  # both edges of a step
        edges = np.arange(len(is_silent)) * step_length(self.sample_rate) / self.sample_rate
        ax.fill_between(
            edges,
            0,
            1,
            where=is_silent,
            transform=ax.get_xaxis_transform(),
            color=PALETTE[4],
            alpha=0.3,
            linewidth=0,
            label="no speech: left out below" if self.drops_silence else "no speech",
        )
        ax.set(xlabel="time (s)", ylabel="samples", xlim=(0, seconds))
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, borderaxespad=0)

    def _plot_frames(self, frames: NDArray, ax: Axes) -> None:
        import librosa.display

        # A front end that is not ours may not say its hop: its frames then span the recording.
        n_features, n_frames = frames.shape
        hop = self.hop or self._seconds() / n_frames
        if n_features == 1:
            librosa.display.waveshow(frames[0], sr=1 / hop, ax=ax, color=PALETTE[0])
        else:
            # The first coefficient, loudness, is of another size than the rest: scale each row.
            low, high = np.percentile(frames, [5, 95], axis=1, keepdims=True)
            scaled = (frames - low) / np.where(high > low, high - low, 1)
            times = np.arange(n_frames) * hop
            librosa.display.specshow(
                scaled, x_coords=times, x_axis="time", ax=ax, cmap="viridis", vmin=0, vmax=1
            )
        # On the scale of the waveform, so that what was left out is seen.
        xlim = (0, max(self._seconds(), n_frames * hop))
        ax.set(xlabel="time in the frames (s)", ylabel=self.label, xlim=xlim)

    def _seconds(self) -> float:
        return len(np.asarray(self.waveform)) / self.sample_rate


@substitute(**TEXTS)
class DiarizationDisplay:
    """Waveform of a conversation, and below it a row for each speaker with his or her segments.

    Read more in the :ref:`User Guide <diarization>`.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        Samples of the recording.
    sample_rate : float
        Of the waveform, in Hz.
    segments : list of (start, end, speaker)
        Who speaks when, in seconds.
    reference : list of (start, end, speaker), default=None
        Who really speaks when. None leaves it out.

    %(attributes_of_several_axes)s

    See Also
    --------
    sklearn_siamese_speaker.SpeakerDiarizer : Finds the segments.

    Examples
    --------
    >>> from sklearn_siamese_speaker.datasets import make_conversation, make_speakers
    >>> from sklearn_siamese_speaker.inspection import DiarizationDisplay
    >>> X, y = make_speakers(n_speakers=2, n_recordings=2, duration=1.0, random_state=0)
    >>> conversation, segments = make_conversation(X, y, random_state=0)
    >>> display = DiarizationDisplay.from_recording(conversation, segments)
    >>> [label.get_text() for label in display.axes_[1].get_yticklabels()]
    ['speaker01', 'speaker00']
    """

    def __init__(
        self,
        waveform: ArrayLike,
        sample_rate: float,
        segments: Sequence[Segment],
        reference: Sequence[Segment] | None = None,
    ) -> None:
        self.waveform = waveform
        self.sample_rate = sample_rate
        self.segments = segments
        self.reference = reference

    @classmethod
    @substitute(**TEXTS)
    def from_recording(
        cls,
        recording: str | PathLike[str] | ArrayLike,
        segments: Sequence[Segment],
        *,
        reference: Sequence[Segment] | None = None,
        ax: Sequence[Axes] | None = None,
    ) -> Self:
        """Draw who speaks when in a recording.

        Parameters
        ----------
        recording : path, or array-like of shape (n_times,)
            A file, or samples at 16 kHz.
        segments : list of (start, end, speaker)
            Who speaks when, in seconds.
        reference : list of (start, end, speaker), default=None
            Who really speaks when. None leaves it out.
        ax : sequence of matplotlib Axes, default=None
            2 Axes, with a reference 3. None makes a figure.

        %(returns)s

        Raises
        ------
        AudioError
            If the recording cannot be used.
        """
        _, waveform, rate = _read(recording, _INPUT_SAMPLE_RATE)
        return cls(waveform, rate, segments, reference).plot(ax=ax)

    @substitute(**TEXTS)
    def plot(self, ax: Sequence[Axes] | None = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, default=None
            2 Axes, with a reference 3. None makes a figure.

        %(returns)s
        """
        rows = [("found", check_segments(self.segments, "segments"))]
        if self.reference is not None:
            rows.append(("reference", check_segments(self.reference, "reference")))
        self.figure_, self.axes_ = figure_and_axes(ax, 1 + len(rows), stacked=True)
        seconds = _draw_waveform(self.axes_[0], self.waveform, self.sample_rate)
        self.axes_[0].set(xlabel="", ylabel="samples", xlim=(0, seconds))
        for (title, segments), below in zip(rows, self.axes_[1:], strict=True):
            self._plot_speakers(below, segments)
            if self.reference is not None:
                below.set(ylabel=title)
        self.axes_[-1].set(xlabel="time (s)")
        return self

    def _plot_speakers(self, ax: Axes, segments: Sequence[Segment]) -> None:
        """Draw a row of bars for each speaker, the first who speaks on top."""
        speakers = list(dict.fromkeys(speaker for *_, speaker in sorted(segments)))
        for row, speaker in enumerate(speakers):
            bars = [(start, end - start) for start, end, name in segments if name == speaker]
            color = PALETTE[row % len(PALETTE)]
            ax.broken_barh(bars, (row - _HEIGHT / 2, _HEIGHT), color=color, linewidth=0)
        ax.set(
            yticks=range(len(speakers)),
            yticklabels=speakers,
            ylim=(max(len(speakers), 1) - 0.5, -0.5),
            xlim=self.axes_[0].get_xlim(),
        )


def _read(recording: Any, input_sample_rate: float) -> tuple[list[Any], NDArray, float]:
    """Return an X of one recording, a path or samples, its waveform and its sample rate in Hz."""
    X = [recording if isinstance(recording, str | PathLike) else np.asarray(recording)]
    opened, faults = open_recordings(X, input_sample_rate)
    raise_faults(faults, 1)
    rate = opened[0].sample_rate
    assert rate is not None
    return X, opened[0].read(), rate


def _draw_waveform(ax: Axes, waveform: ArrayLike, sample_rate: float) -> float:
    """Draw a waveform, and return how long it is, in seconds."""
    import librosa.display

    samples = np.asarray(waveform)
    librosa.display.waveshow(samples, sr=sample_rate, ax=ax, color=PALETTE[0])
    return len(samples) / sample_rate


def _check_frames(frames: NDArray, front_end: Any) -> NDArray:
    if np.ndim(frames) != 2:
        raise ValueError(
            f"{type(front_end).__name__} returns an array of shape {np.shape(frames)} for a "
            "recording; pass a front end, which returns frames of shape (n_features, n_frames)."
        )
    return frames


def _find_hop(front_end: Any) -> float | None:
    """Return the seconds between two frames; samples are those of `RawAudio`."""
    if hasattr(front_end, "hop"):
        return front_end.hop
    return 1 / front_end.sample_rate if hasattr(front_end, "sample_rate") else None
