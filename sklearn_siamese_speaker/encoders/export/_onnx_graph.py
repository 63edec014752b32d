"""ONNX graphs of torch modules, operation by operation.

Of torch's two exporters one is deprecated, and the other fixes the number of frames of some
networks. torch.fx lists the operations of a module; each has its ONNX form here, which holds for
any length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, fx, nn

if TYPE_CHECKING:
    import onnx

OPSET = 18
_IR_VERSION = 9  # old enough for runtimes of 2023
_FLOAT = 1  # onnx.TensorProto.FLOAT

# Operations with the same name as module, function or method.
_ALIKE = {
    "ReLU": "Relu",
    "Sigmoid": "Sigmoid",
    "Tanh": "Tanh",
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "neg": "Neg",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softplus": "Softplus",
    "sqrt": "Sqrt",
    "sign": "Sign",
    "tanh": "Tanh",
}
_BINARY = {
    "add": "Add",
    "floordiv": "Div",
    "matmul": "MatMul",
    "maximum": "Max",
    "mod": "Mod",
    "mul": "Mul",
    "pow": "Pow",
    "remainder": "Mod",
    "sub": "Sub",
    "sym_max": "Max",
    "truediv": "Div",
}
_OF_SIZES = {"eye", "triu_indices"}  # of numbers of features, which are fixed
_NOTHING = {"Dropout", "Dropout1d", "Dropout2d", "Identity"}  # in evaluation mode


def make_model(
    module: nn.Module,
    example: Tensor,
    input_name: str,
    axes: list[str | int],  # of the input: a name where the size is free
    metadata: dict[str, str],
) -> onnx.ModelProto:
    """Return the ONNX model of a module from an input like `example` to an output "embedding"."""
    import onnx
    from onnx import helper

    try:
        writer = _GraphWriter(module.eval(), input_name)
        with torch.no_grad():
            embedding = writer.run(example)
    except (fx.proxy.TraceError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"The network cannot be written as ONNX ({error}); write its forward without branches "
            "that depend on the input, and with plain operations."
        ) from error
    graph = helper.make_graph(
        writer.nodes,
        "speaker_embedding",
        [helper.make_tensor_value_info(input_name, _FLOAT, axes)],
        [helper.make_tensor_value_info("embedding", _FLOAT, [axes[0], embedding.shape[1]])],
        writer.initializers,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model


class _Tracer(fx.Tracer):
    """Take a module of torch as one operation, and look into all others."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return type(module).__module__.startswith("torch.nn") and not isinstance(
            module, nn.Sequential
        )


class _GraphWriter(fx.Interpreter):
    """Run a module on an example and write down each operation as ONNX nodes."""

    # The example tells ranks and types only. The graph computes sizes from its own input, so that
    # it takes recordings of any length. What depends on weights only is written as its value.

    def __init__(self, module: nn.Module, input_name: str) -> None:
        super().__init__(fx.GraphModule(module, _Tracer().trace(module)))
        import onnx

        self._onnx = onnx
        self.extra_traceback = False  # torch would write it into our errors
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.input_name = input_name
        self.named: dict[fx.Node, Any] = {}  # name of the ONNX value, or a tuple of names
        self.values: dict[fx.Node, Any] = {}  # what the example gave
        self.fixed: set[fx.Node] = set()  # those that are the same for every input

    def run_node(self, node: fx.Node) -> Any:
        """Run a node of the module, and write it down."""
        self.values[node] = value = super().run_node(node)
        if self._is_fixed(node):
            self.fixed.add(node)
        else:
            self.named[node] = getattr(self, f"_write_{node.op}")(node, value)
        return value

    def _is_fixed(self, node: fx.Node) -> bool:
        if node.op == "get_attr" or getattr(node.target, "__name__", "") in _OF_SIZES:
            return True
        # `x.to(y)` takes the type of y, which is the same for every input.
        inputs = node.all_input_nodes[:1] if node.target == "to" else node.all_input_nodes
        return bool(inputs) and node.op != "output" and self.fixed.issuperset(inputs)

    # One method for each kind of node; `run_node` finds it by name

    def _write_placeholder(self, node: fx.Node, value: Any) -> str:
        return self.input_name

    def _write_output(self, node: fx.Node, value: Any) -> None:
        self.add("Identity", node.args[0], output="embedding")

    def _write_call_module(self, node: fx.Node, value: Any) -> Any:
        module = self.fetch_attr(str(node.target))
        return self._write_call(type(module).__name__, module, node, value)

    def _write_call_function(self, node: fx.Node, value: Any) -> Any:
        return self._write_call(node.target.__name__, None, node, value)  # type: ignore[union-attr]

    def _write_call_method(self, node: fx.Node, value: Any) -> Any:
        return self._write_call(str(node.target), None, node, value)

    def _write_call(self, name: str, module: Any, node: fx.Node, value: Any) -> Any:
        if name in _NOTHING:
            return self.named[node.args[0]]  # type: ignore[index]
        if name in _ALIKE:
            return self.add(_ALIKE[name], node.args[0])
        if name in _BINARY:
            dtype = torch.float32 if not isinstance(value, Tensor) else value.dtype
            dtype = torch.int64 if isinstance(value, int) else dtype
            return self.add(_BINARY[name], *(self.cast(x, dtype) for x in node.args))
        if name not in _FORMS:
            raise ValueError(
                f"{name!r} has no ONNX form here, and the network uses it; write the forward of "
                "the network with other operations."
            )
        return _FORMS[name](self, node, module)

    # ONNX

    def add(self, op: str, *inputs: Any, output: str | None = None, **attributes: Any) -> str:
        """Write a node with one output; inputs are names, nodes, arrays or numbers."""
        return self.add_many(op, inputs, [output or self.new_name(op)], **attributes)[0]

    def add_many(self, op: str, inputs: Any, outputs: list[str], **attributes: Any) -> list[str]:
        """Write a node with these outputs."""
        names = [self.refer(value) for value in inputs]
        self.nodes.append(self._onnx.helper.make_node(op, names, outputs, **attributes))
        return outputs

    def refer(self, value: Any) -> str:
        """Return the name of a value in the graph."""
        if isinstance(value, str):
            return value
        if not isinstance(value, fx.Node):
            return self.constant(value)
        if value in self.fixed and value not in self.named:
            self.named[value] = self.constant(self.values[value])
        return self.named[value]

    def constant(self, value: Any) -> str:
        """Write a constant: integers as int64, everything else as float32."""
        array = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
        array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = f"constant_{len(self.initializers)}"
        array = np.array(array, order="C")
        self.initializers.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def cast(self, value: Any, dtype: torch.dtype) -> str:
        """Return the name of a value as a type; only sizes have another than the result."""
        wanted = np.int64 if dtype == torch.int64 else np.float32
        if not isinstance(value, fx.Node):
            return self.constant(np.asarray(value, dtype=wanted))
        if isinstance(self.values[value], int) and wanted is np.float32:
            return self.add("Cast", value, to=_FLOAT)
        return self.refer(value)

    def rank(self, node: Any) -> int:
        """Return the number of axes of a value."""
        return self.values[node].ndim

    def new_name(self, op: str) -> str:
        """Return a name that no other value has."""
        return f"{op.lower()}_{len(self.nodes)}"


# The form of each operation


def _argument(node: fx.Node, position: int, name: str, default: Any = None) -> Any:
    return node.args[position] if len(node.args) > position else node.kwargs.get(name, default)


def _axes(dim: Any) -> np.ndarray:
    return np.atleast_1d(np.asarray(dim, dtype=np.int64))


# Modules


def _convolve(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
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


def _normalize_batch(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
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


def _max_pool(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
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


def _linear(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    product = writer.add("MatMul", node.args[0], module.weight.T)
    return product if module.bias is None else writer.add("Add", product, module.bias)


def _lstm(writer: _GraphWriter, node: fx.Node, module: Any) -> tuple[str, None]:
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


def _reduction(op: str) -> Callable[[_GraphWriter, fx.Node, Any], str]:
    def reduce(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
        axes = _axes(_argument(node, 1, "dim"))
        keepdims = int(bool(_argument(node, 2, "keepdim", False)))
        return writer.add(op, node.args[0], axes, keepdims=keepdims)

    return reduce


def _std(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    """Return the standard deviation along one axis."""
    x, axes = node.args[0], _axes(_argument(node, 1, "dim"))
    centered = writer.add("Sub", x, writer.add("ReduceMean", x, axes, keepdims=1))
    squares = writer.add("ReduceSumSquare", centered, axes, keepdims=0)
    n = writer.add("Cast", _size(writer, x, int(axes[0])), to=_FLOAT)
    correction: Any = node.kwargs.get("correction", 1)
    return writer.add("Sqrt", writer.add("Div", squares, writer.add("Sub", n, float(correction))))


def _size(writer: _GraphWriter, x: Any, axis: int) -> str:
    return writer.add("Gather", writer.add("Shape", x), axis % writer.rank(x), axis=0)


def _attribute(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    x, name = node.args
    if name == "shape":
        return writer.add("Shape", x)
    if name == "mT":
        return _swap_axes(writer, x, -2, -1)
    raise ValueError(f"{name!r} of a tensor has no ONNX form here.")


def _transpose(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    return _swap_axes(writer, *node.args)


def _swap_axes(writer: _GraphWriter, x: Any, first: Any, second: Any) -> str:
    order = list(range(writer.rank(x)))
    order[first], order[second] = order[second], order[first]
    return writer.add("Transpose", x, perm=order)


def _get_item(writer: _GraphWriter, node: fx.Node, module: Any) -> Any:
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


def _take(writer: _GraphWriter, x: str, indices: list[Any], shape: torch.Size) -> str:
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


def _slice(writer: _GraphWriter, x: str, index: slice, axis: int) -> str:
    ends = (index.start or 0, np.iinfo(np.int64).max if index.stop is None else index.stop)
    start, stop = (
        writer.add("Unsqueeze", end, _axes(0)) if isinstance(end, fx.Node) else _axes(end)
        for end in ends
    )
    return writer.add("Slice", x, start, stop, _axes(axis))


def _concatenate(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    tensors: Any = node.args[0]
    return writer.add("Concat", *tensors, axis=_argument(node, 1, "dim", 0))


def _chunk(writer: _GraphWriter, node: fx.Node, module: Any) -> tuple[str, ...]:
    n, axis = node.args[1], _argument(node, 2, "dim", 0)
    base = writer.new_name("Split")
    names = [f"{base}_{i}" for i in range(n)]  # type: ignore[arg-type]
    return tuple(writer.add_many("Split", [node.args[0]], names, axis=axis, num_outputs=n))


def _unsqueeze(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Unsqueeze", node.args[0], _axes(node.args[1]))


def _squeeze(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Squeeze", node.args[0], _axes(node.args[1]))


def _flatten(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    start, stop = _argument(node, 1, "start_dim", 0), _argument(node, 2, "end_dim", -1)
    n_after = writer.rank(node.args[0]) - 1 - stop % writer.rank(node.args[0])
    if n_after:  # the axes behind, whose sizes may be free
        after = writer.add("Shape", node.args[0], start=-n_after)
        shape = writer.add("Concat", np.array([0] * start + [-1]), after, axis=0)
    else:
        shape = writer.constant(np.array([0] * start + [-1]))  # 0 keeps the size
    return writer.add("Reshape", node.args[0], shape)


def _expand(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    sizes = [1 if size == -1 else size for size in node.args[1:]]
    return writer.add("Expand", node.args[0], _axes(sizes))


def _softmax(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Softmax", node.args[0], axis=_argument(node, 1, "dim"))


def _clamp(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    low, high = _argument(node, 1, "min"), _argument(node, 2, "max")
    x = writer.refer(node.args[0])
    if low is not None:
        x = writer.add("Max", x, float(low))
    return x if high is None else writer.add("Min", x, float(high))


def _normalize(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    axes = _axes(_argument(node, 2, "dim", 1))
    length = writer.add("ReduceL2", node.args[0], axes, keepdims=1)
    return writer.add("Div", node.args[0], writer.add("Max", length, 1e-12))


def _square(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Mul", node.args[0], node.args[0])


def _expand_as(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    return writer.add("Expand", node.args[0], writer.add("Shape", node.args[1]))


def _full_like(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    value = writer.cast(node.args[1], torch.float32)
    return writer.add("Expand", value, writer.add("Shape", node.args[0]))


def _convolve_1d(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    stride, padding = node.kwargs.get("stride", 1), node.kwargs.get("padding", 0)
    inputs = [value for value in node.args if value is not None]
    return writer.add("Conv", *inputs, strides=[stride], pads=[padding, padding])


def _pool_1d(op: str) -> Callable[[_GraphWriter, fx.Node, Any], str]:
    def pool(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
        size, stride = node.args[1:3]
        ceil_mode = int(bool(node.kwargs.get("ceil_mode", False)))
        return writer.add(
            op, node.args[0], kernel_shape=[size], strides=[stride], ceil_mode=ceil_mode
        )

    return pool


def _pad(writer: _GraphWriter, node: fx.Node, module: Any) -> str:
    pads: Any = node.args[1]
    mode = {"constant": "constant", "replicate": "edge"}[str(node.kwargs.get("mode", "constant"))]
    return writer.add("Pad", node.args[0], np.array(pads), "", _axes(-1), mode=mode)


_FORMS: dict[str, Callable[[_GraphWriter, fx.Node, Any], Any]] = {
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
