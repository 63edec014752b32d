"""Weights: downloaded from a server on this machine, read from files, drawn from a seed."""

import functools
import hashlib
import http.server
import os
import pickle
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
import safetensors.torch
import torch

from sklearn_siamese_speaker.datasets import download as _download
from sklearn_siamese_speaker.features import vggish_weights as weights_module
from sklearn_siamese_speaker.features import weights as _weights
from sklearn_siamese_speaker.features.vggish_weights import (
    find_weights,
    load_network,
    load_principal_components,
)
from sklearn_siamese_speaker.features.weights import Published, fetch, is_at_hand
from sklearn_siamese_speaker.nn import vggish as _vggish

CONTENT = bytes(range(256)) * 4000  # 1 MB, so that a cut comes in the middle
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        content = self.server.files.get(self.path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if self.server.stalls_until is not None:
            self.server.stalls_until.wait(10)
        self.wfile.write((content or b"")[: self.server.cut_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """Serve the bytes in ``server.files``; ``server.requests`` lists what was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.requests, server.cut_after = {"/net.pth": CONTENT}, [], None
    server.stalls_until = None
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def without_waits(monkeypatch):
    monkeypatch.setattr(_download, "WAITS", (0.0, 0.0, 0.0))


@pytest.fixture
def data_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SKLEARN_SIAMESE_SPEAKER_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """Two filters instead of 64, and nothing remembered from other tests."""
    original = _vggish.VGGishNetwork
    monkeypatch.setattr(_vggish, "VGGishNetwork", functools.partial(original, width=2))
    load_network.cache_clear()
    yield
    load_network.cache_clear()


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def make_tensors(seed=0):
    generator = torch.Generator().manual_seed(seed)
    state = _vggish.VGGishNetwork().state_dict()
    return {name: torch.randn(t.shape, generator=generator) for name, t in state.items()}


# Download


def test_a_download_lands_in_the_data_home_with_its_bytes(server, data_home):
    path = Path(fetch(Published(f"{server.url}/net.pth", SHA256, "vggish")))
    assert path.read_bytes() == CONTENT
    assert files_in(data_home) == [path]


def test_a_second_call_needs_no_network(server, data_home):
    published = Published(f"{server.url}/net.pth", SHA256, "vggish")
    path = fetch(published)
    server.files.clear()
    assert fetch(published) == path
    assert server.requests == ["/net.pth"]


def test_weights_are_at_hand_when_the_data_home_has_their_very_bytes(server, data_home):
    published = Published(f"{server.url}/net.pth", SHA256, "vggish")
    assert not is_at_hand(published)
    assert server.requests == []
    path = Path(fetch(published))
    assert is_at_hand(published)
    path.write_bytes(b"damaged")
    assert not is_at_hand(published)


def test_a_file_with_other_bytes_in_the_data_home_is_replaced(server, data_home):
    published = Published(f"{server.url}/net.pth", SHA256, "vggish")
    path = Path(fetch(published))
    path.write_bytes(b"damaged")
    assert Path(fetch(published)).read_bytes() == CONTENT


def test_a_file_copied_to_the_place_that_the_error_names_is_used(data_home):
    published = Published("http://127.0.0.1:1/net.pth", SHA256, "vggish")
    with pytest.raises(OSError, match="could not be downloaded") as error:
        fetch(published)
    place = Path(str(error.value).rpartition(" to '")[2].rstrip("'."))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(CONTENT)
    assert fetch(published) == str(place)


def no_network(server):
    return "http://127.0.0.1:1/net.pth", SHA256


def not_found(server):
    return f"{server.url}/moved.pth", SHA256


def wrong_hash(server):
    return f"{server.url}/net.pth", "0" * 64


def cut_connection(server):
    server.cut_after = len(CONTENT) // 2
    return f"{server.url}/net.pth", SHA256


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (no_network, "refused"),
        (not_found, "404"),
        (wrong_hash, "hash"),
        (cut_connection, "IncompleteRead"),
    ],
)
def test_a_failed_download_says_all_in_one_error_and_leaves_nothing(
    server, data_home, fault, reason
):
    url, sha256 = fault(server)
    place = os.path.join("vggish", url.rpartition("/")[2])
    expected = rf"^{url} could not be downloaded \((?s:.*){reason}(?s:.*)\); where there is no "
    expected += rf"network, copy the file with SHA-256 {sha256} to '.*{place}'\.$"
    with pytest.raises(OSError, match=expected):
        fetch(Published(url, sha256, "vggish"))
    assert files_in(data_home) == []


def test_a_file_that_is_larger_than_any_weights_is_not_kept(server, data_home, monkeypatch):
    monkeypatch.setattr(_weights, "MAX_BYTES", len(CONTENT) - 1)
    with pytest.raises(OSError, match=r"\(more than 1,023,999 bytes were sent\)"):
        fetch(Published(f"{server.url}/net.pth", SHA256, "vggish"))
    assert files_in(data_home) == []


def test_a_server_that_is_too_slow_is_given_up(server, data_home, monkeypatch):
    monkeypatch.setattr(_download, "PATIENCE", 0.1)
    server.stalls_until = threading.Event()
    with pytest.raises(OSError, match=r"\(slower than 10,000 bytes a second for 0\.1 s\)"):
        fetch(Published(f"{server.url}/net.pth", SHA256, "vggish"))
    server.stalls_until.set()
    assert files_in(data_home) == []


def test_default_weights_are_downloaded_once_and_named_by_their_hash(
    server, data_home, tmp_path, monkeypatch
):
    torch.save(make_tensors(), tmp_path / "net.pth")
    content = (tmp_path / "net.pth").read_bytes()
    server.files["/net.pth"] = content
    published = Published(f"{server.url}/net.pth", hashlib.sha256(content).hexdigest(), "vggish")
    monkeypatch.setattr(weights_module, "NETWORK", published)
    weights = find_weights("audioset", None)
    assert weights == ("audioset", published.sha256)
    assert_holds(load_network(weights, True), make_tensors())
    assert server.requests == ["/net.pth"]


def test_principal_components_come_from_their_own_address(server, data_home, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {"pca_eigen_vectors": rng.normal(size=(4, 4)), "pca_means": rng.normal(size=(4, 1))}
    np.savez(tmp_path / "pca.npz", **arrays)
    content = (tmp_path / "pca.npz").read_bytes()
    server.files["/pca.npz"] = content
    published = Published(f"{server.url}/pca.npz", hashlib.sha256(content).hexdigest(), "vggish")
    monkeypatch.setattr(weights_module, "PRINCIPAL_COMPONENTS", published)
    eigen_vectors, means = load_principal_components()
    np.testing.assert_array_equal(eigen_vectors, arrays["pca_eigen_vectors"])
    np.testing.assert_array_equal(means, arrays["pca_means"][:, 0])


# Files


def assert_holds(network, tensors):
    state = network.state_dict()
    assert state.keys() == tensors.keys()
    for name, tensor in tensors.items():
        torch.testing.assert_close(state[name], tensor, rtol=0, atol=0)


def save_zip(tensors, path):
    torch.save(tensors, path)


def save_old(tensors, path):
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def save_safetensors(tensors, path):
    safetensors.torch.save_file(tensors, path)


@pytest.mark.parametrize(
    ("save", "name"),
    [(save_zip, "a.pth"), (save_old, "b.pth"), (save_safetensors, "c.safetensors")],
)
def test_a_file_of_weights_is_loaded_bit_by_bit(tmp_path, save, name):
    tensors = make_tensors()
    save(tensors, tmp_path / name)
    source, sha256 = find_weights(tmp_path / name, None)
    assert source == str(tmp_path / name)
    assert sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert_holds(load_network((source, sha256), True), tensors)


def test_a_relative_path_is_kept_as_an_absolute_one(tmp_path, monkeypatch):
    torch.save(make_tensors(), tmp_path / "net.pth")
    monkeypatch.chdir(tmp_path)
    assert find_weights("net.pth", None)[0] == str(tmp_path / "net.pth")


@pytest.mark.parametrize("path", ["missing.pth", "."])
def test_a_path_that_is_no_file_is_refused(tmp_path, path):
    expected = r"The weights in '.*' cannot be read \(.*\); pass weights='audioset' or the path of"
    with pytest.raises(OSError, match=expected):
        find_weights(tmp_path / path, None)


class Payload:
    def __reduce__(self):
        return os.mkdir, (os.environ["PAYLOAD"],)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.pth", b"These are no weights."),
        ("empty.pth", b""),
        ("text.safetensors", b"These are no weights."),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    expected = rf"'.*{name}' does not hold weights of VGGish: no dict of tensors \(\w+\); the "
    expected += "published file is https://.*pth .SHA-256 10086976"
    with pytest.raises(ValueError, match=expected):
        load_network(find_weights(tmp_path / name, None), True)


def test_a_list_of_tensors_is_refused(tmp_path):
    torch.save([torch.zeros(2)], tmp_path / "net.pth")
    with pytest.raises(ValueError, match=r"no dict of tensors \(AttributeError\)"):
        load_network(find_weights(tmp_path / "net.pth", None), True)


def test_a_file_with_code_is_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.setenv("PAYLOAD", str(tmp_path / "executed"))
    (tmp_path / "net.pth").write_bytes(pickle.dumps({"net": Payload()}, protocol=2))
    with pytest.raises(ValueError, match="does not hold weights of VGGish"):
        load_network(find_weights(tmp_path / "net.pth", None), True)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"embeddings.4.bias": torch.zeros(5)}, r"'embeddings.4.bias' is \(5,\) in .* \(128,\) in"),
        ({"extra": torch.zeros(5)}, r"'extra' is \(5,\) in the file and missing in the network"),
        ({"features.0.bias": None}, r"'features.0.bias' is missing in the file and \(2,\) in the"),
    ],
)
def test_other_names_and_shapes_are_refused_with_the_first_of_them(tmp_path, change, reason):
    tensors = {**make_tensors(), **change}
    torch.save({name: t for name, t in tensors.items() if t is not None}, tmp_path / "net.pth")
    with pytest.raises(ValueError, match=f"does not hold weights of VGGish: {reason}"):
        load_network(find_weights(tmp_path / "net.pth", None), True)


def test_a_file_that_changed_since_fit_is_refused(tmp_path):
    torch.save(make_tensors(0), tmp_path / "net.pth")
    weights = find_weights(tmp_path / "net.pth", None)
    torch.save(make_tensors(1), tmp_path / "net.pth")
    with pytest.raises(ValueError, match="when VGGish was fitted; bring that file back or fit"):
        load_network(weights, True)


# Seeds


def test_random_weights_are_those_of_their_seed():
    seed = find_weights(None, 0)
    assert seed == find_weights(None, 0) != find_weights(None, 1)
    tensors = load_network(seed, True).state_dict()
    load_network.cache_clear()
    assert_holds(load_network(seed, True), tensors)
    others = load_network(find_weights(None, 1), True).state_dict()
    assert not torch.equal(others["features.0.weight"], tensors["features.0.weight"])


def test_global_generators_are_left_alone():
    torch_state, numpy_state = torch.get_rng_state(), joblib.hash(np.random.get_state())  # noqa: NPY002
    load_network(find_weights(None, 0), True)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert joblib.hash(np.random.get_state()) == numpy_state  # noqa: NPY002


def test_one_network_is_in_memory_for_all_estimators():
    weights = find_weights(None, 0)
    assert load_network(weights, True) is load_network(weights, True)
    load_network((None, 5), True)
    assert load_network.cache_info().currsize == 1
