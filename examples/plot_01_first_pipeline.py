"""
A first pipeline: from recordings to names
==========================================

Whose voice is it, when we have one recording of each person?
"""

# %%
# Real recordings and their speakers: a folder of your own, otherwise those inside the package.
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, load_voices

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = load_voices(return_X_y=True)

# %%
# The network is trained on background speakers and used on other speakers. So we split the
# speakers.
from sklearn_siamese_speaker.model_selection import SpeakerKFold

background, new = next(SpeakerKFold(n_splits=4).split(X, y))

# %%
# The front end turns recordings into frames, the encoder turns frames into embeddings. The mixture
# is smaller than the default one, and the training shorter, to take seconds.
from sklearn.pipeline import make_pipeline

from sklearn_siamese_speaker import MFCC, SiameseSpeakerEncoder

encoder = make_pipeline(
    MFCC(), SiameseSpeakerEncoder(network__n_mixtures=16, max_epochs=3, random_state=0)
)
encoder.fit(X[background], y[background])

# %%
# Enroll each new speaker with one recording, and recognize the other recordings. `FrozenEstimator`
# keeps the encoder as it was trained.
from sklearn.frozen import FrozenEstimator

from sklearn_siamese_speaker import OneShotClassifier

enrolled = np.unique(y[new], return_index=True)[1]
others = np.delete(np.arange(len(new)), enrolled)
X_new, y_new = X[new], y[new]

who = OneShotClassifier(FrozenEstimator(encoder)).fit(X_new[enrolled], y_new[enrolled])
print(
    f"{who.score(X_new[others], y_new[others]):.0%} of {len(others)} recordings recognized, "
    f"among {len(who.classes_)} speakers; chance is {1 / len(who.classes_):.0%}"
)

# %%
# Which speakers are confused with each other? The errors are not spread evenly: a few speakers make
# most of them. So a result is as certain as its number of speakers, not of its recordings.
import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

display = ConfusionMatrixDisplay.from_estimator(
    who,
    X_new[others],
    y_new[others],
    xticks_rotation="vertical",
    colorbar=False,
    include_values=False,
)
display.ax_.tick_params(labelsize=6)
display.figure_.tight_layout()
plt.show()
