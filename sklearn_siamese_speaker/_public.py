"""What other people's files may name: the public address of each class, and the list to trust."""

from __future__ import annotations

import inspect
from typing import Any

# A saved file holds the classes of its estimators by name. This list is fixed and written by hand:
# a list that is read from the file itself trusts whatever its author put in. Functions, and classes
# that write files, stay out of it.
_TRUSTED = {
    "sklearn_siamese_speaker": """
        ChannelPerturbation FramePooling LogMelSpectrogram MFCC OneShotClassifier
        OnnxSpeakerEncoder PretrainedSpeakerEncoder RawAudio SiameseSpeakerEncoder
        SpeakerDiarizer SpeakerVerifier SpeedPerturbation VGGish
    """,
    "sklearn_siamese_speaker.model_selection": """
        NShotKWayScorer NShotKWaySplit SeenUnseenSplit SpeakerKFold
    """,
    "sklearn_siamese_speaker.nn": """
        AdditiveAngularMargin AdditiveNoise BandLimit BinaryCrossEntropy CNN1d CNN2d
        CNNLSTM Contrastive CosineSpace CovariancePooling CustomLoss DiscriminantNetwork
        EuclideanSpace FeatureMask LSTM Loss ManhattanSpace MixturePooling PairLoss Prototypical
        RandomChannel RandomPairSampler RandomPairs Siamese Space SpeakerBatchSampler
        StatisticsNetwork StatisticsPooling TDNN TimeMask Triplet VocalTractWarp
        WeightedManhattanSpace
    """,
}
TRUSTED_TYPES = [
    f"{package}.{name}" for package, names in _TRUSTED.items() for name in names.split()
]


def publish(namespace: dict[str, Any]) -> None:
    """Let the classes and functions of a public package report that package as their module.

    Pickle and skops save a class as the name of its module and its own name. A file that names
    ``sklearn_siamese_speaker.MFCC`` loads after the code of `MFCC` has moved; one that names a
    private file does not.

    What it hides: `doctest` and `inspect.getsource` look for a class in the file of its module.
    ``tests/test_doctests.py`` runs the examples of methods; the source of a class is found through
    one of its methods.

    Parameters
    ----------
    namespace : dict
        ``globals()`` of the package, with its ``__all__``.
    """
    for name in namespace["__all__"]:
        thing = namespace[name]
        if inspect.isclass(thing) or inspect.isfunction(thing):
            thing.__module__ = namespace["__name__"]
            if "__firstlineno__" in vars(thing):
                # Python >= 3.13 would show that line of the wrong file as the source of the class.
                delattr(thing, "__firstlineno__")
