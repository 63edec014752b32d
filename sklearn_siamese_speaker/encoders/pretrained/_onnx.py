"""OnnxSpeakerEncoder: any public ONNX speaker model, recordings in, embeddings out."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from os import PathLike
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..._docs import substitute
from ..._files import hash_file
from ...features.weights import check_hash, find_hash
from ._onnx_conventions import CONVENTIONS, Convention, check_metadata, find_convention
from .recording_encoder import SAMPLE_RATE, TEXTS, Embedder, RecordingEncoder

FrontEndFunction = Callable[[NDArray], NDArray]


@substitute(**TEXTS)
class OnnxSpeakerEncoder(RecordingEncoder):
    """Speaker embeddings by a model in an ONNX file.

    The models that WeSpeaker, 3D-Speaker, NeMo and others publish, and those of sherpa-onnx, run
    with onnxruntime, which is an extra: ``pip install "sklearn-siamese-speaker[onnx]"``. The front
    end that a file needs is read from its metadata, or from the name and shape of its input. If
    both are unknown, the file is refused: a wrong front end gives wrong embeddings without an
    error. `fit` learns nothing; it loads the model and runs it once.

    Read more in the :ref:`User Guide <onnx_models>`.

    Parameters
    ----------
    file : path
        The ONNX file.

    front_end : {"auto", "3d-speaker", "wespeaker", "nemo", "redimnet", "waveform"} or callable, \
            default="auto"
        What the model takes. "auto" reads it from the file. A name is that of a toolkit; "waveform"
        is for models that contain their front end, such as :func:`export_onnx` writes. A callable
        turns a waveform of shape (n_times,), float32 at 16 kHz, into the first input of the model,
        with a batch axis of one; it must depend on nothing else.

    %(input_sample_rate)s

    %(duration)s

    %(pad)s

    %(silence)s

    %(embedding_memory)s

    Attributes
    ----------
    front_end_ : str or callable
        The front end in use.

    sha256_ : str
        SHA-256 of the file. The model is not part of the estimator or its pickle.

    n_dims_ : int
        Dimensions of an embedding.

    sample_rate_ : int
        Sample rate that the model takes, in Hz: that of the metadata, else 16,000.

    %(embedding_attributes)s

    %(columns)s

    See Also
    --------
    PretrainedSpeakerEncoder : Public encoders by name.

    Notes
    -----
    onnxruntime computes on the CPU here, on one core for each job: the bits of an embedding then
    depend neither on the number of cores nor on the other recordings.

    Examples
    --------
    >>> from sklearn_siamese_speaker import OneShotClassifier, OnnxSpeakerEncoder
    >>> encoder = OnnxSpeakerEncoder("voxceleb_resnet34_LM.onnx")
    >>> who = OneShotClassifier(encoder)
    >>> who.fit(["ana.wav", "ben.wav"], ["ana", "ben"])  # doctest: +SKIP
    """

    _parameter_constraints: ClassVar[dict] = {
        **RecordingEncoder._parameter_constraints,
        "file": [str, PathLike],
        "front_end": [str, callable],
    }

    def __init__(
        self,
        file: str | PathLike,
        *,
        front_end: str | FrontEndFunction = "auto",
        input_sample_rate: float = 16000,
        duration: float | None = None,
        crop: str = "center",
        pad: str = "zero",
        trim_silence: bool = False,
        drop_silence: bool = False,
        memory: object = None,
        n_jobs: int | None = None,
    ) -> None:
        self.file = file
        self.front_end = front_end
        self.input_sample_rate = input_sample_rate
        self.duration = duration
        self.crop = crop
        self.pad = pad
        self.trim_silence = trim_silence
        self.drop_silence = drop_silence
        self.memory = memory
        self.n_jobs = n_jobs

    @property
    def sample_rate(self) -> int:  # type: ignore[override]
        """Sample rate that the model takes, in Hz."""
        return getattr(self, "sample_rate_", SAMPLE_RATE)

    def _check_parameters(self) -> None:
        path = os.path.abspath(self.file)
        self.sha256_ = find_hash(path, f"The model {path!r}", "the path of an ONNX file")
        session = load_session(path, self.sha256_)
        metadata = session.get_modelmeta().custom_metadata_map
        self.front_end_ = self._find_front_end(session, path)
        self.sample_rate_ = int(metadata.get("sample_rate", SAMPLE_RATE))
        self.embedding_metric_ = metadata.get("embedding_metric", "cosine")
        self.n_dims_ = self._try()

    def _find_front_end(self, session: Any, path: str) -> str | FrontEndFunction:
        if callable(self.front_end):
            return self.front_end
        metadata = session.get_modelmeta().custom_metadata_map
        name = self.front_end
        if name == "auto":
            inputs = [(value.name, value.shape) for value in session.get_inputs()]
            name = find_convention(path, metadata, inputs)
        if name not in CONVENTIONS:
            raise ValueError(
                f"front_end={name!r} is not one of {['auto', *CONVENTIONS]}; pass one of these, or "
                "a function from a waveform to the input of the model."
            )
        check_metadata(path, name, metadata)
        return name

    def _try(self) -> int:
        """Return the dimensions of the embedding of a second of noise."""
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, SAMPLE_RATE).astype(np.float32)
        try:
            embedding = self._load().embed([noise])[0]
        except Exception as error:  # those of onnxruntime have no common class
            raise ValueError(
                f"{os.fspath(self.file)!r} does not take what the front end {self.front_end_!r} "
                f"gives ({_first_line(error)}); pass another front_end=."
            ) from error
        return len(embedding)

    def _load(self) -> Embedder:
        session = load_session(os.path.abspath(self.file), self.sha256_)
        metadata = session.get_modelmeta().custom_metadata_map
        names = [value.name for value in session.get_inputs()]
        convention = _as_convention(self.front_end_)
        output = session.get_outputs()[convention.output].name

        def embed(waveforms: NDArray) -> NDArray:  # (1, n_times)
            arrays = convention.make_inputs(waveforms[0], metadata)
            embedding = session.run([output], dict(zip(names, arrays, strict=True)))[0]
            if embedding.ndim != 2 or len(embedding) != 1:
                raise ValueError(f"its output has shape {embedding.shape}, and not (1, n_dims)")
            return embedding

        return Embedder(lambda waveform: waveform[np.newaxis], embed)

    def _count_features(self) -> int:
        return self.n_dims_

    def _identity(self) -> dict:
        # A cache must know a model by its content, which a path does not tell.
        return {**super()._identity(), "file": self.sha256_, "front_end": self.front_end_}


def _as_convention(front_end: str | FrontEndFunction) -> Convention:
    if isinstance(front_end, str):
        return CONVENTIONS[front_end]
    return Convention("", lambda w, _: (np.asarray(front_end(w), dtype=np.float32),), {})


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@lru_cache(maxsize=4)
def load_session(path: str, sha256: str) -> Any:
    """Return the onnxruntime session of a file that has this hash, loaded once a process."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "OnnxSpeakerEncoder needs onnxruntime: pip install 'sklearn-siamese-speaker[onnx]'."
        ) from error

    check_hash(hash_file(path), sha256, f"{path!r} has")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Errors only: the user cannot act on warnings about a file that somebody else wrote.
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # those of onnxruntime have no common class
        raise ValueError(
            f"{path!r} is no ONNX model that onnxruntime can load ({_first_line(error)}); download "
            "it again."
        ) from error
