"""A training survives kills, full disks and damaged files, to the bit."""

import errno
import hashlib
import io
import os
import pickle
import platform
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import conftest
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.encoders.training._checkpoint import CheckpointFile, training_name
from sklearn_siamese_speaker.nn import TimeMask

# One process imports torch and forks a child for each fit, which it then kills.
SCRIPT = """
import multiprocessing, os, pickle, signal, sys, time
from pathlib import Path
import numpy as np, torch
import torch._dynamo  # an optimizer would import it, for seconds, in every child
torch.set_num_threads(1)
import sklearn_siamese_speaker.encoders
from sklearn_siamese_speaker import SiameseSpeakerEncoder
from sklearn_siamese_speaker.model_selection import NShotKWaySplit
from sklearn_siamese_speaker.nn import TimeMask

folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
y = np.repeat(np.arange(10), 8)
X = (rng.normal(size=(10, 8, 1))[y] + rng.normal(size=(80, 8, 40))).astype(np.float32)

def fit(name):
    encoder = SiameseSpeakerEncoder(
        network="cnn2d", network__filters=(8, 16, 16), network__embedding_dim=16,
        network__dropout=0.3,
        batch_size=16, max_epochs=60,
        augment=[TimeMask()], validation_fraction=0.3, validate_every=4, early_stopping=1000,
        validation=NShotKWaySplit(1, 3, n_tasks=20), random_state=0, checkpoint_dir=folder / name,
    ).fit(X, y)
    learned = encoder.state_, encoder.loss_state_, encoder.history_["validations"]
    (folder / f"{name}.pkl").write_bytes(pickle.dumps(learned))

def start(name):
    process = multiprocessing.get_context("fork").Process(target=fit, args=[name])
    process.start()
    return process

def read_checkpoint():
    return [(file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.glob("killed/*.ckpt")]

start("undisturbed").join()
n_killed = 0
for n_checkpoints in rng.integers(1, 6, size=10):
    process = start("killed")
    for _ in range(n_checkpoints):
        before = read_checkpoint()
        while process.is_alive() and read_checkpoint() == before:
            time.sleep(0.001)
    time.sleep(rng.uniform(0, 0.01))
    process.kill()
    process.join()
    n_killed += process.exitcode == -signal.SIGKILL
n_epochs = len(list((folder / "killed").glob("*.ckpt")))
start("killed").join()
print(n_killed, n_epochs)
"""


make_frames = partial(conftest.make_frames, n_speakers=6)


class Factor(torch.nn.Module):
    """A loss with an argument."""

    def __init__(self, x=1.0):
        super().__init__()
        self.x = x

    def forward(self, embeddings, labels):
        return self.x * embeddings.square().mean()


def make_encoder(directory, **params):
    settings = {
        "network": "cnn2d",
        "network__filters": (4, 4, 4),
        "network__embedding_dim": 8,
        "batch_size": 8,
        "max_epochs": 4,
    }
    return SiameseSpeakerEncoder(**{**settings, "checkpoint_dir": directory, **params})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_killed_at_random_moments_and_started_again_ends_with_the_same_bits(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path], check=True, capture_output=True, text=True
    )
    n_killed, n_checkpoints = map(int, done.stdout.split())
    assert n_killed >= 5
    assert n_checkpoints == 1
    (state, loss, validations), (state_2, loss_2, validations_2) = (
        pickle.loads((tmp_path / f"{name}.pkl").read_bytes()) for name in ("undisturbed", "killed")
    )
    assert validations == validations_2
    for one, other in [(state, state_2), (loss, loss_2)]:
        assert list(one) == list(other)
        for name in one:
            assert_array_equal(one[name], other[name])


@pytest.mark.parametrize(
    ("pairs", "schedule"),
    [("all", "cosine"), ("random", "cosine"), ("all", "one_cycle"), ("all", "constant")],
)
def test_an_interrupted_fit_goes_on_and_equals_an_undisturbed_one(tmp_path, pairs, schedule):
    X, y = make_frames()
    params = {
        "loss": "bce",
        "pairs": pairs,
        "schedule": schedule,
        "random_state": 0,
        "augment": [TimeMask()],
    }
    undisturbed = make_encoder(None, **params).fit(X, y)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    encoder = make_encoder(tmp_path, **params)
    save, n_saves = CheckpointFile.save, []

    def interrupted_save(self, state):
        save(self, state)
        n_saves.append(1)
        if len(n_saves) == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CheckpointFile, "save", interrupted_save)
        with pytest.raises(KeyboardInterrupt):
            encoder.fit(X, y)
    resumed = make_encoder(tmp_path, **params).fit(X, y)
    assert resumed.n_iter_ == 4
    assert_array_equal(resumed.transform(X), undisturbed.transform(X))


def test_without_a_random_state_the_seed_is_kept_in_the_file(tmp_path):
    X, y = make_frames()
    first = make_encoder(tmp_path).fit(X, y)
    again = make_encoder(tmp_path).fit(X, y)  # nothing is left to train
    assert_array_equal(first.transform(X), again.transform(X))
    assert again.n_iter_ == 4


def test_more_epochs_at_a_constant_rate_go_on_with_the_bits_of_an_undisturbed_fit(tmp_path):
    X, y = make_frames()
    params = {"random_state": 0, "schedule": "constant"}
    make_encoder(tmp_path, max_epochs=1, **params).fit(X, y)
    longer = make_encoder(tmp_path, max_epochs=3, **params).fit(X, y)
    undisturbed = make_encoder(None, max_epochs=3, **params).fit(X, y)
    assert longer.n_iter_ == 3
    assert_array_equal(longer.transform(X), undisturbed.transform(X))
    assert len(list(tmp_path.iterdir())) == 1


class FallingByATenth(torch.optim.lr_scheduler.ExponentialLR):
    """A schedule whose rate of a batch depends on no number of epochs, and that says so."""

    can_be_continued = True

    def __init__(self, optimizer):
        super().__init__(optimizer, gamma=0.9)


def test_a_schedule_says_itself_that_it_can_be_continued(tmp_path):
    X, y = make_frames()
    params = {"random_state": 0, "schedule": FallingByATenth}
    make_encoder(tmp_path, max_epochs=1, **params).fit(X, y)
    longer = make_encoder(tmp_path, max_epochs=3, **params).fit(X, y)
    undisturbed = make_encoder(None, max_epochs=3, **params).fit(X, y)
    assert_array_equal(longer.transform(X), undisturbed.transform(X))
    assert len(list(tmp_path.iterdir())) == 1


def test_more_epochs_of_a_falling_rate_start_anew_and_say_so(tmp_path):
    X, y = make_frames()
    make_encoder(tmp_path, random_state=0, max_epochs=1).fit(X, y)
    sentence = "max_epochs=1, which cannot be continued to max_epochs=3: the schedule of the"
    with pytest.warns(UserWarning, match=sentence):
        longer = make_encoder(tmp_path, random_state=0, max_epochs=3).fit(X, y)
    undisturbed = make_encoder(None, random_state=0, max_epochs=3).fit(X, y)
    assert_array_equal(longer.transform(X), undisturbed.transform(X))
    assert len(list(tmp_path.iterdir())) == 2


def test_other_parameters_data_and_labels_start_anew(tmp_path):
    X, y = make_frames()
    make_encoder(tmp_path, random_state=0, max_epochs=1).fit(X, y)
    make_encoder(tmp_path, random_state=0, max_epochs=1, verbose=1, device="cpu").fit(X, y)
    assert len(list(tmp_path.iterdir())) == 1
    make_encoder(tmp_path, random_state=0, lr=0.02, max_epochs=1).fit(X, y)
    make_encoder(tmp_path, random_state=0, loss__x=1, loss=Factor, max_epochs=1).fit(X, y)
    make_encoder(tmp_path, random_state=0, loss__x=2, loss=Factor, max_epochs=1).fit(X, y)
    make_encoder(tmp_path, random_state=0, max_epochs=1).fit(X + 1, y)
    make_encoder(tmp_path, random_state=0, max_epochs=1).fit(X, y[::-1])
    assert len(list(tmp_path.iterdir())) == 6


def test_200_failed_writes_leave_the_old_checkpoint_intact(tmp_path, monkeypatch):
    file = CheckpointFile(tmp_path, "name")
    file.save({"epoch": 1})
    before = file.path.read_bytes()
    rng = np.random.default_rng(0)
    real_open, real_fsync, real_replace = os.open, os.fsync, os.replace

    def fail(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    for _ in range(200):
        step = rng.choice(["open", "fsync", "replace"])
        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(OSError, match="could not be written") as caught:
                file.save({"epoch": 2})
        assert str(file.path) in str(caught.value)
        assert caught.value.errno == errno.ENOSPC
        assert file.path.read_bytes() == before
    assert (os.open, os.fsync, os.replace) == (real_open, real_fsync, real_replace)
    assert file.load() == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["name.ckpt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_an_error_of_fit_that_names_the_file(tmp_path, monkeypatch):
    X, y = make_frames()
    write_bytes = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda _, data: write_bytes(Path("/dev/full"), data))
    with pytest.raises(OSError, match=r"\.ckpt could not be written \(No space left on device\)"):
        make_encoder(tmp_path).fit(X, y)


def test_a_damaged_file_is_refused_at_every_byte(tmp_path):
    file = CheckpointFile(tmp_path, "name")
    file.save({"epoch": 1})
    content = file.path.read_bytes()
    for position in np.linspace(0, len(content) - 1, 50).astype(int):
        damaged = bytearray(content)
        damaged[position] ^= 1
        file.path.write_bytes(damaged)
        with pytest.raises(OSError, match=r"is damaged: its checksum does not match\. Delete it"):
            file.load()
    file.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(OSError, match="is damaged"):
        file.load()


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    here = platform.node().replace(".", "-")
    abandoned = [f"name.{here}.{dead.pid}.abc.tmp", f"other.{here}.{dead.pid}.abc.tmp"]
    old = "name.elsewhere.1.abc.tmp"
    kept = [f"name.{here}.{os.getpid()}.abc.tmp", "name.elsewhere.2.abc.tmp", "mine.tmp"]
    for name in [*abandoned, old, *kept]:
        (tmp_path / name).write_bytes(b"half")
    os.utime(tmp_path / old, (0, 0))
    assert CheckpointFile(tmp_path, "name").load() is None
    assert {path.name for path in tmp_path.iterdir()} == set(kept)


def test_a_half_written_file_of_a_killed_fit_is_gone_after_a_later_fit(tmp_path):
    save_and_die = """
import os, sys
from sklearn_siamese_speaker.encoders.training._checkpoint import CheckpointFile
os.fsync = lambda handle: os._exit(1)
CheckpointFile(sys.argv[1], "name").save({})
"""
    subprocess.run([sys.executable, "-c", save_and_die, tmp_path], check=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
    make_encoder(tmp_path, random_state=0).fit(*make_frames())
    assert [path.suffix for path in tmp_path.iterdir()] == [".ckpt"]


@pytest.mark.parametrize("part", ["loss", "augment"])
def test_what_cannot_be_pickled_is_named_in_one_short_sentence(tmp_path, part):
    X, y = make_frames()
    functions = {
        "loss": lambda embeddings, labels: embeddings.square().mean(),
        "augment": [lambda batch, generator: batch],
    }
    sentence = f"but {part} holds what cannot be pickled, such as a lambda or a function inside"
    with pytest.raises(ValueError, match=sentence) as caught:
        make_encoder(tmp_path, **{part: functions[part]}).fit(
            X, np.char.add("secret", y.astype(str))
        )
    assert len(str(caught.value)) < 300
    assert caught.value.__suppress_context__


def checksummed(payload):
    return hashlib.sha256(payload).digest() + payload


def saved(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return checksummed(buffer.getvalue())


class Evil:
    def __reduce__(self):
        return os.system, ("echo evil",)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol 4:UserWarning")
@pytest.mark.parametrize(
    "content",
    [
        checksummed(b"not what torch saves"),
        checksummed(pickle.dumps(Evil())),
        saved(Evil()),
        saved([1, 2]),
        saved({"seed": 0}),
        saved({"seed": 0, "epochs": []}),
        saved({"seed": 0, "epochs": [], "module": {}, "criterion": {}, "optimizer": {}}),
    ],
    ids=["text", "pickle", "torch", "list", "seed", "epochs", "modules"],
)
def test_a_whole_file_that_is_no_checkpoint_of_this_training_is_refused(tmp_path, content):
    X, y = make_frames()
    make_encoder(tmp_path, random_state=0, max_epochs=1).fit(X, y)
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    sentence = f"The checkpoint {path} does not hold this training: another program or another"
    with pytest.raises(OSError, match=re.escape(sentence)):
        make_encoder(tmp_path, random_state=0, max_epochs=1).fit(X, y)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for place in [tmp_path / "file", tmp_path / "file" / "inside"]:
        sentence = f"checkpoint_dir={str(place)!r} cannot be made a folder"
        with pytest.raises(OSError, match=re.escape(sentence)):
            make_encoder(place).fit(*make_frames())


def test_a_folder_that_may_not_be_made_is_named(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write into a read-only folder
    with pytest.raises(PermissionError, match=r"cannot be made a folder \(Permission denied\)"):
        make_encoder(tmp_path / "new").fit(*make_frames())


def test_a_full_disk_speaks_of_an_older_file_only_if_there_is_one(tmp_path, monkeypatch):
    def fail(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    file = CheckpointFile(tmp_path, "name")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match=r"left on device\); none exists\. Free some space"):
            file.save({"epoch": 1})
    file.save({"epoch": 1})
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="the one of the epoch before is intact"):
        file.save({"epoch": 2})


def test_the_name_of_a_training_knows_the_settings_of_a_module():
    assert training_name({"network": Factor(1.0)}) != training_name({"network": Factor(2.0)})


def test_the_name_of_a_training_knows_class_and_weights_of_a_module():
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    other = torch.nn.Linear(3, 2)
    same = clone(module, safe=False)
    assert training_name({"network": module}) == training_name({"network": same})
    assert training_name({"network": module}) != training_name({"network": other})


@pytest.mark.filterwarnings("ignore:checkpoint_dir holds this training with max_epochs=3")
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_shorter_training_neither_takes_nor_changes_the_file_of_a_longer_one(tmp_path, schedule):
    X, y = make_frames()
    params = {"random_state": 0, "schedule": schedule}
    make_encoder(tmp_path, max_epochs=3, **params).fit(X, y)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    shorter = make_encoder(tmp_path, max_epochs=2, **params).fit(X, y)
    undisturbed = make_encoder(None, max_epochs=2, **params).fit(X, y)
    assert shorter.n_iter_ == 2
    assert_array_equal(shorter.transform(X), undisturbed.transform(X))
    assert file.read_bytes() == content


def test_numbers_of_numpy_leave_the_file_readable(tmp_path):
    X, y = make_frames()
    params = {
        "lr": np.float64(0.01),
        "optimizer__weight_decay": np.float64(0.1),
        "schedule": "constant",
        "random_state": 0,
    }
    make_encoder(tmp_path, max_epochs=1, **params).fit(X, y)
    assert make_encoder(tmp_path, max_epochs=2, **params).fit(X, y).n_iter_ == 2
