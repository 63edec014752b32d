"""ONNX graphs of torch modules, operation by operation.

Of torch's two exporters one is deprecated, and the other fixes the number of frames of some
networks. torch.fx lists the operations of a module; each has its ONNX form here, which holds for
any length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from ._onnx_forms import FLOAT, FORMS

if TYPE_CHECKING:
    import onnx

OPSET = 18
_IR_VERSION = 9  # old enough for runtimes of 2023

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
    axes: list[str | int],
    metadata: dict[str, str],
) -> onnx.ModelProto:
    """Return the ONNX model of a module with one input and one output.

    Parameters
    ----------
    module : torch.nn.Module
    example : tensor
        An input.
    input_name : str
        The output is called "embedding".
    axes : list of str or int
        Of the input: a name where the size is free.
    metadata : dict of str to str

    Raises
    ------
    ValueError
        If an operation has no ONNX form here.
    """
    import onnx
    from onnx import helper

    try:
        writer = GraphWriter(module.eval(), input_name)
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
        [helper.make_tensor_value_info(input_name, FLOAT, axes)],
        [helper.make_tensor_value_info("embedding", FLOAT, [axes[0], embedding.shape[1]])],
        writer.initializers,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    return model


class _Tracer(fx.Tracer):
    """What torch itself has is one operation; modules of others are looked into."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return type(module).__module__.startswith("torch.nn") and not isinstance(
            module, nn.Sequential
        )


class GraphWriter(fx.Interpreter):
    """Run a module on an example and write down each operation as ONNX nodes.

    The example tells ranks and types. Sizes are read from the input in the graph, so that they are
    those of whatever it is run on. What depends on weights only is written as its value.
    """

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
        inputs = node.all_input_nodes[:1] if node.target == "to" else node.all_input_nodes
        return bool(inputs) and node.op != "output" and self.fixed.issuperset(inputs)

    # What may stand in a module

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
        if name not in FORMS:
            raise ValueError(
                f"{name!r} has no ONNX form here, and the network uses it; write the forward of "
                "the network with other operations."
            )
        return FORMS[name](self, node, module)

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
            return self.add("Cast", value, to=FLOAT)
        return self.refer(value)

    def rank(self, node: Any) -> int:
        """Return the number of axes of a value."""
        return self.values[node].ndim

    def new_name(self, op: str) -> str:
        """Return a name that no other value has."""
        return f"{op.lower()}_{len(self.nodes)}"
