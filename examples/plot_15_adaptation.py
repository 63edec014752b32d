"""
=================================================================
What do twenty voices of one's own add to a pretrained encoder?
=================================================================

The encoder in the box learned from clean recordings. Yours may be noisy. A linear discriminant
behind the encoder, learned from people who were recorded as yours are, finds the directions in
which voices still differ in such recordings. These people need not be those whom you want to
recognize.
"""

# %%
# Real voices with noise, 5 to 30 dB below the speech, as if each recording was made somewhere else.
# Train and test speakers are different people. (The box learned from clean recordings of the train
# speakers.)

import numpy as np
import soundfile

from sklearn_siamese_speaker.datasets import load_voices

rng = np.random.default_rng(0)


def read_noisy(path):
    """Return a recording with a random level of noise."""
    speech, _ = soundfile.read(path, dtype="float32")
    noise = rng.standard_normal(len(speech), dtype="float32")
    ratio = 10 ** (rng.uniform(5, 30) / 10)
    return 0.3 * (speech + noise * np.sqrt(np.mean(speech**2) / ratio))


own, test = load_voices(subset="train"), load_voices(subset="test")
X_own, X_test = ([read_noisy(path) for path in voices.data] for voices in (own, test))

# %%
# The encoder has nothing to learn, so the embeddings are computed once.

from sklearn_siamese_speaker import PretrainedSpeakerEncoder

encoder = PretrainedSpeakerEncoder()
E_own, E_test = encoder.fit_transform(X_own), encoder.transform(X_test)

# %%
# The discriminant of 20, 40 and 78 people. Its covariance is shrunk, as there are few recordings
# for 200 dimensions.

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer

people = rng.permutation(np.unique(own.target))
adapted = {"the box": FunctionTransformer().fit(E_own)}
for n_own in (20, 40, 78):
    chosen = np.isin(own.target, people[:n_own])
    discriminant = LinearDiscriminantAnalysis(
        solver="eigen", shrinkage=0.6, n_components=min(n_own - 1, 140)
    )
    adapted[f"{n_own} voices"] = make_pipeline(discriminant, Normalizer()).fit(
        E_own[chosen], own.target[chosen]
    )

# %%
# All are tested by the same tasks among the 25 test speakers: one noisy recording of each of 20.

from sklearn_siamese_speaker.model_selection import n_shot_k_way_curve

curves = {
    name: n_shot_k_way_curve(
        model, E_test, test.target, k_ways=[20], n_shots=[1], n_tasks=1000, random_state=0
    )
    for name, model in adapted.items()
}
for name, curve in curves.items():
    print(f"{name:<10} {curve.mean[0, 0]:.2f} [{curve.lower[0, 0]:.2f}, {curve.upper[0, 0]:.2f}]")

# %%
# The bars are 95 % intervals over speakers.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(layout="constrained")
mean, lower, upper = (
    np.array([curve[key][0, 0] for curve in curves.values()]) for key in ("mean", "lower", "upper")
)
ax.errorbar(list(curves), mean, yerr=[mean - lower, upper - mean], fmt="o", capsize=4)
ax.set(ylabel="1-shot 20-way accuracy", ylim=(0, 1.02), title="Noisy recordings, nobody known")
plt.show()

# %%
# To recognize people, put encoder and discriminant together and freeze them: what they learned does
# not change when somebody is enrolled.

from sklearn.frozen import FrozenEstimator

from sklearn_siamese_speaker import OneShotClassifier

model = make_pipeline(encoder, adapted["78 voices"])
who = OneShotClassifier(FrozenEstimator(model)).fit(X_test[::6], test.target[::6])
rest = np.arange(len(X_test)) % 6 > 0
others = [X_test[i] for i in np.flatnonzero(rest)]
print(f"{who.score(others, test.target[rest]):.2f} of the other recordings recognized among 25")
