"""The graph of a BERT-like encoder with its pooling, written by hand so that names are stable and operators native.

`input_ids`, `attention_mask`, `token_type_ids` INT64 `[batch, seq]` become `sentence_embedding` FLOAT `[batch, width]`: the mean
of the last layer over the tokens that are not masked, of length 1. What is padded changes nothing but the last digits.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20  # the first with Gelu
IR_VERSION = 9  # ONNX Runtime reads it since 1.17
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "sentence_embedding"


@dataclass(frozen=True)
class Shape:
    """Hyperparameters that the weights do not have."""

    layers: int
    heads: int
    epsilon: float  # of every layer normalisation


class Graph:
    """Nodes and initializers, each named by its place in the network."""

    def __init__(self, half: bool = False) -> None:
        self.half = half  # keep matrices in sixteen bits, to be widened when the network is loaded
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers[name] = numpy_helper.from_array(np.array(value, order="C"), name)
        return name

    def matrix(self, name: str, value: np.ndarray) -> str:
        if not self.half:
            return self.constant(name, value)
        return self.node("Cast", [self.constant(f"{name}.half", value.astype(np.float16))], name, to=TensorProto.FLOAT)

    def node(self, operator: str, inputs: list[str], name: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def linear(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray) -> str:
        """`x` times `weight`, which is `[in, out]`, plus `bias`."""
        product = self.node("MatMul", [x, self.matrix(f"{name}.weight", weight)], f"{name}.product")
        return self.node("Add", [product, self.constant(f"{name}.bias", bias)], name)

    def normalise(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray, epsilon: float) -> str:
        inputs = [x, self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)]
        return self.node("LayerNormalization", inputs, name, axis=-1, epsilon=epsilon)

    def save(self, path: Path, name: str, width: int) -> None:
        inputs = [helper.make_tensor_value_info(input, TensorProto.INT64, ["batch", "seq"]) for input in INPUTS]
        outputs = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", width])]
        graph = helper.make_graph(self.nodes, name, inputs, outputs, list(self.initializers.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="amaas-embed")
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)


def positions(graph: Graph, table: np.ndarray) -> str:
    """The rows of `table` for the tokens, `[seq, width]`."""
    graph.constant("one", np.array([1], np.int64))
    graph.constant("zero", np.array([0], np.int64))
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    return graph.node("Slice", [graph.matrix("position", table), "zero", length, "zero"], "positions")


def encode(graph: Graph, x: str, weights: dict[str, np.ndarray], shape: Shape) -> str:
    """The encoder's layers over `x`, `[batch, seq, width]`; `weights` by the names below, matrices as `[in, out]`."""
    width = weights["layer.0.output.weight"].shape[1]
    graph.constant("heads", np.array([0, 0, 3, shape.heads, width // shape.heads], np.int64))
    graph.constant("joined", np.array([0, 0, width], np.int64))
    graph.constant("scale", np.float32(1 / np.sqrt(width // shape.heads)))
    graph.constant("first", np.array(0, np.int64))
    graph.constant("second", np.array(1, np.int64))
    graph.constant("third", np.array(2, np.int64))
    graph.constant("all", np.float32(1))
    graph.constant("far", np.float32(-1e9))
    mask = graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    hidden = graph.node("Mul", [graph.node("Sub", ["all", mask], "masked"), "far"], "masked.far")
    bias = graph.node("Unsqueeze", [hidden, graph.constant("middle", np.array([1, 2], np.int64))], "mask.bias")
    for layer in range(shape.layers):
        name = f"layer.{layer}"
        part = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
        norm = lambda x, at: graph.normalise(x, f"{name}.{at}", part[f"{at}.weight"], part[f"{at}.bias"], shape.epsilon)
        linear = lambda x, at: graph.linear(x, f"{name}.{at}", part[f"{at}.weight"], part[f"{at}.bias"])
        # Query, key and value in one product: [batch, seq, 3, heads, size] → [3, batch, heads, seq, size].
        qkv = graph.node("Reshape", [linear(x, "qkv"), "heads"], f"{name}.split")
        qkv = graph.node("Transpose", [qkv], f"{name}.turned", perm=[2, 0, 3, 1, 4])
        query, key, value = (
            graph.node("Gather", [qkv, index], f"{name}.{at}", axis=0)
            for at, index in (("query", "first"), ("key", "second"), ("value", "third"))
        )
        key = graph.node("Transpose", [key], f"{name}.key.turned", perm=[0, 1, 3, 2])
        scores = graph.node("Mul", [graph.node("MatMul", [query, key], f"{name}.match"), "scale"], f"{name}.scaled")
        scores = graph.node("Add", [scores, bias], f"{name}.scores")
        attention = graph.node("Softmax", [scores], f"{name}.attention", axis=-1)
        context = graph.node("MatMul", [attention, value], f"{name}.context")
        context = graph.node("Transpose", [context], f"{name}.context.turned", perm=[0, 2, 1, 3])
        context = graph.node("Reshape", [context, "joined"], f"{name}.context.joined")
        x = norm(graph.node("Add", [linear(context, "output"), x], f"{name}.attended"), "attention_norm")
        inner = graph.node("Gelu", [linear(x, "inner")], f"{name}.gelu")
        x = norm(graph.node("Add", [linear(inner, "outer"), x], f"{name}.fed"), "feed_norm")
    return x


def pool(graph: Graph, x: str) -> str:
    """The mean of `x` over the tokens that are not masked."""
    mask = graph.node("Unsqueeze", ["mask", graph.constant("last", np.array([-1], np.int64))], "mask.column")
    total = graph.node("ReduceSum", [graph.node("Mul", [x, mask], "kept"), "one"], "total", keepdims=0)
    count = graph.node("ReduceSum", [mask, "one"], "count", keepdims=0)
    count = graph.node("Max", [count, graph.constant("least", np.float32(1e-9))], "count.least")
    return graph.node("Div", [total, count], "mean")


def unit(graph: Graph, x: str) -> None:
    """`x` with length 1, as the network's output."""
    length = graph.node("ReduceL2", [x, "last"], "mean.length", keepdims=1)
    length = graph.node("Max", [length, graph.constant("shortest", np.float32(1e-12))], "mean.length.least")
    graph.node("Div", [x, length], OUTPUT)
