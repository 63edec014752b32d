"""
Who spoke when?
===============

Four people have a conversation. Nobody is enrolled, and nobody says how many there are. When does
each of them speak?
"""

# %%
# The conversation is made of recordings of single people, so we know the truth: turns, pauses, and
# moments in which two people speak.
import os

import numpy as np

from sklearn_siamese_speaker.datasets import load_speaker_folder, load_voices, make_conversation

if folder := os.environ.get("SKLEARN_SIAMESE_SPEAKER_VOICES"):
    X, y = load_speaker_folder(folder, return_X_y=True)
else:
    X, y = load_voices(subset="test", return_X_y=True)

rows = [np.flatnonzero(y == name) for name in np.unique(y)[:4]]
turns = np.concatenate([some[:-1] for some in rows])  # one recording of each is left for later
talk, truth = make_conversation(X[turns], y[turns], random_state=0)
print(f"{len(talk) / 16000:.0f} s, {len(truth)} turns")

# %%
# The diarizer detects speech by its energy, embeds windows of 1.5 s with the encoder in the
# package, and groups the windows. With the extra "diarization" installed, leave `speech` out: a
# better detector is used then.
from sklearn_siamese_speaker import SpeakerDiarizer

diarizer = SpeakerDiarizer(speech="energy")
segments = diarizer.predict([talk])[0]
for start, end, speaker in segments[:5]:
    print(f"{start:5.1f} s to {end:5.1f} s  {speaker}")

# %%
# Each row is a speaker. The names of the found speakers are only numbers; the pattern of the rows
# should be the same as below.
import matplotlib.pyplot as plt

from sklearn_siamese_speaker.inspection import DiarizationDisplay

DiarizationDisplay.from_recording(talk, segments, reference=truth)
plt.show()

# %%
# The error rate counts missed speech, false alarms, and speech that is given to another speaker.
# Where two people speak at once, one of them is always missed.
from sklearn_siamese_speaker.metrics import diarization_errors

errors = diarization_errors([truth], [segments])
for kind in ("missed", "false_alarm", "confused"):
    print(f"{kind:12}{errors[kind] / errors['speech']:6.1%}")

# %%
# We know two of these people, and have one other recording of each. The diarizer then writes their
# names. The other two stay unknown, because the threshold refuses them.
from sklearn_siamese_speaker import OneShotClassifier, PretrainedSpeakerEncoder

who = OneShotClassifier(PretrainedSpeakerEncoder(), threshold=-0.9)
who.fit([X[some[-1]] for some in rows[:2]], ["ana", "ben"])
named = SpeakerDiarizer(classifier=who, speech="energy").predict([talk])[0]
DiarizationDisplay.from_recording(talk, named, reference=truth)
plt.show()
