"""
===================================================
Does a phone need torch to recognize a voice?
===================================================

No. `export_onnx` writes an encoder as one file, front end included. Every program that runs ONNX
models can run it: on a phone, in a browser, on a server in another language. Here it is another
Python process, in which torch and this library cannot be imported.
"""

# %%
# The encoder in the box as an ONNX file. Export a trained Pipeline of your own in the same way.

import tempfile
from pathlib import Path

from sklearn_siamese_speaker import PretrainedSpeakerEncoder, export_onnx
from sklearn_siamese_speaker.datasets import load_voices

X, y = load_voices(subset="test", return_X_y=True)
folder = Path(tempfile.mkdtemp())
export_onnx(PretrainedSpeakerEncoder().fit(X[:1]), folder / "speaker.onnx")
print(f"{(folder / 'speaker.onnx').stat().st_size / 1e6:.1f} MB")

# %%
# The program that uses it. It needs onnxruntime, NumPy and something that reads sound; the
# recordings must have the sample rate that the file names, 16 kHz.

program = """
import sys

sys.modules["torch"] = sys.modules["sklearn_siamese_speaker"] = None  # an import of them fails

import numpy as np
import onnxruntime
import soundfile

session = onnxruntime.InferenceSession(sys.argv[1])
about = session.get_modelmeta().custom_metadata_map
print(about["sample_rate"], "Hz,", about["output_dim"], "dimensions,", about["embedding_metric"])


def embed(path):
    waveform, _ = soundfile.read(path, dtype="float32")
    return session.run(["embedding"], {"waveform": waveform[np.newaxis]})[0][0]


np.save(sys.argv[2], [embed(path) for path in sys.argv[3:]])
"""

# %%
# Two recordings of each of eight people.

import subprocess
import sys

paths = [*X[:48:6], *X[1:48:6]]
command = [sys.executable, "-c", program, folder / "speaker.onnx", folder / "embeddings.npy"]
print(subprocess.run([*command, *paths], capture_output=True, text=True, check=True).stdout)

# %%
# The distance of each first recording to each second one. If the smallest distance of a row, the
# darkest, is on the diagonal, the person is recognized.

import matplotlib.pyplot as plt
import numpy as np

embeddings = np.load(folder / "embeddings.npy")
distances = np.linalg.norm(embeddings[:8, np.newaxis] - embeddings[np.newaxis, 8:], axis=2)
print(f"{np.mean(distances.argmin(axis=1) == np.arange(8)):.0%} recognized")

figure, ax = plt.subplots(layout="constrained")
image = ax.imshow(distances, cmap="viridis")
ax.set(xlabel="second recording of", ylabel="first recording of", title="Without torch")
ax.set_xticks(range(8), y[:48:6], rotation=45, ha="right")
ax.set_yticks(range(8), y[:48:6])
figure.colorbar(image, label="distance")
plt.show()
