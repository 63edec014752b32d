"""SpeakerStore: enrolled people in one file that survives, whatever happens to the process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch, check_consistent_length, column_or_1d
from sklearn.utils.validation import check_is_fitted

from ..._audio import warn_caller
from ..._estimators import published_threshold
from ..._files import hash_content
from ..._labels import are_strings, check_speakers
from ..._state import changed_at_once
from ...encoders.fingerprint import fingerprint, make_ready
from ...model_selection import find_embedding_metric
from ...similarity import check_embeddings
from .._embedding import check_recordings, embed, refuse_paths
from .._one_shot import OneShotClassifier
from ._store_file import SpeakerStoreError, StoreFile
from ._store_rows import (
    calibration_in,
    check_encoder,
    encoder_of,
    insert,
    is_enrolled,
    keep_calibration,
    names_in,
    read_voiceprints,
    version_of,
    whole_voiceprints,
)

_NO_ENCODER = "none"  # of embeddings that were given as such
# Parameters of a classifier that its threshold was calibrated with, and the threshold.
_CALIBRATED = ("threshold", "margin", "aggregation", "metric", "cohort")
_MOST_NAMED = 10  # names in an error


class SpeakerStore:
    """Enrolled people in one file: what is committed stays, and what is forgotten is overwritten.

    The file is an SQLite database, readable by its owner only. Any number of processes and threads
    may enrol, forget and recognize at once; a process that is killed leaves everything that was
    committed before, and nothing of what was not. A voiceprint is the embedding of a recording, the
    name, the time, a hash of the recording and the fingerprint of the encoder. The sound itself is
    not kept.

    Read more in the :ref:`User Guide <voiceprints>`.

    Parameters
    ----------
    path : path
        The file. The first enrolment makes it, with mode 0600.

    timeout : float, default=10.0
        Seconds that a call waits for other processes before it raises: for those that change the
        store, and after :meth:`forget` for those that read it.

    See Also
    --------
    OneShotClassifier : What :meth:`classifier` returns.

    Notes
    -----
    The database has a write-ahead log: two files beside it, ``-wal`` and ``-shm``, while somebody
    uses it. All three are one store; copy them when no process has them open, or copy with
    :meth:`sqlite3.Connection.backup`. It belongs on a local disk, as SQLite's locks do not hold on
    network drives.

    Each voiceprint has a checksum, which is compared when it is read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn_siamese_speaker import SpeakerStore
    >>> folder = TemporaryDirectory()
    >>> store = SpeakerStore(Path(folder.name, "people.db"))
    >>> store.enrol(["ana", "ben"], [[0.0, 0.0], [4.0, 0.0]]).people
    ['ana', 'ben']
    >>> store.classifier().predict([[3.0, 1.0]])
    array(['ben'], dtype='<U3')
    >>> store.forget("ben").people
    ['ana']
    >>> folder.cleanup()
    """

    def __init__(self, path: str | PathLike[str], *, timeout: float = 10.0) -> None:
        self.path = path
        self.timeout = timeout

    def __repr__(self) -> str:
        return f"SpeakerStore({os.fspath(self.path)!r})"

    @property
    def people(self) -> list[str]:
        """Names of the enrolled people, sorted."""
        with self._file().reading() as db:
            return names_in(db)

    @property
    def encoder(self) -> str | None:
        """Fingerprint of the encoder that the people are enrolled with, None if there is nobody."""
        with self._file().reading() as db:
            return encoder_of(db)

    def enrol(self, names: ArrayLike, X: ArrayLike, encoder: BaseEstimator | None = None) -> Self:
        """Enrol recordings, of people enrolled already or of others; all of them or none.

        Parameters
        ----------
        names : array-like of shape (n_samples,), str
            Who speaks in each recording.

        X : array-like of shape (n_samples, n_dims), or whatever the encoder takes
            Recordings. One that this person is enrolled with already is not enrolled twice.

        encoder : transformer or None, default=None
            Turns X into embeddings; it must be fitted, or need no fit. None: `X` is embeddings.

        Returns
        -------
        self : SpeakerStore
            The store.

        Raises
        ------
        ValueError
            If a name cannot be one, the store holds voiceprints of another encoder, or a recording
            is enrolled under another name.
        SpeakerStoreError
            If the store cannot be used.
        """
        labels = _check_names(names)
        check_recordings(X)
        check_consistent_length(X, labels)
        ready = None if encoder is None else make_ready(encoder)
        E = _embed(X, ready)
        hashes = (
            [None] * len(labels) if ready is None else [hash_content(item) for item in _items(X)]
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._file().changing() as db:
            check_encoder(db, self.path, _fingerprint(ready), E.shape[1])
            for name, embedding, recording in zip(labels.tolist(), E, hashes, strict=True):
                if not is_enrolled(db, self.path, name, recording):
                    insert(db, name, embedding.tobytes(), now, recording, _fingerprint(ready))
        return self

    def forget(self, names: ArrayLike) -> Self:
        """Remove people for good: no byte of name and embedding is left in any of the files.

        Backups are not reached, nor is the memory of a classifier that does not follow the store.

        Parameters
        ----------
        names : str or array-like of shape (n_forgotten,)
            People to remove.

        Returns
        -------
        self : SpeakerStore
            The store without them.

        Raises
        ------
        ValueError
            If a name is not enrolled; then nobody is forgotten.
        NotErasedError
            If another process has been reading for `timeout` seconds. The people are removed, and
            the next change of the store overwrites what was theirs.
        SpeakerStoreError
            If the store cannot be used.
        """
        forgotten = column_or_1d(np.atleast_1d(names)).tolist()
        with self._file().reading():  # raises if there is no file yet
            pass
        with self._file().changing() as db:
            unknown = sorted(set(forgotten) - set(names_in(db)))
            if unknown:
                raise ValueError(
                    f"Cannot forget {_some(unknown)}: not enrolled in {os.fspath(self.path)!r}."
                )
            db.executemany("DELETE FROM voiceprints WHERE name = ?", [[n] for n in forgotten])
            db.execute("UPDATE store SET to_erase = lower(hex(randomblob(16)))")
        return self.erase()

    def erase(self) -> Self:
        """Overwrite what :meth:`forget` has removed, if another process kept it from doing so.

        Returns
        -------
        self : SpeakerStore
            The store.

        Raises
        ------
        NotErasedError
            If another process is still reading after `timeout` seconds.
        """
        self._file().erase()
        return self

    def voiceprints(self) -> Bunch:
        """Return all that the store holds, in the order of enrolment.

        Returns
        -------
        voiceprints : :class:`~sklearn.utils.Bunch`
            With one entry for each recording in

            names : ndarray of shape (n_enrolled,), str
                Who speaks.
            embeddings : ndarray of shape (n_enrolled, n_dims), float32
                The embeddings.
            enrolled : ndarray of shape (n_enrolled,), datetime64[s]
                When it was enrolled, UTC.
            recordings : list of str or None
                SHA-256 of each recording; None if an embedding was enrolled.

            and beside them

            encoder : str or None
                Fingerprint of the encoder; None if there is nobody.

        Raises
        ------
        SpeakerStoreError
            If the store cannot be used, or a checksum does not match.
        """
        with self._file().reading() as db:
            return read_voiceprints(db, self._file())

    def classifier(
        self,
        encoder: BaseEstimator | None = None,
        *,
        follow: bool = False,
        **parameters: Any,
    ) -> OneShotClassifier:
        """Return a classifier that recognizes the enrolled people.

        Its threshold is the one that :meth:`keep_calibration` kept; else the `threshold_` of the
        encoder, if it publishes one; else None, which accepts everybody.

        Parameters
        ----------
        encoder : transformer or None, default=None
            The encoder that the people were enrolled with, as in :meth:`enrol`.

        follow : bool, default=False
            Whether the classifier looks for changes of the store, by any process, at each call.
            Such a classifier cannot be changed itself: enrol and forget in the store.

        **parameters : dict
            Parameters of :class:`OneShotClassifier`. A calibration that was made with other ones is
            not used.

        Returns
        -------
        classifier : OneShotClassifier
            Equal, to the bit, to one that is fitted on the recordings.

        Raises
        ------
        ValueError
            If nobody is enrolled, or with another encoder.
        SpeakerStoreError
            If the store cannot be used, or a checksum does not match.

        Warns
        -----
        UserWarning
            If more people are enrolled than the threshold was calibrated for.
        """
        ready = None if encoder is None else make_ready(encoder)
        if follow:
            return FollowingClassifier(ready, **parameters).follow(self, ready, parameters)
        who = OneShotClassifier(ready, **parameters)
        _take_over(who, ready, self._contents(ready), parameters)
        return who

    def _contents(self, encoder: BaseEstimator | None) -> Bunch:
        """Return `voiceprints`, the `calibration` for this encoder or None, and the `version`."""
        with self._file().reading() as db:  # all of one moment
            contents = read_voiceprints(db, self._file())
            if not len(contents.names):
                raise ValueError(f"Nobody is enrolled in {os.fspath(self.path)!r}.")
            check_encoder(db, self.path, _fingerprint(encoder), contents.embeddings.shape[1])
            calibration = calibration_in(db, self._file())
            is_ours = calibration is not None and calibration["encoder"] == contents.encoder
            contents.update(calibration=calibration if is_ours else None, version=version_of(db))
            return contents

    def _version(self) -> str:
        """Return a random token, new at each write."""
        with self._file().reading() as db:
            return version_of(db)

    @property
    def calibration(self) -> dict[str, Any] | None:
        """What :meth:`keep_calibration` kept, else None.

        A dict of the `parameters` of the classifier, its threshold among them; `found`, its
        `calibration_`; the fingerprint of the `encoder`; and `is_stale`, whether more people are
        enrolled now than it was made for.
        """
        with self._file().reading() as db:
            calibration = calibration_in(db, self._file())
            if calibration is not None:
                calibration["is_stale"] = len(names_in(db)) > calibration["found"]["n_enrolled"]
            return calibration

    def keep_calibration(self, classifier: OneShotClassifier) -> Self:
        """Keep the threshold that a classifier calibrated, for later :meth:`classifier` calls.

        Parameters
        ----------
        classifier : OneShotClassifier
            One that :meth:`classifier` returned, after its `calibrate_threshold`.

        Returns
        -------
        self : SpeakerStore
            The store.

        Raises
        ------
        ValueError
            If the classifier is not calibrated, its threshold was changed since, or its encoder is
            not that of the store.
        """
        check_is_fitted(classifier)
        found = classifier.calibration_
        if found is None or found["threshold"] != classifier.threshold:
            raise ValueError(
                "The threshold of the classifier is not a calibrated one: call "
                "calibrate_threshold first."
            )
        encoder = classifier.encoder_
        ready = None if encoder is None else make_ready(encoder)
        parameters = {name: getattr(classifier, name) for name in _CALIBRATED}
        kept = {"parameters": parameters, "found": found, "encoder": _fingerprint(ready)}
        with self._file().changing() as db:
            check_encoder(db, self.path, _fingerprint(ready), classifier.embeddings_.shape[1])
            keep_calibration(db, kept)
        return self

    def rescue(self, damaged: str | PathLike[str]) -> int:
        """Enrol what can still be read of a damaged store.

        Parameters
        ----------
        damaged : path
            The damaged file. It is not changed; a copy is safer all the same.

        Returns
        -------
        n_rescued : int
            Number of voiceprints that were read and whose checksum matches.

        Raises
        ------
        SpeakerStoreError
            If nothing can be read.
        """
        whole = whole_voiceprints(os.fspath(damaged))
        if not whole:
            raise SpeakerStoreError(
                f"No voiceprint in {os.fspath(damaged)!r} can be read; bring back a backup."
            )
        with self._file().changing() as db:
            for name, embedding, enrolled, recording, encoder in whole:
                check_encoder(db, self.path, encoder, len(embedding) // 4)
                if not is_enrolled(db, self.path, name, recording):
                    insert(db, name, embedding, enrolled, recording, encoder)
        return len(whole)

    def _file(self) -> StoreFile:
        return StoreFile(self.path, self.timeout)


class FollowingClassifier(OneShotClassifier):
    """A `OneShotClassifier` that looks into its store before each answer; a clone has no store."""

    _store: SpeakerStore | None = None
    _version: str
    _given: dict[str, Any]

    def follow(
        self, store: SpeakerStore, encoder: BaseEstimator | None, given: dict[str, Any]
    ) -> Self:
        """Follow a store from now on."""
        self._store, self._given, self.encoder_ = store, given, encoder
        self._catch_up(store)
        return self

    def _catch_up(self, store: SpeakerStore) -> None:
        with changed_at_once(self) as changed:
            contents = store._contents(self.encoder_)
            _take_over(changed, self.encoder_, contents, self._given)
            changed._version = contents.version

    def _now(self) -> Self:
        if self._store is not None and self._store._version() != self._version:
            self._catch_up(self._store)
        now = super()._now()
        now._store = None  # the copy that gives one answer does not look again
        return now

    def _changing(self) -> AbstractContextManager[Self]:
        # Every change comes through here, but that of `_catch_up`.
        if self._store is not None:
            raise AttributeError(
                f"This classifier follows {self._store!r}: enrol and forget there. To calibrate, "
                "take store.classifier(encoder) without follow, and store.keep_calibration of it."
            )
        return super()._changing()


def _take_over(
    who: OneShotClassifier,
    encoder: BaseEstimator | None,
    contents: Bunch,
    given: dict[str, Any],
) -> None:
    """Enrol in a classifier all whom a store holds, and take the threshold that is kept there."""
    who._validate_params()
    calibration = _usable(contents.calibration, given)
    if calibration is not None:
        who.set_params(**calibration["parameters"])
    elif not given.keys() & {"threshold", "metric"}:
        metric = find_embedding_metric(encoder)
        who.set_params(threshold=published_threshold(encoder, metric))
    who._unknown_label(np.unique(contents.names))
    who.encoder_ = encoder
    who.calibration_ = None if calibration is None else calibration["found"]
    who._enrol(contents.embeddings, contents.names)
    _warn_if_stale(who)


def _usable(calibration: dict[str, Any] | None, given: dict[str, Any]) -> dict[str, Any] | None:
    """Return a calibration, None if it was made with other parameters than the user has given."""
    if calibration is None:
        return None
    parameters = calibration["parameters"]
    chosen = given.keys() & set(_CALIBRATED)
    if not all(np.array_equal(given[name], parameters[name]) for name in chosen):
        return None
    if parameters["cohort"] is not None:
        parameters["cohort"] = np.array(parameters["cohort"], dtype=np.float32)
    return calibration


def _warn_if_stale(who: OneShotClassifier) -> None:
    if who.calibration_ is None:
        return
    n_now, n_calibrated = len(who.classes_), who.calibration_["n_enrolled"]
    if n_now > n_calibrated:
        warn_caller(
            f"{n_now} people are in the store, but its threshold was calibrated for "
            f"{n_calibrated}: more than target_far={who.calibration_['target_far']} of unknown "
            "recordings may pass. Calibrate again, and keep_calibration."
        )


def _check_names(names: ArrayLike) -> NDArray[np.str_]:
    """Return names as an array; each can be printed, and none is the answer for nobody."""
    labels = check_speakers(names)
    if not are_strings(labels):
        raise TypeError(f"A store holds names, which are strings; got {labels.tolist()[0]!r}.")
    for i, name in enumerate(labels.tolist()):
        if not name.strip() or not name.isprintable():
            raise ValueError(
                f"names[{i}] is {name!r}: a name has letters, and nothing that cannot be printed."
            )
        if name == "unknown":
            raise ValueError(
                f"names[{i}] is 'unknown', which is the answer for people who are not enrolled: "
                "choose another name."
            )
    return labels


def _embed(X: ArrayLike, encoder: BaseEstimator | None) -> NDArray[np.float32]:
    if encoder is None:
        refuse_paths(X, "embeddings are expected where encoder=None.")
    E = check_embeddings(X, "X") if encoder is None else embed(X, encoder)
    # Embeddings beyond float32 become infinite, which `check_embeddings` refuses.
    with np.errstate(over="ignore"):
        return check_embeddings(E.astype("<f4"), "X")


def _fingerprint(encoder: BaseEstimator | None) -> str:
    return _NO_ENCODER if encoder is None else fingerprint(encoder)


def _items(X: Any) -> Iterable[Any]:
    return X.to_numpy() if hasattr(X, "to_numpy") else X


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{names[:_MOST_NAMED]}{more}"
