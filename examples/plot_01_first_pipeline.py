"""
A first pipeline: from recordings to names
==========================================

Whose voice is it, when we have one recording of each person?
"""

# %%
# Recordings and their speakers: real ones if there is a folder of them, otherwise synthetic ones.
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, make_speakers

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = make_speakers(n_speakers=40, n_recordings=5, duration=1.0, random_state=0)

# %%
# The network is trained on background speakers and used on other speakers. So we split the
# speakers.
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=4).split(X, y))

# %%
# The front end turns recordings into frames, the encoder turns frames into embeddings. The network
# is small here, and its training short.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder

encoder = make_pipeline(
    MFCC(),
    SiameseSpeakerEncoder(
        "tdnn",
        network__filters=(32, 48, 64),
        network__embedding_dim=64,
        max_epochs=15,
        random_state=0,
    ),
)
encoder.fit(X[background], y[background])

# %%
# Enrol each new speaker with one recording, and recognize the other recordings. `FrozenEstimator`
# keeps the encoder as it was trained.
from sklearn.frozen import FrozenEstimator

from sklearn_siamese_speaker import OneShotClassifier

enrolment = np.unique(y[new], return_index=True)[1]
others = np.delete(np.arange(len(new)), enrolment)
X_new, y_new = X[new], y[new]

who = OneShotClassifier(FrozenEstimator(encoder)).fit(X_new[enrolment], y_new[enrolment])
print(
    f"{who.score(X_new[others], y_new[others]):.0%} of {len(others)} recordings recognized, "
    f"among {len(who.classes_)} speakers; chance is {1 / len(who.classes_):.0%}"
)

# %%
# Which speakers are confused with each other?
import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

display = ConfusionMatrixDisplay.from_estimator(
    who, X_new[others], y_new[others], xticks_rotation="vertical", colorbar=False
)
display.figure_.tight_layout()
plt.show()
