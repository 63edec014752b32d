"""What the workers of a cluster import: parts that kill the process they run in, once."""

import os
import signal
from pathlib import Path

from skorch.callbacks import Callback

from sklearn_siamese_speaker import FramePooling


def die_once(marker):
    """Kill this process unless the file is there, which it is from then on."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class DeadlyPooling(FramePooling):
    """Kills the first process that fits it."""

    def __init__(self, statistics=("mean", "std"), *, marker=None):
        super().__init__(statistics)
        self.marker = marker

    def fit(self, X, y=None):
        die_once(self.marker)
        return super().fit(X, y)


class DeadlyEpoch(Callback):
    """Notes each epoch that is done; kills the first process that has done the second one."""

    def __init__(self, folder):
        self.folder = folder

    def on_epoch_end(self, net, **kwargs):
        with open(Path(self.folder) / "epochs.txt", "a") as log:
            print(os.getpid(), len(net.history), file=log)
        if len(net.history) == 2:
            die_once(Path(self.folder) / "died")
