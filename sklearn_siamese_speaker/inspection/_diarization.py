"""DiarizationDisplay: who spoke when."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from .._audio import open_recordings, raise_faults
from .._docs import substitute
from ..metrics.diarization import Segment, check_segments
from ._style import PALETTE, TEXTS, figure_and_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SAMPLE_RATE = 16000  # Hz, of arrays, as in every front end
_HEIGHT = 0.8  # of a bar; rows are 1 apart


@substitute(**TEXTS)
class DiarizationDisplay:
    """Waveform of a conversation, and below it a row for each speaker with what he or she says.

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
        X = [recording if isinstance(recording, str | PathLike) else np.asarray(recording)]
        opened, faults = open_recordings(X, _SAMPLE_RATE)
        raise_faults(faults, 1)
        rate = opened[0].sample_rate
        assert rate is not None
        return cls(opened[0].read(), rate, segments, reference).plot(ax=ax)

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
        self._plot_waveform(self.axes_[0])
        for (title, segments), below in zip(rows, self.axes_[1:], strict=True):
            self._plot_speakers(below, segments)
            if self.reference is not None:
                below.set(ylabel=title)
        self.axes_[-1].set(xlabel="time (s)")
        return self

    def _plot_waveform(self, ax: Axes) -> None:
        import librosa.display

        waveform = np.asarray(self.waveform)
        librosa.display.waveshow(waveform, sr=self.sample_rate, ax=ax, color=PALETTE[0])
        ax.set(xlabel="", ylabel="samples", xlim=(0, len(waveform) / self.sample_rate))

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
