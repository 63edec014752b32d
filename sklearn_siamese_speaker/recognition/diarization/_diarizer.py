"""SpeakerDiarizer: who spoke when in a long recording."""

from __future__ import annotations

import os
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from ..._audio import Recording, Recordings, is_list_of_recordings, open_recordings, raise_faults
from ..._compat import HasMethods, Interval, StrOptions, fit_context
from ..._docs import substitute
from ..._estimators import find_sample_rate, front_end_inside
from ..._state import unchanged_on_error
from ...datasets import write_rttm
from ...encoders import PretrainedSpeakerEncoder
from ...metrics import diarization_error_rate
from ...metrics.diarization import Segment, check_conversations, check_segments
from .._embedding import check_recordings, embed
from .._one_shot import OneShotClassifier
from ._clusters import THRESHOLDS, cluster
from ._detector import SAMPLE_RATE, Span, find_spans, join_spans
from ._windows import (
    Window,
    cut_windows,
    embed_windows,
    ignore_quality_warnings,
    join_segments,
    join_windows,
    speech_of,
)

if TYPE_CHECKING:
    from pyannote.core import Annotation

TEXTS = {
    "X": """\
X : list of paths, or list of arrays of shape (n_times_i,), or array of shape \
(n_samples, n_times)
    Recordings of at most an hour; arrays are at 16 kHz.""",
    "y": """\
y : list of list of (start, end, speaker)
    Who speaks when in each recording, in seconds.""",
    "raises": """\
AudioError
    If recordings cannot be used; the first ten are named.
ImportError
    If ``speech="silero"`` and it is not installed.""",
}


@substitute(**TEXTS)
class SpeakerDiarizer(BaseEstimator):
    """Find out who spoke when in a conversation of which nothing is known.

    Speech is detected and cut into overlapping windows, each window is embedded, and windows with
    similar embeddings are of one speaker. How many speakers there are is estimated. They are named
    S1, S2, ... in the order in which they are first heard, or, with a `classifier`, by the names of
    enrolled people.

    Overlapping speech is not handled: two people who speak at once are heard as one of them.

    Read more in the :ref:`User Guide <diarization>`.

    Parameters
    ----------
    encoder : transformer or None, default=None
        Turns a list of waveforms at 16 kHz into embeddings of shape (n_samples, n_dims). It is
        used as it is: train it before. None is that of `classifier`, and a
        :class:`PretrainedSpeakerEncoder` without one.
    classifier : OneShotClassifier or None, default=None
        Gives speakers the names of the people enrolled in it. With a `threshold`, a voice that is
        not like any of them is "unknown", a second one "unknown-2".
    speech : {"auto", "silero", "energy"} or list, default="auto"
        How speech is found.

        - "silero": the public detector of the package ``silero-vad``, run by ``onnxruntime``.
        - "energy": what is louder than the middle, in dB, between the quiet and the loud parts of
          the recording; for recordings with little noise.
        - "auto": "silero" where it is installed, else "energy".
        - A list with the (start, end) of all speech, in seconds, for each recording of `X`; further
          items of a segment are ignored.
    window : float, default=1.5
        Length of the windows that are embedded, in seconds, at least 0.5.
    step : float, default=0.75
        Longest time from one window to the next, in seconds.
    n_speakers : int or None, default=None
        Number of speakers in each recording; no threshold is used then. None estimates it.
    threshold : float or None, default=None
        Two groups of windows are of one speaker if their mean cosine is at least this. None takes
        what `fit` learned; else it reads the number of speakers, at most 10, from the eigenvalues
        of the graph of similar windows.

    Attributes
    ----------
    threshold_ : float or None
        `threshold`, or what `fit` learned from labelled conversations.
    n_features_in_ : int
        n_times, if `X` in `fit` was an array of shape (n_samples, n_times).

    See Also
    --------
    OneShotClassifier : Recognizes the speaker of a recording with one speaker.
    sklearn_siamese_speaker.inspection.DiarizationDisplay : Draws who spoke when.

    Notes
    -----
    A recording lies in memory as a whole, an hour in about half a gigabyte at most; its windows
    pass the encoder 64 at a time.

    Examples
    --------
    >>> from sklearn_siamese_speaker import SpeakerDiarizer
    >>> from sklearn_siamese_speaker.datasets import make_conversation, make_speakers
    >>> X, y = make_speakers(n_speakers=2, n_recordings=2, n_sessions=1, random_state=0)
    >>> conversation, truth = make_conversation(X, y, overlap=0, random_state=0)
    >>> diarizer = SpeakerDiarizer(speech="energy")
    >>> for start, end, speaker in diarizer.predict([conversation])[0]:
    ...     print(f"{start:.1f} {end:.1f} {speaker}")
    0.6 3.8 S1
    4.2 7.4 S1
    7.7 11.0 S2
    11.5 14.7 S2
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "encoder": [HasMethods(["transform"]), None],
        "classifier": [HasMethods(["predict"]), None],
        "speech": [StrOptions({"auto", "silero", "energy"}), list],
        "window": [Interval(Real, 0.5, None, closed="left")],
        "step": [Interval(Real, 0, None, closed="neither")],
        "n_speakers": [Interval(Integral, 1, None, closed="left"), None],
        "threshold": [Interval(Real, -1, 1, closed="both"), None],
    }

    def __init__(
        self,
        encoder: BaseEstimator | None = None,
        *,
        classifier: OneShotClassifier | None = None,
        speech: str | list = "auto",
        window: float = 1.5,
        step: float = 0.75,
        n_speakers: int | None = None,
        threshold: float | None = None,
    ) -> None:
        self.encoder = encoder
        self.classifier = classifier
        self.speech = speech
        self.window = window
        self.step = step
        self.n_speakers = n_speakers
        self.threshold = threshold

    @substitute(**TEXTS)
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Recordings, y: Any = None) -> Self:
        """Learn the threshold from labelled conversations. Without `y` nothing is learned.

        Parameters
        ----------
        %(X)s
        y : list of list of (start, end, speaker), default=None
            Who speaks when in each recording, in seconds. The threshold with the lowest diarization
            error rate is chosen, of equally good ones the middle one.

        Returns
        -------
        self : SpeakerDiarizer
            The fitted diarizer.

        Raises
        ------
        %(raises)s
        """
        with unchanged_on_error(self):
            recordings = self._open(X, reset=True)
            self.threshold_ = self.threshold
            if y is not None:
                check_consistent_length(X, y)
                self.threshold_ = self._learn(recordings, check_conversations(y, "y"))
        return self

    @substitute(**TEXTS)
    def predict(self, X: Recordings) -> list[list[Segment]]:
        """Find out who speaks when. `fit` is not needed before.

        Parameters
        ----------
        %(X)s

        Returns
        -------
        segments : list of list of (start, end, speaker)
            For each recording, in order, in seconds, rounded to milliseconds. They cover its
            speech, and do not overlap.

        Raises
        ------
        %(raises)s
        """
        self._validate_params()
        recordings = self._open(X, reset=False)
        return [self._diarize(recording) for recording in recordings]

    @substitute(**TEXTS)
    def score(self, X: Recordings, y: Any) -> float:
        """Return the diarization error rate, negated: higher is better.

        Parameters
        ----------
        %(X)s
        %(y)s

        Returns
        -------
        score : float
            At most 0. See :func:`~sklearn_siamese_speaker.metrics.diarization_error_rate`.
        """
        return -diarization_error_rate(y, self.predict(X))

    @substitute(**TEXTS)
    def to_rttm(self, X: Recordings, path: str | os.PathLike[str]) -> None:
        """Write who speaks when to an RTTM file.

        Recordings are named after their files, without folder and ending; those in memory
        "recording1", "recording2", ...

        Parameters
        ----------
        %(X)s
        path : str or path-like
            The file to write.

        Raises
        ------
        ValueError
            If two files have the same name.
        """
        names = _names(X)
        write_rttm(path, dict(zip(names, self.predict(X), strict=True)))

    @substitute(**TEXTS)
    def to_annotation(self, X: Recordings) -> list[Annotation]:
        """Find out who speaks when, as annotations of the package ``pyannote.core``.

        Parameters
        ----------
        %(X)s

        Returns
        -------
        annotations : list of pyannote.core.Annotation
            One for each recording, named as in :meth:`to_rttm`.

        Raises
        ------
        ImportError
            If ``pyannote.core`` is not installed.
        """
        try:
            from pyannote import core
        except ImportError as error:
            raise ImportError(
                "Annotations need pyannote.core: pip install pyannote.core, or use predict."
            ) from error
        annotations = []
        for name, segments in zip(_names(X), self.predict(X), strict=True):
            annotation = core.Annotation(uri=name)
            for start, end, speaker in segments:
                annotation[core.Segment(start, end)] = speaker
            annotations.append(annotation)
        return annotations

    # What a recording goes through.

    def _open(self, X: Any, *, reset: bool) -> list[Recording]:
        check_recordings(X)
        if isinstance(self.speech, list):
            check_consistent_length(X, self.speech)
        rows = X
        if is_array := not is_list_of_recordings(X):
            rows = check_array(X, allow_nd=True, ensure_all_finite=False, estimator=self)
        validate_data(self, X, reset=reset, skip_check_array=True, ensure_2d=is_array)
        recordings, faults = open_recordings(rows, SAMPLE_RATE)
        raise_faults(faults, len(X))
        return recordings

    def _diarize(self, recording: Recording) -> list[Segment]:
        waveform = recording.read(SAMPLE_RATE)
        heard = self._hear(recording, waveform)
        segments = heard.segments(self.n_speakers, getattr(self, "threshold_", self.threshold))
        return self._name(waveform, segments) if segments else []

    def _hear(self, recording: Recording, waveform: NDArray[np.float32]) -> _Heard:
        """Detect and embed the speech of a recording."""
        if isinstance(self.speech, list):
            spans = _check_spans(self.speech[recording.index], recording, len(waveform))
        else:
            spans = find_spans(waveform, self.speech)
        windows = cut_windows(waveform, spans, self.window, self.step)
        return _Heard(spans, windows, embed_windows(waveform, windows, self._find_encoder()))

    def _find_encoder(self) -> Any:
        if self.encoder is not None:
            return _check_rate(self.encoder)
        if self.classifier is None:
            return PretrainedSpeakerEncoder()
        if self.classifier.encoder_ is None:
            raise ValueError(
                "The classifier compares embeddings and has no encoder; pass the encoder that made "
                "them as encoder=."
            )
        return _check_rate(self.classifier.encoder_)

    def _name(
        self, waveform: NDArray[np.float32], segments: list[tuple[float, float, int]]
    ) -> list[Segment]:
        """Return the segments with names instead of numbers."""
        numbers = list(dict.fromkeys(number for *_, number in segments))  # as first heard
        if self.classifier is None:
            names = [f"S{i}" for i in range(1, len(numbers) + 1)]
        else:
            voices = [[one for one in segments if one[2] == number] for number in numbers]
            names = self._recognize([speech_of(waveform, voice) for voice in voices])
        name_of = dict(zip(numbers, names, strict=True))
        return join_segments(
            [(round(start, 3), round(end, 3), name_of[number]) for start, end, number in segments]
        )

    def _recognize(self, voices: list[NDArray[np.float32]]) -> list[str]:
        """Return the names of enrolled people; each voice that is of none of them has its own."""
        who = self.classifier
        assert who is not None
        with ignore_quality_warnings():
            X = voices if who.encoder_ is not None else embed(voices, self._find_encoder())
            found = who.predict(X)
        is_known = np.isin(found, who.classes_)
        n_unknown = np.cumsum(~is_known)
        return [
            str(name) if known or n == 1 else f"{name}-{n}"
            for name, known, n in zip(found, is_known, n_unknown, strict=True)
        ]

    def _learn(self, recordings: list[Recording], y: list[list[Segment]]) -> float:
        """Return the threshold with the lowest diarization error rate, of equals the middle one."""
        heard = [self._hear(one, one.read(SAMPLE_RATE)) for one in recordings]
        rates = [
            diarization_error_rate(y, [one.segments(None, threshold) for one in heard])
            for threshold in THRESHOLDS
        ]
        best = np.flatnonzero(np.equal(rates, min(rates)))
        return THRESHOLDS[best[len(best) // 2]]

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class _Heard(NamedTuple):
    """What is known of a recording before its voices are told apart."""

    spans: list[Span]
    windows: list[Window]
    embeddings: NDArray[Any]

    def segments(
        self, n_speakers: int | None, threshold: float | None
    ) -> list[tuple[float, float, int]]:
        """Return who speaks when, speakers by number."""
        if not self.windows:
            return []
        labels = cluster(self.embeddings, n_speakers, threshold)
        return join_windows(self.windows, self.spans, labels)


def _check_rate(encoder: Any) -> Any:
    """Return the encoder; raise if it takes waveforms for what they are not."""
    rate = find_sample_rate(encoder, default=SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        front_end = type(front_end_inside(encoder)).__name__
        raise ValueError(
            f"The encoder takes arrays at {rate:g} Hz, but windows are cut at {SAMPLE_RATE} Hz; "
            f"set input_sample_rate={SAMPLE_RATE} of its {front_end}."
        )
    return encoder


def _check_spans(speech: Any, recording: Recording, n_times: int) -> list[Span]:
    """Return the given speech of a recording, as spans that do not overlap."""
    duration = n_times / SAMPLE_RATE
    name = f"speech[{recording.index}]"
    spans = [
        (start, end) for start, end, _ in check_segments([(*one[:2], "") for one in speech], name)
    ]
    for start, end in spans:
        if start >= duration:
            raise recording.fault(
                f"lasts {duration:.3f} s, but {name} has speech from {start:g} to {end:g} s; is it "
                "of another recording?"
            )
    return join_spans([(start, min(end, duration)) for start, end in spans])


def _names(X: Any) -> list[str]:
    """Return a name for each recording."""
    names = [
        Path(item).stem if isinstance(item, str | os.PathLike) else f"recording{i}"
        for i, item in enumerate(X, start=1)
    ]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise ValueError(f"Two files of X are named {repeated[0]!r}; rename one of them.")
    return names
