"""The small networks that the kit calls, written with `onnx`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper

from datatypes import EVERY

Dims = Sequence[int | str]


@dataclass(frozen=True)
class Tensor:
    """An input or output of a network."""

    name: str
    datatype: str
    dims: Dims


@dataclass(frozen=True)
class Network:
    """A model of the kit: its name, tensors and operators."""

    name: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    nodes: Sequence[onnx.NodeProto]
    constants: Sequence[onnx.TensorProto] = ()

    def onnx(self) -> onnx.ModelProto:
        inputs, outputs = ([described(tensor) for tensor in tensors] for tensors in (self.inputs, self.outputs))
        graph = helper.make_graph(self.nodes, self.name, inputs, outputs, self.constants)
        # Old enough for every server that is in use, new enough for BF16.
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
        onnx.checker.check_model(model, full_check=True)
        return model


def described(tensor: Tensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(tensor.name, ELEMENTS[tensor.datatype], tensor.dims)


def identity(datatype: str) -> Network:
    tensors = [Tensor(name, datatype, ["rows", "columns"]) for name in ("x", "y")]
    return Network(
        f"conformance-identity-{datatype.lower()}", tensors[:1], tensors[1:], [helper.make_node("Identity", ["x"], ["y"])]
    )


def networks() -> list[Network]:
    """All models. They are FP32, which every server has, unless another datatype is tested."""
    pair: Dims = ["rows", 2]
    return [
        *(identity(datatype.name) for datatype in EVERY),
        Network(
            "conformance-add",
            [Tensor("a", "FP32", pair), Tensor("b", "FP32", pair)],
            [Tensor("sum", "FP32", pair)],
            [helper.make_node("Add", ["a", "b"], ["sum"])],
        ),
        Network(
            "conformance-two",
            [Tensor("x", "FP32", pair)],
            [Tensor("double", "FP32", pair), Tensor("negative", "FP32", pair)],
            [helper.make_node("Add", ["x", "x"], ["double"]), helper.make_node("Neg", ["x"], ["negative"])],
        ),
        Network(
            "conformance-fixed",
            [Tensor("x", "FP32", [2, 3])],
            [Tensor("negative", "FP32", [2, 3])],
            [helper.make_node("Neg", ["x"], ["negative"])],
        ),
        Network(
            "conformance-scalar",
            [Tensor("x", "FP32", [])],
            [Tensor("y", "FP32", [])],
            [helper.make_node("Add", ["x", "one"], ["y"])],
            [helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])],
        ),
    ]


ELEMENTS = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
    "BF16": TensorProto.BFLOAT16,
}
