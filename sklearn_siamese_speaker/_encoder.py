"""SiameseSpeakerEncoder: recordings in, an embedding of their speakers out."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ._compat import Interval, StrOptions, _fit_context
from ._labels import check_speakers
from .features._frames import check_frames


def _has_pair_head(encoder):
    if encoder.loss == "bce":
        return True
    raise AttributeError(f"pair_proba needs loss='bce'; this encoder has loss={encoder.loss!r}.")


class SiameseSpeakerEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Speaker embeddings learned by a Siamese network.

    `fit` trains a network on pairs of recordings of background speakers; `transform` maps
    recordings of any speaker, also of ones never heard, to points whose distance says how alike
    two voices are. The training loop is skorch's.

    Parameters
    ----------
    network : {"auto", "cnn2d", "cnn1d"} or torch.nn.Module class or instance, default="auto"
        What encodes a recording. "auto" is "cnn1d" for one feature (raw audio), else "cnn2d", the
        case study's network. A class is called as ``network(n_features, embedding_dim)``; an
        instance is copied, its weights are the start. Either maps ``(batch, n_features,
        n_frames)`` to ``(batch, n_dims)`` for any number of frames.

    filters : tuple of int, default=(128, 256, 384)
        Filters of each convolution block.

    kernel_size : int or tuple of int, default=3
        Of each convolution block, one for both or (features, frames) for "cnn2d".

    stride : int, tuple of int or None, default=None
        Of each convolution block, as `kernel_size`. None is what suits the network: 3 for
        "cnn2d", 1 for the others.

    pool_size : int, tuple of int or None, default=None
        Of the maximum after each convolution, as `kernel_size`; 1 is no pooling. None is what
        suits the network: 1 for "cnn2d", 3 for "cnn1d".

    embedding_dim : int, default=1024
        Units of the last, fully connected layer: the dimensions of an embedding.

    dropout : float, default=0.2
        Share of channels (in convolution blocks) and of units (at the end) that are dropped.

    metric : {"euclidean", "cosine", "manhattan", "weighted_manhattan"}, default="euclidean"
        Distance between two embeddings. "weighted_manhattan" learns a non-negative weight for
        each dimension [2]_.

    loss : {"bce", "prototypical"} or callable, default="prototypical"
        "bce": binary cross-entropy of "same speaker or not" on a learned scale and offset of the
        distance, every pair of a batch, same and different pairs weighing half each: the case
        study's. "prototypical": cross-entropy over the distances to the means of the batch's
        speakers [3]_. A callable maps ``(embeddings, labels)`` to a scalar tensor; a
        torch.nn.Module is copied and its parameters are trained.

    pairs : {"all", "random"}, default="all"
        "all": a batch is a few recordings each of some speakers, encoded once, and every pair in
        it counts. "random": `batch_size` independent pairs, half of them of one speaker, encoded
        twice over; for ``loss="bce"`` only.

    optimizer : {"radam", "adam", "adamw", "sgd"} or torch.optim.Optimizer class, default="radam"
        The optimizer.

    lr : float, default=0.01
        Learning rate; the highest one of a schedule.

    schedule : {"constant", "cosine", "one_cycle"}, default="cosine"
        Course of the learning rate over all batches of the training.

    batch_size : int, default=64
        Recordings of a batch; pairs of a batch for ``pairs="random"``.

    recordings_per_speaker : int, default=4
        Recordings of each speaker in a batch, for ``pairs="all"``.

    crop_frames : "auto" or int, default="auto"
        Frames of the random crops that a batch consists of. Shorter recordings are repeated.
        "auto" is half the median length of the recordings.

    max_epochs : int, default=40
        Epochs; one is ``ceil(n_samples / batch_size)`` batches in which every speaker appears.

    device : str, default="auto"
        Where torch computes. "auto" is CUDA when there is a device, else the CPU.

    random_state : int, RandomState instance or None, default=None
        The one source of randomness. The same value gives the same bits for the same number of
        torch threads; the global generators of torch and numpy are left untouched.

    verbose : int, default=0
        1 prints a line an epoch.

    net_params : dict or None, default=None
        Further parameters of :class:`skorch.NeuralNet`, such as
        ``{"optimizer__weight_decay": 1e-4}``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_speakers,)
        The speakers seen in `fit`.

    embedding_metric_ : {"euclidean", "cosine", "manhattan"}
        The plain metric of the space that `transform` returns.

    history_ : dict
        ``{"epochs": [{"epoch", "train_loss", "seconds"}, ...]}``.

    loss_state_ : dict of str to ndarray
        Learned parameters of the loss.

    n_features_in_ : int
        Features of a frame.

    n_iter_ : int
        Epochs run.

    net_ : skorch.NeuralNet
        The trained net, rebuilt from the arrays when asked for.

    state_ : dict of str to ndarray
        Weights of the network, with the statistics that standardise its input.

    See Also
    --------
    OneShotClassifier : Recognises enrolled speakers by these embeddings.
    MFCC : A front end.

    References
    ----------
    .. [1] G. Koch, R. Zemel, R. Salakhutdinov, "Siamese neural networks for one-shot image
       recognition", ICML Deep Learning Workshop, 2015.
    .. [2] As [1]_, section 3.1: the weighted L1 distance.
    .. [3] J. Snell, K. Swersky, R. Zemel, "Prototypical networks for few-shot learning",
       NeurIPS, 2017.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder
    >>> from sklearn_siamese_speaker.datasets import make_speakers
    >>> X, y = make_speakers(n_speakers=4, n_recordings=4, duration=1.0, random_state=0)
    >>> encoder = SiameseSpeakerEncoder(filters=(8, 8, 8), embedding_dim=16, max_epochs=1,
    ...                                 random_state=0)
    >>> make_pipeline(MFCC(), encoder).fit(X, y).transform(X).shape
    (16, 16)

    The exact case study: binary cross-entropy on random pairs at a constant learning rate.

    >>> case_study = SiameseSpeakerEncoder(loss="bce", pairs="random", schedule="constant")
    """

    _parameter_constraints: ClassVar[dict] = {
        "network": [StrOptions({"auto", "cnn2d", "cnn1d"}), callable],
        "filters": [Iterable],
        "kernel_size": [Interval(Integral, 1, None, closed="left"), tuple],
        "stride": [Interval(Integral, 1, None, closed="left"), tuple, None],
        "pool_size": [Interval(Integral, 1, None, closed="left"), tuple, None],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "metric": [StrOptions({"euclidean", "cosine", "manhattan", "weighted_manhattan"})],
        "loss": [StrOptions({"bce", "prototypical"}), callable],
        "pairs": [StrOptions({"all", "random"})],
        "optimizer": [StrOptions({"radam", "adam", "adamw", "sgd"}), callable],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "schedule": [StrOptions({"constant", "cosine", "one_cycle"})],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "recordings_per_speaker": [Interval(Integral, 2, None, closed="left")],
        "crop_frames": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "net_params": [dict, None],
    }

    def __init__(
        self,
        network="auto",
        *,
        filters=(128, 256, 384),
        kernel_size=3,
        stride=None,
        pool_size=None,
        embedding_dim=1024,
        dropout=0.2,
        metric="euclidean",
        loss="prototypical",
        pairs="all",
        optimizer="radam",
        lr=1e-2,
        schedule="cosine",
        batch_size=64,
        recordings_per_speaker=4,
        crop_frames="auto",
        max_epochs=40,
        device="auto",
        random_state=None,
        verbose=0,
        net_params=None,
    ):
        self.network = network
        self.filters = filters
        self.kernel_size = kernel_size
        self.stride = stride
        self.pool_size = pool_size
        self.embedding_dim = embedding_dim
        self.dropout = dropout
        self.metric = metric
        self.loss = loss
        self.pairs = pairs
        self.optimizer = optimizer
        self.lr = lr
        self.schedule = schedule
        self.batch_size = batch_size
        self.recordings_per_speaker = recordings_per_speaker
        self.crop_frames = crop_frames
        self.max_epochs = max_epochs
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.net_params = net_params

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Train the network.

        Parameters
        ----------
        X : array-like
            Recordings as frames: shape (n_samples, n_features, n_frames), a list or object array
            of (n_features, n_frames_i) arrays, or (n_samples, n_features) for one frame each.

        y : array-like of shape (n_samples,)
            The speaker of each recording.

        Returns
        -------
        self : SiameseSpeakerEncoder
            The fitted encoder.

        Raises
        ------
        ValueError
            For fewer than 2 speakers, when no speaker has 2 recordings, and for a loss that does
            not go with `metric` or `pairs`.
        FloatingPointError
            When the loss becomes NaN or infinite; the last good weights are kept.
        """
        from ._torch import random_guard, resolve_device

        frames, speakers = self._check_fit(X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        device = resolve_device(self.device)
        with random_guard(seed, device):
            net = self._build_net(frames, speakers, seed, device)
            self._train(net, frames, speakers)
        return self

    def transform(self, X):
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
        return self._embed(check_frames(self, X, reset=False))

    def pair_distance(self, X):
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
    def pair_proba(self, X):
        """Probability that the two recordings of a pair are of one speaker, for ``loss="bce"``.

        It is the output of the Siamese head, trained on as many same as different pairs.

        Parameters
        ----------
        X : array-like of shape (n_pairs, 2, ...) or list of pairs
            Each pair holds two recordings as `transform` takes them.

        Returns
        -------
        proba : ndarray of shape (n_pairs,), float32
            Between 0 and 1.
        """
        distances, loss = self._pair_distances(X)
        return loss.pair_logits(distances).sigmoid().detach().numpy()

    @property
    def embedding_metric_(self):
        """The plain metric of the space that `transform` returns."""
        check_is_fitted(self, "state_")
        return {"weighted_manhattan": "manhattan"}.get(self.metric, self.metric)

    @property
    def net_(self):
        """The trained skorch net, rebuilt from the arrays."""
        check_is_fitted(self, "state_")
        from skorch import NeuralNet

        siamese, loss = self._rebuild_modules()
        return NeuralNet(siamese, loss, train_split=None, verbose=0).initialize()

    @property
    def _n_features_out(self):
        return self._embed(np.zeros((1, self.n_features_in_, 1), dtype=np.float32)).shape[1]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _check_fit(self, X, y):
        """Validate the input of `fit` and set ``classes_``; speakers come back as 0, 1, ..."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: it "
                "holds the speaker of each recording."
            )
        frames = check_frames(self, X, reset=True, ensure_min_samples=2)
        y = check_speakers(y)
        check_consistent_length(frames, y)
        classes, speakers, counts = np.unique(y, return_inverse=True, return_counts=True)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} learns from the differences between at least 2 speakers; "
                f"y holds {len(classes)} class."
            )
        if counts.max() < 2:
            raise ValueError(
                f"{type(self).__name__} needs speakers with at least 2 recordings; y holds one "
                f"recording of each of {len(classes)} speakers."
            )
        self.classes_ = classes
        return frames, speakers

    def _build_net(self, frames, speakers, seed, device):
        """Assemble the skorch net of a new training."""
        import torch

        from .nn import RandomPairSampler, SpeakerBatchSampler, frame_statistics
        from .training import build_net

        siamese, loss = self._build_modules(*frame_statistics(frames))
        generator = torch.Generator()
        if self.pairs == "random":
            sampler = RandomPairSampler(speakers, self.batch_size, generator=generator)
        else:
            sampler = SpeakerBatchSampler(
                speakers, self.batch_size, self.recordings_per_speaker, generator=generator
            )
        return build_net(
            siamese,
            loss,
            sampler,
            generator,
            seed=seed,
            optimizer=self.optimizer,
            lr=self.lr,
            schedule=self.schedule,
            max_epochs=self.max_epochs,
            device=device,
            verbose=self.verbose,
            net_params=self.net_params,
        )

    def _build_modules(self, mean, scale):
        """Return the untrained Siamese module and its loss."""
        import torch

        from .nn import RandomPairs, Siamese, build_loss, build_space

        network = self._build_network()
        with torch.no_grad():
            n_dims = network.eval()(torch.zeros(1, self.n_features_in_, 1)).shape[1]
        space = build_space(self.metric, n_dims)
        loss = build_loss(self.loss, space, n_dims, len(self.classes_))
        if self.pairs == "random":
            loss = RandomPairs(loss)
        return Siamese(network, space, mean, scale), loss

    def _build_network(self):
        import torch

        from .nn import build_network

        if isinstance(self.network, torch.nn.Module):
            return deepcopy(self.network)
        if callable(self.network):
            return self.network(self.n_features_in_, self.embedding_dim)
        name = self.network
        if name == "auto":
            name = "cnn1d" if self.n_features_in_ == 1 else "cnn2d"
        return build_network(
            name,
            self.n_features_in_,
            embedding_dim=self.embedding_dim,
            filters=self.filters,
            kernel_size=self.kernel_size,
            stride=self.stride,
            pool_size=self.pool_size,
            dropout=self.dropout,
        )

    def _train(self, net, frames, speakers):
        """Train, and keep what was learned as arrays, also of a training that was stopped."""
        from ._torch import module_to_arrays
        from .training import Recordings, epoch_history, train

        try:
            train(net, Recordings(frames, speakers, self._crop_length(frames)))
        finally:
            self.state_ = module_to_arrays(net.module_)
            self.loss_state_ = module_to_arrays(net.criterion_)
            self.history_ = {"epochs": epoch_history(net)}
            self.n_iter_ = len(self.history_["epochs"])

    def _crop_length(self, frames):
        if self.crop_frames == "auto":
            return max(1, int(np.median([recording.shape[1] for recording in frames])) // 2)
        return self.crop_frames

    def _rebuild_modules(self):
        """Return the trained Siamese module and its loss, built anew from the arrays."""
        import torch

        from ._torch import arrays_to_module, random_guard

        n_features = self.n_features_in_
        with random_guard(0, torch.device("cpu")):
            siamese, loss = self._build_modules(torch.zeros(n_features), torch.ones(n_features))
        return arrays_to_module(siamese, self.state_), arrays_to_module(loss, self.loss_state_)

    def _embed(self, frames):
        from ._torch import embed, remembered, resolve_device

        siamese, _ = remembered(self, self.state_, self._rebuild_modules)
        return embed(siamese, frames, resolve_device(self.device))

    def _pair_distances(self, X):
        """Return the distance of each pair and the loss that was trained on it."""
        import torch

        from ._torch import remembered

        check_is_fitted(self, "state_")
        first, second = (torch.from_numpy(self.transform(_pair_half(X, i))) for i in (0, 1))
        _, loss = remembered(self, self.state_, self._rebuild_modules)
        with torch.no_grad():
            return loss.space.paired_distances(first, second), loss


def _pair_half(X, half):
    """Return the first or the second recordings of an array or a list of pairs."""
    if isinstance(X, np.ndarray) and X.dtype != object:
        return X[:, half]
    return [pair[half] for pair in X]
