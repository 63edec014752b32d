"""What all front ends share: sound in, frames out, one recording at a time."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from numbers import Integral, Real
from os import PathLike, fspath
from typing import ClassVar

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, check_memory, validate_data

from .._audio import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    AudioError,
    is_list_of_recordings,
    open_recordings,
    raise_faults,
)
from .._compat import HasMethods, Interval, StrOptions, _fit_context
from .._state import unchanged_on_error
from ._length import set_length, trim_silent_ends

_RECORDINGS_PER_TASK = 32


class RecordingTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Base class of the transformers that take recordings.

    A subclass has the parameters of `RawAudio`, implements `_extract` and `_count_features`, and
    checks in `_check_parameters` what one parameter alone cannot tell.
    """

    _parameter_constraints: ClassVar[dict] = {
        "sample_rate": [Interval(Real, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE, closed="both")],
        "input_sample_rate": [Interval(Real, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE, closed="both")],
        "duration": [Interval(Real, 0, None, closed="neither"), None],
        "crop": [StrOptions({"start", "center", "loudest"})],
        "pad": [StrOptions({"zero", "repeat"})],
        "trim_silence": ["boolean"],
        "memory": [str, PathLike, HasMethods(["cache"]), None],
        "n_jobs": [Integral, None],
    }

    @abstractmethod
    def _extract(self, waveform):
        """Return a float32 array for a waveform at `sample_rate`, which may be a single sample.

        Frames have shape (n_features, n_frames), at least one; embeddings have shape (n_dims,).
        """

    @abstractmethod
    def _count_features(self):
        """Return n_features or n_dims."""

    def _check_parameters(self):
        """Raise ValueError for parameters that do not go together."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check all of `X`; nothing is learned from it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
                arrays of shape (n_times_i,), or list of paths
            Recordings. An array of shape (n_samples, n_times) fixes n_times for `transform`.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted front end.

        Raises
        ------
        AudioError
            If recordings cannot be used; the first ten are named.
        """
        with unchanged_on_error(self):
            self._run(X, reset=True, extract=False)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None):
        """Check all of `X` and return its frames, reading it once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
                arrays of shape (n_times_i,), or list of paths
            Recordings.

        y : None
            Ignored.

        Returns
        -------
        frames : ndarray of shape (n_samples, n_features, n_frames), float32, or object array of \
                arrays of shape (n_features, n_frames_i)
            See `transform`.
        """
        with unchanged_on_error(self):
            return self._run(X, reset=True, extract=True)

    def transform(self, X):
        """Return the frames of each recording.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_times) or (n_samples, 1, n_times), or list of \
                arrays of shape (n_times_i,), or list of paths
            Recordings.

        Returns
        -------
        frames : ndarray of shape (n_samples, n_features, n_frames), float32, or object array of \
                arrays of shape (n_features, n_frames_i)
            An object array of shape (n_samples,) where recordings differ in length. The frames of
            a recording do not depend on the others.

        Raises
        ------
        AudioError
            If recordings cannot be used; the first ten are named.
        """
        check_is_fitted(self)
        return self._run(X, reset=False, extract=True)

    def _run(self, X, *, reset, extract):
        """Look at all recordings first; extract only if none is known to be unusable by then."""
        X = self._check_input(X, reset=reset)
        recordings, faults = open_recordings(X, self.input_sample_rate, self.sample_rate)
        work = _extract_batch if extract and not faults else _check_batch
        batches = Parallel(n_jobs=self.n_jobs)(
            delayed(work)(self, recordings[start : start + _RECORDINGS_PER_TASK])
            for start in range(0, len(recordings), _RECORDINGS_PER_TASK)
        )
        results = [result for batch in batches for result in batch]
        faults += [result for result in results if isinstance(result, AudioError)]
        raise_faults(faults, len(X))
        return _as_array(results) if extract else None

    def _check_input(self, X, *, reset):
        """Return a list or an array of recordings; set or check what scikit-learn asks for."""
        if reset:
            self._check_parameters()
            self._n_features_out = self._count_features()
            vars(self).pop("n_features_in_", None)
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
        return X

    def _check_n_times(self, n_times, *, reset):
        if reset:
            self.n_features_in_ = n_times
        fitted = getattr(self, "n_features_in_", n_times)
        if n_times != fitted:
            raise ValueError(
                f"X has {n_times} features, but {type(self).__name__} is expecting {fitted} "
                "features as input; pass a list of 1-D arrays for recordings of other lengths"
            )

    def _extract_recordings(self, recordings):
        """Return the frames of each recording, or the fault of those that cannot be used.

        A subclass that has work to share between recordings replaces it; where there are faults,
        nothing else of what it returns is used.
        """
        extract = self._make_extractor()
        return [_catch(extract, recording) for recording in recordings]

    def _make_extractor(self):
        """Return the function of a recording that extracts its frames, cached by `memory`."""
        if self.memory is None:
            return partial(_extract_frames, self)
        memory = fspath(self.memory) if isinstance(self.memory, PathLike) else self.memory
        cached = check_memory(memory).cache(_extract_known, ignore=["front_end", "recording"])
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        parameters = self._identity()
        return lambda recording: cached(self, recording, recording.fingerprint(), name, parameters)

    def _identity(self):
        """Return the parameters that decide, beside a recording, what is extracted from it."""
        parameters = self.get_params(deep=False)
        del parameters["memory"], parameters["n_jobs"]
        return parameters

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_n_features_out")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class FrontEnd(RecordingTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Base class of the transformers from recordings to frames, which have three axes."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    def set_output(self, *, transform=None):
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


# Functions of the module, because joblib sends them to other processes and caches by their name.


def _check_batch(front_end, recordings):
    """Return None or the fault of each; what is in memory has been checked when it was opened."""
    return [
        None if recording.path is None else _catch(_read_and_forget, recording)
        for recording in recordings
    ]


def _extract_batch(front_end, recordings):
    """Return the frames or the fault of each."""
    return front_end._extract_recordings(recordings)


def usable_waveforms(front_end, recordings, faults):
    """Yield waveforms as the front end wants them; the others are added to the list of faults."""
    for recording in recordings:
        waveform = _catch(partial(_read_waveform, front_end), recording)
        if isinstance(waveform, AudioError):
            faults.append(waveform)
        else:
            yield waveform


def _catch(function, recording):
    try:
        return function(recording)
    except AudioError as fault:
        return fault


def _read_and_forget(recording):
    recording.read()


def _extract_known(front_end, recording, fingerprint, name, parameters):
    """Extract frames that joblib's cache knows by the last three arguments."""
    return _extract_frames(front_end, recording)


def _extract_frames(front_end, recording):
    return front_end._extract(_read_waveform(front_end, recording))


def _read_waveform(front_end, recording):
    waveform = recording.read(front_end.sample_rate)
    if front_end.trim_silence:
        waveform = trim_silent_ends(waveform, front_end.sample_rate)
    if front_end.duration is not None:
        n_times = max(1, round(front_end.duration * front_end.sample_rate))
        waveform = set_length(waveform, n_times, front_end.crop, front_end.pad)
    return waveform


def _as_array(frames):
    if len({recording.shape for recording in frames}) == 1:
        return np.stack(frames)
    ragged = np.empty(len(frames), dtype=object)
    for index, recording in enumerate(frames):
        ragged[index] = recording
    return ragged
