"""The ONNX form of each operation of torch that networks here use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, fx, nn

if TYPE_CHECKING:
    from ._onnx_graph import GraphWriter

FLOAT = 1  # onnx.TensorProto.FLOAT


def _argument(node: fx.Node, position: int, name: str, default: Any = None) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def _axes(dim: Any) -> np.ndarray:
    return np.atleast_1d(np.asarray(dim, dtype=np.int64))


# Modules


def _convolve(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    if module.padding_mode != "zeros" or isinstance(module.padding, str):
        raise ValueError(f"padding={module.padding!r} of a convolution has no ONNX form here.")
    tensors = [module.weight] + ([module.bias] if module.bias is not None else [])
    return writer.add(
        "Conv",
        node.args[0],
        *tensors,
        strides=module.stride,
        pads=2 * tuple(module.padding),
        dilations=module.dilation,
        group=module.groups,
    )


def _normalize_batch(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    scale = torch.ones_like(module.running_var) if module.weight is None else module.weight
    shift = torch.zeros_like(module.running_var) if module.bias is None else module.bias
    return writer.add(
        "BatchNormalization",
        node.args[0],
        scale,
        shift,
        module.running_mean,
        module.running_var,
        epsilon=module.eps,
    )


def _max_pool(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    n_axes = writer.rank(node.args[0]) - 2
    sizes = (module.kernel_size, module.stride, module.padding, module.dilation)
    kernel, stride, padding, dilation = (nn.modules.utils._ntuple(n_axes)(size) for size in sizes)
    return writer.add(
        "MaxPool",
        node.args[0],
        kernel_shape=kernel,
        strides=stride,
        pads=2 * padding,
        dilations=dilation,
        ceil_mode=int(module.ceil_mode),
    )


def _linear(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    product = writer.add("MatMul", node.args[0], module.weight.T)
    return product if module.bias is None else writer.add("Add", product, module.bias)


def _lstm(writer: GraphWriter, node: fx.Node, module: Any) -> tuple[str, None]:
    """Write a node for each layer; the states are left out."""
    if module.bidirectional or module.proj_size or not module.batch_first or not module.bias:
        raise ValueError("An LSTM is written as nn.LSTM(..., batch_first=True) only.")
    steps = writer.add("Transpose", node.args[0], perm=(1, 0, 2))  # (n_frames, batch, n_features)
    for weights in module.all_weights:
        w, r, w_bias, r_bias = (_reorder_gates(t.detach()) for t in weights)
        bias = torch.cat([w_bias, r_bias])
        (outputs,) = writer.add_many(
            "LSTM",
            [steps, w[None], r[None], bias[None]],
            [writer.new_name("LSTM")],
            hidden_size=module.hidden_size,
        )
        steps = writer.add("Squeeze", outputs, _axes(1))  # of one direction
    return writer.add("Transpose", steps, perm=(1, 0, 2)), None


def _reorder_gates(weights: Tensor) -> Tensor:
    """Return weights of input, forget, cell, output as input, output, forget, cell."""
    inputs, forget, cell, output = weights.chunk(4)
    return torch.cat([inputs, output, forget, cell])


# Functions and methods


def _reduction(op: str) -> Callable[[GraphWriter, fx.Node, Any], str]:
    def reduce(writer: GraphWriter, node: fx.Node, module: Any) -> str:
        axes = _axes(_argument(node, 1, "dim"))
        keepdims = int(bool(_argument(node, 2, "keepdim", False)))
        return writer.add(op, node.args[0], axes, keepdims=keepdims)

    return reduce


def _std(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    """Return the standard deviation along one axis."""
    x, axes = node.args[0], _axes(_argument(node, 1, "dim"))
    centered = writer.add("Sub", x, writer.add("ReduceMean", x, axes, keepdims=1))
    squares = writer.add("ReduceSumSquare", centered, axes, keepdims=0)
    n = writer.add("Cast", _size(writer, x, int(axes[0])), to=FLOAT)
    correction: Any = node.kwargs.get("correction", 1)
    return writer.add("Sqrt", writer.add("Div", squares, writer.add("Sub", n, float(correction))))


def _size(writer: GraphWriter, x: Any, axis: int) -> str:
    return writer.add("Gather", writer.add("Shape", x), axis % writer.rank(x), axis=0)


def _attribute(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    x, name = node.args
    if name == "shape":
        return writer.add("Shape", x)
    if name == "mT":
        return _swap_axes(writer, x, -2, -1)
    raise ValueError(f"{name!r} of a tensor has no ONNX form here.")


def _transpose(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    return _swap_axes(writer, *node.args)


def _swap_axes(writer: GraphWriter, x: Any, first: Any, second: Any) -> str:
    order = list(range(writer.rank(x)))
    order[first], order[second] = order[second], order[first]
    return writer.add("Transpose", x, perm=order)


def _get_item(writer: GraphWriter, node: fx.Node, module: Any) -> Any:
    container: Any = node.args[0]
    index: Any = node.args[1]
    found, value = writer.refer(container), writer.values[container]
    if isinstance(found, tuple):
        return found[index]
    if isinstance(value, torch.Size):
        return writer.add("Gather", found, index % len(value), axis=0)
    indices = list(index) if isinstance(index, tuple) else [index]
    if any(i is Ellipsis for i in indices):
        at = next(n for n, i in enumerate(indices) if i is Ellipsis)
        n_taken = sum(i is not None for i in indices) - 1
        indices[at : at + 1] = [slice(None)] * (value.ndim - n_taken)
    return _take(writer, found, indices, value.shape)


def _take(writer: GraphWriter, x: str, indices: list[Any], shape: torch.Size) -> str:
    """Take one index after the other; `axis` counts the axes that are left in the result."""
    axis = 0
    for index, following in zip(indices, [*indices[1:], None], strict=True):
        if index is None:
            x = writer.add("Unsqueeze", x, _axes(axis))
        elif isinstance(index, slice):
            if index != slice(None):
                x = _slice(writer, x, index, axis)
        elif isinstance(following, fx.Node):  # pairs of positions on two axes of fixed sizes
            position = writer.values[index] * shape[axis + 1] + writer.values[following]
            merged = writer.add("Reshape", x, np.array([0] * axis + [-1]))
            return writer.add("Gather", merged, position, axis=axis)
        else:
            x = writer.add("Gather", x, index, axis=axis)
            axis -= isinstance(index, int)  # which takes the axis away
        axis += 1
    return x


def _slice(writer: GraphWriter, x: str, index: slice, axis: int) -> str:
    ends = (index.start or 0, np.iinfo(np.int64).max if index.stop is None else index.stop)
    start, stop = (
        writer.add("Unsqueeze", end, _axes(0)) if isinstance(end, fx.Node) else _axes(end)
        for end in ends
    )
    return writer.add("Slice", x, start, stop, _axes(axis))


def _concatenate(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    tensors: Any = node.args[0]
    return writer.add("Concat", *tensors, axis=_argument(node, 1, "dim", 0))


def _chunk(writer: GraphWriter, node: fx.Node, module: Any) -> tuple[str, ...]:
    n, axis = node.args[1], _argument(node, 2, "dim", 0)
    base = writer.new_name("Split")
    names = [f"{base}_{i}" for i in range(n)]  # type: ignore[arg-type]
    return tuple(writer.add_many("Split", [node.args[0]], names, axis=axis, num_outputs=n))


def _unsqueeze(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Unsqueeze", node.args[0], _axes(node.args[1]))


def _squeeze(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Squeeze", node.args[0], _axes(node.args[1]))


def _flatten(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    start, stop = _argument(node, 1, "start_dim", 0), _argument(node, 2, "end_dim", -1)
    n_after = writer.rank(node.args[0]) - 1 - stop % writer.rank(node.args[0])
    if n_after:  # the axes behind, whose sizes may be free
        after = writer.add("Shape", node.args[0], start=-n_after)
        shape = writer.add("Concat", np.array([0] * start + [-1]), after, axis=0)
    else:
        shape = writer.constant(np.array([0] * start + [-1]))  # 0 keeps the size
    return writer.add("Reshape", node.args[0], shape)


def _expand(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    sizes = [1 if size == -1 else size for size in node.args[1:]]
    return writer.add("Expand", node.args[0], _axes(sizes))


def _softmax(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Softmax", node.args[0], axis=_argument(node, 1, "dim"))


def _clamp(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    low, high = _argument(node, 1, "min"), _argument(node, 2, "max")
    x = writer.refer(node.args[0])
    if low is not None:
        x = writer.add("Max", x, float(low))
    return x if high is None else writer.add("Min", x, float(high))


def _normalize(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    axes = _axes(_argument(node, 2, "dim", 1))
    length = writer.add("ReduceL2", node.args[0], axes, keepdims=1)
    return writer.add("Div", node.args[0], writer.add("Max", length, 1e-12))


def _square(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Mul", node.args[0], node.args[0])


def _expand_as(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Expand", node.args[0], writer.add("Shape", node.args[1]))


def _full_like(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    value = writer.cast(node.args[1], torch.float32)
    return writer.add("Expand", value, writer.add("Shape", node.args[0]))


def _convolve_1d(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    stride, padding = node.kwargs.get("stride", 1), node.kwargs.get("padding", 0)
    inputs = [value for value in node.args if value is not None]
    return writer.add("Conv", *inputs, strides=[stride], pads=[padding, padding])


def _pool_1d(op: str) -> Callable[[GraphWriter, fx.Node, Any], str]:
    def pool(writer: GraphWriter, node: fx.Node, module: Any) -> str:
        size, stride = node.args[1:3]
        ceil_mode = int(bool(node.kwargs.get("ceil_mode", False)))
        return writer.add(
            op, node.args[0], kernel_shape=[size], strides=[stride], ceil_mode=ceil_mode
        )

    return pool


def _pad(writer: GraphWriter, node: fx.Node, module: Any) -> str:
    pads: Any = node.args[1]
    mode = {"constant": "constant", "replicate": "edge"}[str(node.kwargs.get("mode", "constant"))]
    return writer.add("Pad", node.args[0], np.array(pads), "", _axes(-1), mode=mode)


FORMS: dict[str, Callable[[GraphWriter, fx.Node, Any], Any]] = {
    "BatchNorm1d": _normalize_batch,
    "BatchNorm2d": _normalize_batch,
    "Conv1d": _convolve,
    "Conv2d": _convolve,
    "LSTM": _lstm,
    "Linear": _linear,
    "MaxPool1d": _max_pool,
    "MaxPool2d": _max_pool,
    "amax": _reduction("ReduceMax"),
    "avg_pool1d": _pool_1d("AveragePool"),
    "cat": _concatenate,
    "chunk": _chunk,
    "clamp": _clamp,
    "conv1d": _convolve_1d,
    "expand": _expand,
    "expand_as": _expand_as,
    "flatten": _flatten,
    "full_like": _full_like,
    "getattr": _attribute,
    "getitem": _get_item,
    "mean": _reduction("ReduceMean"),
    "normalize": _normalize,
    "pad": _pad,
    "softmax": _softmax,
    "square": _square,
    "squeeze": _squeeze,
    "std": _std,
    "sum": _reduction("ReduceSum"),
    "transpose": _transpose,
    "unsqueeze": _unsqueeze,
}
