"""The d-vector network against the equations of an LSTM, step by step in numpy."""

import numpy as np
import torch

from sklearn_siamese_speaker.nn.public_networks import DVector


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference(frames, weights, n_layers):
    """Return the embedding of frames of shape (n_features, n_frames)."""
    sequence = frames.T
    for layer in range(n_layers):
        w_in, w_state, b_in, b_state = (
            weights[f"lstm.{kind}_l{layer}"]
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = c = np.zeros(w_state.shape[1])
        outputs = []
        for x in sequence:
            gates = w_in @ x + b_in + w_state @ h + b_state
            i, f, g, o = np.split(gates, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outputs.append(h)
        sequence = np.array(outputs)
    embedding = np.maximum(weights["linear.weight"] @ h + weights["linear.bias"], 0)
    return embedding / np.linalg.norm(embedding)


def test_embeddings_are_those_of_the_equations():
    torch.manual_seed(0)
    network = DVector(5, 8, n_layers=2).double()
    torch.nn.init.uniform_(network.linear.bias)  # or the ReLU may leave nothing
    frames = torch.rand(3, 5, 11, dtype=torch.float64)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    expected = [reference(recording.numpy(), weights, 2) for recording in frames]
    np.testing.assert_allclose(network(frames).detach().numpy(), expected, atol=1e-12)


def test_parameters_have_the_shapes_of_the_published_weights():
    shapes = {name: tuple(t.shape) for name, t in DVector().state_dict().items()}
    assert shapes.pop("linear.weight") == (256, 256)
    assert shapes.pop("linear.bias") == (256,)
    for layer in range(3):
        assert shapes.pop(f"lstm.weight_ih_l{layer}") == (1024, 256 if layer else 40)
        assert shapes.pop(f"lstm.weight_hh_l{layer}") == (1024, 256)
        assert shapes.pop(f"lstm.bias_ih_l{layer}") == (1024,)
        assert shapes.pop(f"lstm.bias_hh_l{layer}") == (1024,)
    assert not shapes
