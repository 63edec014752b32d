"""SiameseSpeakerEncoder: recordings in, an embedding of their speakers out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ..._audio import warn_caller
from ..._compat import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    with_callbacks,
)
from ..._interrupts import uninterrupted
from ..._labels import check_speakers
from ..._state import unchanged_on_error
from ...features import FrameStore
from ...features.frames import FrameSequence, check_frames
from ._part import Part, hide_var_keyword

if TYPE_CHECKING:
    import torch
    from sklearn.utils import Bunch
    from skorch import NeuralNet

    from ...model_selection import NShotKWaySplit
    from ...nn import Loss, Siamese
    from ._checkpoint import Checkpoint
    from ._parts import Augmentation
    from ._training import Training

    Choice = str | Callable[..., Any]  # of a part: a registered name, a class, a module


def _has_pair_head(encoder: SiameseSpeakerEncoder) -> bool:
    from ...nn import LOSSES
    from ...nn.protocols import ask

    loss = getattr(encoder, "_fitted_params", {"loss": encoder.loss})["loss"]
    if ask(LOSSES.get(loss) if isinstance(loss, str) else loss, "pair_logits") is not None:
        return True
    raise AttributeError(f"pair_proba needs loss='bce'; this encoder has loss={loss!r}.")


class SiameseSpeakerEncoder(
    ClassNamePrefixFeaturesOutMixin,
    CallbackSupportMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Speaker embeddings learned by a Siamese network.

    `fit` trains a network on pairs of recordings of background speakers; `transform` maps
    recordings of any speaker, also of ones never heard, to points whose distance says how alike
    two voices are. The training loop is skorch's.

    Network, metric, loss, pairs, optimizer and schedule are parts: each is chosen by the name of a
    class, as a class, or, network and loss, as a module of your own that is built already. The
    arguments of a part are parameters too, named ``<part>__<argument>`` as in
    ``network__n_units=64``: they can be given here, set by `set_params` and searched, and
    ``get_params()`` lists those of the chosen parts. One that a part does not take raises.

    A parameter that is "auto" has the value that suits the network: what its attribute `recipe`
    says, and else the common value named below.

    Parameters
    ----------
    network : {"auto", "statistics", "discriminant", "cnn2d", "cnn1d", "lstm", "cnn_lstm", \
            "tdnn"}, class or torch.nn.Module, default="auto"
        What encodes a recording. "auto" is "statistics", pooled statistics with a start in closed
        form; "cnn1d" for one feature (raw audio); "discriminant" for more than 100, embeddings of
        another encoder. "cnn2d" is the case study's, "tdnn" an x-vector style network. A class, or
        another callable, is called as ``network(n_features, **arguments)``. A module is copied, its
        weights are the start. Each maps ``(batch, n_features, n_frames)`` to ``(batch, n_dims)``.
    metric : {"euclidean", "cosine", "manhattan", "weighted_manhattan"}, class or \
            torch.nn.Module, default="euclidean"
        Distance between two embeddings. "weighted_manhattan" learns a non-negative weight for
        each dimension [2]_. A class is a :class:`~sklearn_siamese_speaker.nn.Space`.
    loss : {"auto", "bce", "contrastive", "triplet", "prototypical", "aam"}, class or callable, \
            default="auto"
        "bce": binary cross-entropy of "same speaker or not" on a learned scale and offset of the
        distance, every pair of a batch, same and different pairs weighing half each: the case
        study's. "contrastive" and "triplet" hold such pairs a margin apart. "prototypical", the
        common value: cross-entropy over the distances to the means of the batch's speakers [3]_.
        "aam", the statistics network's: additive angular margin over all training speakers, for
        ``metric="cosine"`` and "euclidean" only [4]_. A class is called with `space`, `n_dims` and
        `n_classes`, as far as it has arguments of these names. What it makes, or another callable,
        maps ``(embeddings, labels)`` to a scalar tensor; a torch.nn.Module is copied and its
        parameters are trained.
    pairs : {"all", "random"} or class, default="all"
        "all": a batch is a few recordings each of some speakers, encoded once, and every pair in
        it counts (:class:`~sklearn_siamese_speaker.nn.SpeakerBatchSampler`, with
        `pairs__recordings_per_speaker`). "random": `batch_size` independent pairs, half of them of
        one speaker, encoded twice over
        (:class:`~sklearn_siamese_speaker.nn.RandomPairSampler`); for ``loss="bce"`` and
        "contrastive" only.
    optimizer : {"auto", "radam", "adam", "adamw", "sgd"} or torch.optim.Optimizer class, \
            default="auto"
        The optimizer, commonly "radam"; `optimizer__weight_decay` is one of its arguments.
    lr : "auto" or float, default="auto"
        Learning rate, commonly 0.01; the highest one of a schedule.
    schedule : {"auto", "constant", "cosine", "one_cycle"} or class, default="auto"
        Course of the learning rate over all batches of the training: a class of
        :mod:`torch.optim.lr_scheduler` that moves from batch to batch. "cosine", the common value,
        is CosineAnnealingLR, "one_cycle" OneCycleLR without its changes of the momentum. Its length
        is the training's; arguments such as `schedule__pct_start` shape it.
    batch_size : int, default=64
        Recordings of a batch; pairs of a batch for ``pairs="random"``.
    crop_frames : "auto" or int, default="auto"
        Frames of the random crops that a batch consists of. Shorter recordings are repeated.
        "auto" is half the median length of the recordings.
    max_epochs : "auto" or int, default="auto"
        Epochs, commonly 40; one is ``ceil(n_samples / batch_size)`` batches in which every speaker
        appears.
    augment : "auto", list or None, default="auto"
        Seeded ``(batch, generator) -> batch``, applied in this order to each batch before the
        standardization, such as :class:`~sklearn_siamese_speaker.nn.TimeMask`; or what makes
        further speakers of the recordings, such as
        :class:`~sklearn_siamese_speaker.nn.VocalTractWarp`. The statistics network has that one,
        for the frames of MFCC: with another front end, pass None. The common value is None.
    validation : NShotKWaySplit or None, default=None
        The tasks on held-out speakers; None is the case study's 100 tasks of 1-shot 4-way. With
        fewer held-out speakers than `k_way`, `k_way` is reduced.
    validation_fraction : float or None, default=None
        Share of the *speakers* held out to validate on. None trains on all.
    validate_every : int, default=25
        Batches between two validations.
    early_stopping : bool or int, default=False
        Stop after this many validations without improvement (True is 10), and keep the best
        weights instead of the last. Needs `validation_fraction`. Training on random pairs can stay
        at chance for some epochs before it moves: use a large number there.
    checkpoint_dir : path-like or None, default=None
        Folder with a file for each training, named by a hash of parameters, data and labels, and
        replaced at each epoch. `fit` again goes on from it; the result has the bits of an
        undisturbed fit. `max_epochs` can be raised later if the schedule is "constant" only.
    warm_start : bool, default=False
        Start a new `fit` from the weights, and the standardization, of the one before; the
        speakers may be others.
    device : str, default="auto"
        Where torch computes. "auto" is CUDA when there is a device, else the CPU.
    random_state : int, RandomState instance or None, default=None
        The one source of randomness. The same value gives the same bits for the same number of
        torch threads; the global generators of torch and numpy are left untouched.
    verbose : int, default=0
        1 prints a line for each epoch: loss, validation accuracy, time left. 0 shows on stderr how
        far a training is that takes longer than five seconds.
    **part_params
        Arguments of the parts, ``<part>__<argument>``, and ``net__<argument>`` for further
        arguments of :class:`skorch.NeuralNet` such as `net__callbacks`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_speakers,)
        The speakers trained on.
    embedding_metric_ : {"euclidean", "cosine", "manhattan"}
        The plain metric of the space that `transform` returns.
    history_ : dict
        "epochs" : a list of dicts {"epoch", "train_loss", "train_pair_accuracy", "seconds"};
        "validations" : a list of dicts {"epoch", "batch", "accuracy", "loss", "pair_accuracy"}. A
        pair accuracy is the mean over batches of how well one threshold of the distance tells pairs
        of one speaker from others, same and different pairs weighing half each. The validation
        has a loss unless that is defined for training speakers only ("aam", a callable).
    loss_state_ : dict of str to ndarray
        Learned parameters of the loss.
    n_features_in_ : int
        Features of a frame.
    n_training_speakers_ : int
        Speakers trained on, further ones that `augment` made included.
    n_iter_ : int
        Epochs run.
    net_ : skorch.NeuralNet
        The trained net, rebuilt from the arrays when asked for.
    state_ : dict of str to ndarray
        Weights of the network, with the statistics that standardize its input.

    See Also
    --------
    OneShotClassifier : Recognizes enrolled speakers by these embeddings.

    References
    ----------
    .. [1] G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image
       recognition", ICML Deep Learning Workshop, 2015.
    .. [2] As [1]_, section 3.1: the weighted L1 distance.
    .. [3] J. Snell, K. Swersky, R. Zemel, "Prototypical networks for few-shot learning",
       NeurIPS, 2017.
    .. [4] J. Deng, J. Guo, N. Xue, S. Zafeiriou, "ArcFace: additive angular margin loss for deep
       face recognition", CVPR, 2019.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=4, n_recordings=4, duration=1.0, random_state=0)
    >>> encoder = make_pipeline(MFCC(), SiameseSpeakerEncoder(random_state=0)).fit(X, y)
    >>> encoder.transform(X).shape
    (16, 200)

    The training of the :ref:`case study <case_study>`, binary cross-entropy on random pairs:

    >>> case_study = SiameseSpeakerEncoder(
    ...     "cnn2d", network__pool_size=2, loss="bce", pairs="random", schedule="constant", lr=1e-3
    ... )

    Another network, and what of it can be set and searched:

    >>> encoder = SiameseSpeakerEncoder("lstm", network__n_units=64)
    >>> {name: value for name, value in encoder.get_params().items() if "network__" in name}
    {'network__embedding_dim': 1024, 'network__n_units': 64, 'network__n_layers': 2,
     'network__dropout': 0.2}
    """

    _part_names: ClassVar = ("network", "metric", "loss", "pairs", "optimizer", "schedule", "net")
    _part_params: dict[str, Any]  # arguments of parts that were given, by <part>__<argument>
    _parameter_constraints: ClassVar[dict] = {
        "network": [str, callable],
        "metric": [str, callable],
        "loss": [str, callable],
        "pairs": [str, callable],
        "optimizer": [str, callable],
        "lr": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "schedule": [str, callable],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "crop_frames": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "augment": [StrOptions({"auto"}), list, tuple, None],
        "validation": [HasMethods(["split", "get_n_splits"]), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
        "validate_every": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean", Interval(Integral, 1, None, closed="left")],
        "checkpoint_dir": [str, PathLike, None],
        "warm_start": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        hide_var_keyword(cls)

    def __init__(
        self,
        network: Choice = "auto",
        *,
        metric: Choice = "euclidean",
        loss: Choice = "auto",
        pairs: Choice = "all",
        optimizer: Choice = "auto",
        lr: float | Literal["auto"] = "auto",
        schedule: Choice = "auto",
        batch_size: int = 64,
        crop_frames: int | Literal["auto"] = "auto",
        max_epochs: int | Literal["auto"] = "auto",
        augment: Sequence[Augmentation] | Literal["auto"] | None = "auto",
        validation: NShotKWaySplit | None = None,
        validation_fraction: float | None = None,
        validate_every: int = 25,
        early_stopping: bool | int = False,
        checkpoint_dir: str | PathLike[str] | None = None,
        warm_start: bool = False,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        **part_params: Any,
    ) -> None:
        self.network = network
        self.metric = metric
        self.loss = loss
        self.pairs = pairs
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.batch_size = batch_size
        self.crop_frames = crop_frames
        self.max_epochs = max_epochs
        self.augment = augment
        self.validation = validation
        self.validation_fraction = validation_fraction
        self.validate_every = validate_every
        self.early_stopping = early_stopping
        self.checkpoint_dir = checkpoint_dir
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self._keep_part_params(part_params)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Also the arguments of the chosen parts that were not given, with their defaults.

        Returns
        -------
        params : dict
            Parameter names mapped to their values.
        """
        params = super().get_params(deep=False)
        if deep:
            for name in self._part_names:
                with contextlib.suppress(ValueError):  # `fit` says what is wrong with a part
                    defaults = self._part(name).defaults()
                    params |= {f"{name}__{argument}": d for argument, d in defaults.items()}
        return params | self._part_params

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator.

        Parameters
        ----------
        **params
            By name; ``<part>__<argument>`` for an argument of a part. Plain ones are set first, so
            that a part and its arguments can be changed together, in any order.

        Returns
        -------
        self : estimator
            Unchanged where this raises.

        Raises
        ------
        ValueError
            For a name that is neither a parameter nor an argument of the chosen part.
        """
        nested = {name: value for name, value in params.items() if self._is_of_part(name)}
        with unchanged_on_error(self):
            super().set_params(
                **{name: value for name, value in params.items() if name not in nested}
            )
            for name in nested:
                part_name, _, argument = name.partition("__")
                try:
                    part = self._part(part_name)
                except ValueError:
                    continue  # `fit` says what is wrong with the part itself
                part.check_argument(argument)
            self._part_params = {**self._part_params, **nested}
        return self

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like
            Recordings as frames: shape (n_samples, n_features, n_frames), a list, object array or
            FrameStore of (n_features, n_frames_i), or (n_samples, n_features) for one frame each.

        y : array-like of shape (n_samples,)
            The speaker of each recording. Speakers with one recording serve as other speakers
            to learn the rest apart from.

        Returns
        -------
        self : SiameseSpeakerEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            For fewer than 2 speakers, when no speaker has 2 recordings, for a loss that does
            not go with `metric` or `pairs`, and for an argument that its part does not take.
        FloatingPointError
            When the loss becomes NaN or infinite; the last good weights are kept.
        OSError
            When a checkpoint cannot be written or is damaged.
        """
        # A fit that raises changes nothing, unless it had begun to learn.
        with unchanged_on_error(self, unless="state_"):
            training = self._train(X, y)
        # Some 64 recordings, spread over all speakers, show whether the network has collapsed.
        some = training.recordings[:: max(1, len(training.recordings) // 64)]
        _warn_if_collapsed(self._embed(some))
        return self

    def _train(self, X: ArrayLike, y: ArrayLike) -> Training:
        frames, speakers = self._check_fit(X, y)
        with uninterrupted():
            from ..._torch import random_guard, resolve_device
            from ._loop import fit_task
            from ._parts import settings_of
            from ._training import Training

        settings = settings_of(self, self._checked_parts())
        start = (self.state_, self.loss_state_) if self._continues() else None
        checkpoint = self._open_checkpoint(settings, start, frames, speakers)
        # Drawn after the checkpoint is named by the state of a generator, which this moves.
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        if checkpoint is not None and checkpoint.seed is not None:
            seed = checkpoint.seed
        device = resolve_device(self.device)
        training: Training
        with (
            random_guard(seed, device),
            fit_task(self, X, y, settings.max_epochs, lambda: training.learned()) as task,
        ):
            training = Training(
                settings,
                frames,
                speakers,
                seed=seed,
                device=device,
                start=start,
                checkpoint=checkpoint,
                callback=task,
            )
            try:
                training.run()
            finally:  # a training that is cut off keeps what it had learned
                self.__dict__.update(training.learned())
        return training

    def _open_checkpoint(
        self, settings: Bunch, start: Any, frames: FrameSequence, speakers: NDArray
    ) -> Checkpoint | None:
        if self.checkpoint_dir is None:
            return None
        from ._checkpoint import Checkpoint

        # Of a list, so that recordings in an array and in a list have the same name.
        content = frames.digest if isinstance(frames, FrameStore) else list(frames)
        data = (self.random_state, start, content, speakers)
        return Checkpoint.open(self.checkpoint_dir, settings, *data)

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Embed recordings.

        Parameters
        ----------
        X : array-like
            Recordings as frames, as in `fit`, with any number of frames.

        Returns
        -------
        embeddings : ndarray of shape (n_samples, n_dims), float32
            Points in the space whose plain metric, ``embedding_metric_``, is the learned one.
        """
        check_is_fitted(self, "state_")
        return self._embed(_check_frames_of(self, X, reset=False))

    def pair_distance(self, X: ArrayLike) -> NDArray[np.float32]:
        """Distance between the two recordings of each pair.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2, ...) or list of pairs
            Each pair holds two recordings as `transform` takes them.

        Returns
        -------
        distance : ndarray of shape (n_pairs,), float32
            The learned distance.
        """
        distances, _ = self._pair_distances(X)
        return distances.numpy()

    @available_if(_has_pair_head)
    def pair_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Probability that the two recordings of a pair are of one speaker, for ``loss="bce"``.

        It is the output of the Siamese head, trained on as many same as different pairs.

        Parameters
        ----------
        X : array-like or list of pairs
            As in `pair_distance`.

        Returns
        -------
        proba : ndarray of shape (n_pairs,), float32
            Between 0 and 1.
        """
        distances, loss = self._pair_distances(X)
        logits: torch.Tensor = loss.pair_logits(distances)  # type: ignore[operator]
        return logits.sigmoid().detach().numpy()

    @property
    def net_(self) -> NeuralNet:
        """The trained skorch net, rebuilt from the arrays."""
        check_is_fitted(self, "state_")
        from skorch import NeuralNet

        siamese, loss = self._rebuild_modules()
        return NeuralNet(siamese, loss, train_split=None, verbose=0).initialize()

    @property
    def _n_features_out(self) -> int:
        return self._embed(np.zeros((1, self.n_features_in_, 1), dtype=np.float32)).shape[1]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _check_fit(self, X: ArrayLike, y: ArrayLike) -> tuple[FrameSequence, NDArray]:
        """Validate the input of `fit`; frames and labels come back."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: it "
                "holds the speaker of each recording."
            )
        reset = not self._continues()
        frames = _check_frames_of(self, X, reset=reset, ensure_min_samples=2)
        speakers = check_speakers(y)
        check_consistent_length(frames, speakers)
        _check_background_speakers(type(self).__name__, speakers)
        return frames, speakers

    def _keep_part_params(self, params: Mapping[str, Any]) -> None:
        """Keep what the constructor was given beside the plain parameters."""
        for name in params:
            if not self._is_of_part(name):
                raise TypeError(
                    f"{type(self).__name__}.__init__() got an unexpected keyword argument {name!r}"
                )
        self._part_params = dict(params)

    def _part(self, name: str, params: Mapping[str, Any] | None = None) -> Part:
        """Return a part as the parameters choose it, by default those of this estimator."""
        params = self.get_params(deep=False) if params is None else params
        given = {
            key.removeprefix(f"{name}__"): value
            for key, value in params.items()
            if key.startswith(f"{name}__")
        }
        return self._find_part(name, params.get(name), given)

    def _checked_parts(self) -> dict[str, Part]:
        """Return the parts by name; raise a ValueError for what they cannot be built from."""
        parts = {name: self._part(name) for name in self._part_names}
        for part in parts.values():
            part.check()
        return parts

    def _is_of_part(self, name: str) -> bool:
        part, separator, argument = name.partition("__")
        return part in self._part_names and bool(separator and argument)

    def _find_part(self, name: str, value: Any, given: Mapping[str, Any]) -> Part:
        with uninterrupted():
            from ._parts import find_part, is_auto, recipe_of

        if name != "network" and is_auto(value):
            value = recipe_of(self._part("network"))[name]
        n_features = getattr(self, "n_features_in_", None)
        return find_part(type(self).__name__, name, value, given, n_features)

    def _continues(self) -> bool:
        return self.warm_start and hasattr(self, "state_")

    def _rebuild_modules(self) -> tuple[Siamese, Loss]:
        """Return the trained Siamese module and its loss, built anew from the arrays."""
        from ..._torch import arrays_to_module, random_guard, resolve_device
        from ._parts import build_modules

        # As they were fitted, whatever `set_params` has changed since.
        parts = {
            n: self._part(n, self._fitted_params) for n in ("network", "metric", "loss", "pairs")
        }
        with random_guard(0, resolve_device("cpu")):
            siamese, loss = build_modules(parts, self.n_features_in_, self.n_training_speakers_)
        return arrays_to_module(siamese, self.state_), arrays_to_module(loss, self.loss_state_)

    def _embed(self, frames: FrameSequence) -> NDArray[np.float32]:
        from ..._torch import cached, embed, resolve_device

        siamese, _ = cached(self, self.state_, self._rebuild_modules)
        embeddings = embed(siamese, frames, resolve_device(self.device))
        _check_embeddings_are_finite(embeddings, frames)
        return embeddings

    def _pair_distances(self, X: ArrayLike) -> tuple[torch.Tensor, Loss]:
        """Return the distance of each pair and the loss that was trained on it."""
        import torch

        from ..._torch import cached

        check_is_fitted(self, "state_")
        first, second = (torch.from_numpy(self.transform(half)) for half in _halves_of_pairs(X))
        _, loss = cached(self, self.state_, self._rebuild_modules)
        with torch.no_grad():
            return loss.space.paired_distances(first, second), loss


# Half a second at 16 kHz. Vectors of statistics are shorter, all but the largest.
_LONGEST_VECTOR = 8000


def _check_frames_of(
    estimator: BaseEstimator, X: ArrayLike, *, reset: bool, ensure_min_samples: int = 1
) -> FrameSequence:
    """Return frames as `check_frames` does; raise if X holds paths or waveforms."""
    owner = type(estimator).__name__
    cure = f"put a front end before it, as in make_pipeline(MFCC(), {owner}())."
    for index, recording in enumerate(_items(X)):
        if isinstance(recording, str | PathLike):
            raise ValueError(
                f"{owner} takes frames, but X[{index}] is the path {recording!r}; {cure}"
            )
    lengths = {np.shape(item) for item in _items(X) if isinstance(item, np.ndarray)}
    if len(lengths) > 1 and all(len(shape) == 1 for shape in lengths):
        raise ValueError(
            f"{owner} takes frames, but X holds one-dimensional arrays of different lengths, as "
            f"waveforms are; {cure}"
        )
    frames = check_frames(estimator, X, reset=reset, ensure_min_samples=ensure_min_samples)
    shape = np.shape(frames[0])
    if reset and shape[1] == 1 and shape[0] >= _LONGEST_VECTOR:
        raise ValueError(
            f"{owner} takes X of shape ({len(frames)}, {shape[0]}) for one frame of {shape[0]} "
            f"features of each recording, which is too many. If these are waveforms, {cure}"
        )
    return frames


def _items(X: Any) -> Sequence[Any]:
    """Return what a list, an object array or a Series holds, nothing for other containers."""
    if isinstance(X, list | tuple):
        return X
    values = getattr(X, "values", X)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "OUT":
        return values.tolist()
    return ()


def _check_background_speakers(owner: str, y: NDArray) -> None:
    """Raise a ValueError unless there are two speakers, one of them with two recordings."""
    speakers, counts = np.unique(y, return_counts=True)
    if len(speakers) < 2:
        raise ValueError(
            f"{owner} learns from the differences between at least 2 speakers; "
            f"y holds {len(speakers)} class."
        )
    if counts.max() < 2:
        named = ", ".join(map(str, speakers[:5])) + ", ..." * (len(speakers) > 5)
        raise ValueError(
            f"{owner} needs speakers with at least 2 recordings; y holds one "
            f"recording of each of {len(speakers)} speakers: {named}."
        )


def _halves_of_pairs(X: Any) -> tuple[Any, Any]:
    """Return the first and the second recordings of an array or a list of pairs."""
    if isinstance(X, np.ndarray) and X.dtype != object:
        if X.ndim < 3 or X.shape[1] != 2:
            raise ValueError(
                "Pairs have the shape (n_pairs, 2, n_features, n_frames) or (n_pairs, 2, "
                f"n_features), got {X.shape}."
            )
        return X[:, 0], X[:, 1]
    for index, pair in enumerate(X):
        if len(pair) != 2:
            raise ValueError(f"A pair holds two recordings, but X[{index}] holds {len(pair)}.")
    return [first for first, _ in X], [second for _, second in X]


def _check_embeddings_are_finite(embeddings: NDArray, frames: FrameSequence) -> None:
    """Raise a ValueError that names the first recording whose embedding is NaN or infinite."""
    bad = ~np.isfinite(embeddings).all(axis=1)
    if bad.any():
        index = int(np.argmax(bad))
        raise ValueError(
            f"The embedding of X[{index}] is not finite: its frames hold values of up to "
            f"{np.abs(frames[index]).max():.3g}. Leave it out, or use the front end and the scale "
            "of the training."
        )


def _warn_if_collapsed(embeddings: NDArray) -> None:
    """Warn when the network maps everybody to one point."""
    spread, size = embeddings.std(axis=0).max(), np.abs(embeddings).max()
    if spread <= 1e-3 * size:
        warn_caller(
            f"The network has collapsed: embeddings of size {size:.2g} differ by {spread:.2g} "
            "only, so it tells nobody apart. Lower lr, train for more epochs, or choose "
            "another loss."
        )


hide_var_keyword(SiameseSpeakerEncoder)
