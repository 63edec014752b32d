"""What all front ends share: recordings are opened, checked, read, extracted and cached."""

from __future__ import annotations

import textwrap
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from .._audio import (
    MAX_DURATION,
    MAX_SAMPLE_RATE,
    MIN_DURATION,
    MIN_SAMPLE_RATE,
    AudioError,
    AudioQualityWarning,
    Recording,
    Recordings,
    is_list_of_recordings,
    open_some,
    raise_faults,
    warn_caller,
    warn_of_doubts,
)
from .._compat import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    fit_steps,
    with_callbacks,
    without_callbacks,
)
from .._docs import substitute
from .._progress import Progress
from .._state import unchanged_on_error
from ._cache import cache_frames
from .length import find_part, leave_out_silence, set_length, trim_silent_ends

Frames = NDArray[np.float32]
_Result = TypeVar("_Result")

_RECORDINGS_PER_TASK = 8

TEXTS = {
    "X": """
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
arrays of shape (n_times_i,), or list of paths
            Recordings.
        """,
    "frames": """
        frames : ndarray of shape (n_samples, n_features, n_frames), float32, or object array of \
arrays of shape (n_features, n_frames_i)
            An object array of shape (n_samples,) where recordings differ in length. The frames of
            a recording do not depend on the others.
        """,
    "AudioError": """
        AudioError
            If recordings cannot be used; the first ten are named.
        """,
    "sample_rate": """
        sample_rate : float, default=16000
            Sample rate at which the front end works, in Hz. Files are resampled from the rate in
            their header, arrays from `input_sample_rate`.
        """,
    "input_sample_rate": """
        input_sample_rate : float, default=16000
            Sample rate of arrays, in Hz.
        """,
    "duration": """
        duration : float, default=None
            Length to which all recordings are brought, in seconds, at most 3600. None keeps theirs.

        crop : {"start", "center", "loudest"}, default="center"
            The part that is kept of a recording longer than `duration`; "loudest" has the largest
            energy.
        """,
    "pad": """
        pad : {"zero", "repeat"}, default="zero"
            What follows a recording shorter than `duration`: zeros, or the recording again.
        """,
    "silence": """
        trim_silence : bool, default=False
            Whether to cut the ends of a recording that are 40 dB or more below its loudest 25 ms.

        drop_silence : bool, default=False
            Whether to leave out the pauses too: every 10 ms whose energy, in dB, is below the
            middle of the 5th and the 95th percentile of the recording. The rest is joined before
            `duration` is applied. Pauses carry the sound of the place. To drop them helps if people
            are recognized in other surroundings than those of their enrolment, and costs accuracy
            if each person has surroundings of their own (see :ref:`silence`).
        """,
    "memory": """
        memory : str or object with the joblib.Memory interface, default=None
            Where to keep the frames of each recording: the folder of a cache, or the cache. The
            content of the recording and the parameters are the key.
        """,
    "n_jobs": """
        n_jobs : int, default=None
            Number of jobs, see the scikit-learn glossary.
        """,
    "columns": """
        n_features_in_ : int
            n_times, if `X` in `fit` was an array of shape (n_samples, n_times).

        feature_names_in_ : ndarray of shape (`n_features_in_`,)
            Names of the columns, if `X` in `fit` was a data frame with names.
        """,
}
# What MFCC, LogMelSpectrogram and RawAudio have in common, in the order of their signatures.
TEXTS["parameters"] = "\n\n".join(
    textwrap.dedent(TEXTS[name]).strip("\n")
    for name in (
        "sample_rate",
        "input_sample_rate",
        "duration",
        "pad",
        "silence",
        "memory",
        "n_jobs",
    )
)


# What becomes of a batch: how many recordings it has; the frames of each, unless there are faults
# or they were only checked; a fault for each that cannot be used; a doubt for each that is probably
# not what was meant.
Extracted = tuple[int, list[Frames], list[AudioError], list[AudioError]]


class RecordingTransformer(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Base class of transformers of recordings; they implement `_extract` and `_count_features`."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "sample_rate": [Interval(Real, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE, closed="both")],
        "input_sample_rate": [Interval(Real, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE, closed="both")],
        "duration": [Interval(Real, 0, MAX_DURATION, closed="right"), None],
        "crop": [StrOptions({"start", "center", "loudest"})],
        "pad": [StrOptions({"zero", "repeat"})],
        "trim_silence": ["boolean"],
        "drop_silence": ["boolean"],
        "memory": [str, PathLike, HasMethods(["cache"]), None],
        "n_jobs": [Integral, None],
    }

    sample_rate: float
    input_sample_rate: float
    duration: float | None
    crop: str
    pad: str
    trim_silence: bool
    drop_silence: bool = False
    memory: Any
    n_jobs: int | None

    @abstractmethod
    def _extract(self, waveform: NDArray[np.float32]) -> Frames:
        """Return (n_features, n_frames), or (n_dims,), of a waveform of one sample or more."""

    @abstractmethod
    def _count_features(self) -> int:
        """Return n_features or n_dims."""

    def _check_parameters(self) -> None:
        """Raise ValueError for parameters that do not go together."""

    @substitute(**TEXTS)
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Recordings, y: Any = None) -> Self:
        """Check all of `X`; nothing is learned from it.

        Parameters
        ----------
        %(X)s
            An array of shape (n_samples, n_times) fixes n_times for `transform`.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted front end.

        Raises
        ------
        %(AudioError)s
        """
        with unchanged_on_error(self):
            self._fit(X, extract=False)
        return self

    @substitute(**TEXTS)
    @fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Recordings, y: Any = None) -> NDArray:
        """Check all of `X` and return its frames, reading it once.

        Parameters
        ----------
        %(X)s

        y : None
            Ignored.

        Returns
        -------
        %(frames)s

        Raises
        ------
        %(AudioError)s
        """
        with unchanged_on_error(self):
            return self._fit(X, extract=True)

    @substitute(**TEXTS)
    def transform(self, X: Recordings) -> NDArray:
        """Return the frames of each recording.

        Parameters
        ----------
        %(X)s

        Returns
        -------
        %(frames)s

        Raises
        ------
        %(AudioError)s
        """
        check_is_fitted(self)
        return self._transform(X)

    @with_callbacks
    def _fit(self, X: Recordings, *, extract: bool) -> NDArray:
        """Check all recordings and return the frames of each, or an empty array."""
        recordings = self._check_input(X, reset=True)
        n_tasks = -(-len(recordings) // _RECORDINGS_PER_TASK)
        with fit_steps(self, X, n_tasks) as tell_step:
            return self._run(recordings, extract=extract, tell_step=tell_step)

    def _transform(self, X: Recordings) -> NDArray:
        return self._run(self._check_input(X, reset=False), extract=True)

    def _check_input(self, X: Any, *, reset: bool) -> Any:
        """Return a list or an array of recordings; set or check what scikit-learn asks for."""
        if reset:
            self._check_parameters()
            self._n_features_out = self._count_features()
            self.__dict__.pop("n_features_in_", None)
        _refuse_other_containers(X)
        # Names of columns only: paths and waveforms of different lengths have no columns.
        validate_data(self, X, reset=reset, skip_check_array=True, ensure_2d=False)
        if is_list_of_recordings(X):
            return list(X)
        X = check_array(X, allow_nd=True, ensure_all_finite=False, estimator=self)
        if X.ndim > 3:
            raise ValueError(
                f"{type(self).__name__} takes waveforms of shape (n_samples, n_times) or "
                f"(n_samples, 1, n_times), got shape {X.shape}."
            )
        if X.ndim == 2:
            self._check_n_times(X.shape[1], reset=reset)
        if X.shape[-1] < MIN_DURATION * self.input_sample_rate:
            warn_caller(
                f"The rows of X have {X.shape[-1]} samples, "
                f"{X.shape[-1] / self.input_sample_rate:.3g} s at "
                f"input_sample_rate={self.input_sample_rate:g} Hz; if they are no waveforms, pass "
                "a list of paths or of arrays of samples.",
                AudioQualityWarning,
            )
        return X

    def _check_n_times(self, n_times: int, *, reset: bool) -> None:
        if reset:
            self.n_features_in_ = n_times
        fitted = getattr(self, "n_features_in_", n_times)
        if n_times != fitted:
            raise ValueError(
                f"X has {n_times} features, but {type(self).__name__} is expecting {fitted} "
                "features as input; pass a list of 1-D arrays for recordings of other lengths"
            )

    def _run(
        self, X: Any, *, extract: bool, tell_step: Callable[[], None] = lambda: None
    ) -> NDArray:
        """Extract, or only check; what is wrong anywhere in `X` is said in one error."""
        frames: list[Frames] = []
        faults: list[AudioError] = []
        doubts: list[AudioError] = []
        with Progress(
            "Extracting frames" if extract else "Checking recordings", len(X)
        ) as progress:
            for n_recordings, some, bad, doubtful in self.extract_batches(X, extract=extract):
                frames += some
                faults += bad
                doubts += doubtful
                progress.advance(n_recordings)
                tell_step()
        warn_of_doubts(doubts)
        raise_faults(faults, len(X))
        return _as_array(frames) if extract else np.empty(0)

    def extract_batches(
        self, X: Any, *, extract: bool = True, first: int = 0
    ) -> Iterator[Extracted]:
        """Yield what becomes of each batch, in order, from the recording `first` on."""
        front_end, is_rows = without_callbacks(self), not is_list_of_recordings(X)
        has_faults = False
        tasks = (
            delayed(front_end._extract_batch)(
                X[start : start + _RECORDINGS_PER_TASK],
                start,
                is_rows,
                extract and not has_faults,
            )
            for start in range(first, len(X), _RECORDINGS_PER_TASK)
        )
        try:
            parallel = Parallel(n_jobs=self.n_jobs, return_as="generator")
        except ValueError:  # a backend that returns all results at once, such as multiprocessing
            parallel = Parallel(n_jobs=self.n_jobs)
        for batch in parallel(tasks):
            # There will be an error, and it is to name all faults: the rest is only checked.
            _, _, faults, _ = batch
            has_faults = has_faults or bool(faults)
            yield batch

    def _extract_batch(self, items: Any, first: int, is_rows: bool, extract: bool) -> Extracted:
        """Open recordings; if all seem usable, extract their frames, else check the others."""
        rates = self.input_sample_rate, self.sample_rate
        recordings, faults, doubts = open_some(items, first, is_rows, *rates)
        results: Sequence[Frames | AudioError | None]
        try:
            if extract and not faults:
                with np.errstate(over="ignore", invalid="ignore"):  # `frames_or_fault` looks
                    results = self._extract_recordings(recordings)
            else:
                results = [catch(Recording.check, recording) for recording in recordings]
        finally:
            for recording in recordings:
                recording.close()
        faults += [result for result in results if isinstance(result, AudioError)]
        frames = [] if faults else [result for result in results if isinstance(result, np.ndarray)]
        return len(items), frames, faults, doubts

    def _extract_recordings(self, recordings: Sequence[Recording]) -> list[Frames | AudioError]:
        """Return the frames of each recording, or the fault of those that cannot be used."""
        # Subclasses whose recordings share work replace this. Where there are faults, nothing else
        # of what it returns is used.
        extract = self._make_extractor()
        return [catch(extract, recording) for recording in recordings]

    def _make_extractor(self) -> Callable[[Recording], Frames]:
        """Return the function of a recording that extracts its frames, cached by `memory`."""
        if self.memory is None:
            return self._extract_frames
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        return cache_frames(self._extract_frames, self.memory, name, self._identity())

    def _extract_frames(self, recording: Recording) -> Frames:
        """Return the frames of a recording; raise `AudioError` if it cannot be used."""
        checked = frames_or_fault(recording, self._extract(self._read(recording)))
        if isinstance(checked, AudioError):
            raise checked
        return checked

    def _read(self, recording: Recording) -> NDArray[np.float32]:
        """Return the waveform of a recording, (n_times,), with silence and length as asked."""
        rate, keep, n_times = self.sample_rate, None, None
        if self.duration is not None:
            n_times = max(1, round(self.duration * rate))
            # Where the part to keep is known beforehand, no more of a file lies in memory.
            if self.crop != "loudest" and not (self.trim_silence or self.drop_silence):
                keep = partial(find_part, n_times=n_times, crop=self.crop)
        waveform = recording.read(rate, keep)
        if self.trim_silence:
            waveform = trim_silent_ends(waveform, rate)
        if self.drop_silence:
            waveform = leave_out_silence(waveform, rate)
        if n_times is not None:
            waveform = set_length(waveform, n_times, self.crop, self.pad)
        return waveform

    def _usable_waveforms(
        self, recordings: Sequence[Recording], faults: list[AudioError]
    ) -> Iterator[NDArray[np.float32]]:
        """Yield waveforms at `sample_rate`; recordings that have none are added to `faults`."""
        for recording in recordings:
            waveform = catch(self._read, recording)
            if isinstance(waveform, AudioError):
                faults.append(waveform)
            else:
                yield waveform

    def _identity(self) -> dict[str, Any]:
        """Return the parameters that decide, beside a recording, what is extracted from it."""
        parameters = self.get_params(deep=False)
        del parameters["memory"], parameters["n_jobs"]
        return parameters

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_n_features_out")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class FrontEnd(RecordingTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Base class of the transformers from recordings to frames, which have three axes."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Accept what scikit-learn's transformers accept; it has no effect on frames.

        A data frame has no third axis. ``pipeline.set_output(transform="pandas")`` works, and has
        its effect on the steps with two-dimensional output.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Ignored.

        Returns
        -------
        self : object
            The front end.
        """
        return self


def _refuse_other_containers(X: Any) -> None:
    """Raise for an X that holds no recordings, or holds paths where waveforms belong."""
    if hasattr(X, "__len__") and len(X) == 0 and len(getattr(X, "shape", (0,))) == 1:
        raise ValueError("X is empty; pass at least one recording: a path, or an array of samples.")
    if len(getattr(X, "shape", ())) > 1 and _holds_text(np.asarray(X)):
        raise ValueError(
            f"X has shape {X.shape} and holds paths; pass one column, a list of paths."
        )


def _holds_text(array: NDArray) -> bool:
    if array.dtype.kind == "O":
        return any(isinstance(item, (str, PathLike)) for item in array.ravel())
    return array.dtype.kind in "US"


def frames_or_fault(recording: Recording, frames: Frames) -> Frames | AudioError:
    """Return the frames, or the fault of a recording that has such frames."""
    if np.isfinite(frames).all():
        return frames
    return recording.fault(
        "has samples so large that its frames are not finite; scale it to [-1, 1]."
    )


def catch(function: Callable[[Recording], _Result], recording: Recording) -> _Result | AudioError:
    """Return what the function returns, or the fault of a recording that it cannot use."""
    try:
        return function(recording)
    except AudioError as fault:
        return fault
    except MemoryError as error:
        return recording.fault(
            f"needs more memory than there is ({error or 'MemoryError'}); set duration, lower "
            "sample_rate, or cut it into shorter ones."
        )


def pass_in_blocks(
    function: Callable[[NDArray], NDArray], groups: Iterable[Iterable[NDArray]], n_together: int
) -> list[NDArray]:
    """Return the outputs of a function of blocks of rows, (n_rows_i, n_dims) for each group."""
    # Blocks always have the same size, filled up with zeros: the bits of a matrix product depend on
    # its shape, and a recording must not depend on its neighbors.
    counts: list[int] = []

    def flat() -> Iterator[NDArray]:
        for group in groups:
            counts.append(0)
            for row in group:
                counts[-1] += 1
                yield row

    rows, outputs = flat(), []
    while block := list(islice(rows, n_together)):
        padded = np.zeros((n_together, *block[0].shape), dtype=np.float32)
        padded[: len(block)] = block
        outputs += list(function(padded)[: len(block)])
    ends = np.cumsum(counts, dtype=int)
    return [np.stack(outputs[end - n : end]) for n, end in zip(counts, ends, strict=True)]


def _as_array(frames: list[Frames]) -> NDArray:
    """Return one array of recordings of one length, an object array of others."""
    if len({recording.shape for recording in frames}) == 1:
        return np.stack(frames)
    ragged = np.empty(len(frames), dtype=object)
    for index, recording in enumerate(frames):
        ragged[index] = recording
    return ragged
