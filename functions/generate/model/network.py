"""The graph of a Llama-like decoder with its KV cache, written by hand so that names are stable and operators native.

| tensor | type and shape |
| --- | --- |
| `input_ids` | INT64 `[batch, seq]`, the tokens that are new |
| `past_key`, `past_value` | FLOAT `[layers, batch, kv_heads, past, size]`, what the tokens before them left; `past` may be 0 |
| `logits` | FLOAT `[batch, seq, vocabulary]` |
| `present_key`, `present_value` | FLOAT `[layers, batch, kv_heads, total, size]`, the next `past_key` and `past_value` |

Token i of `input_ids` is at position past + i in every row and attends to positions up to its own: KV caches of a run have one length.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 20
IR_VERSION = 9  # ONNX Runtime reads it since 1.17


@dataclass(frozen=True)
class Shape:
    """Hyperparameters that the weights do not have."""

    layers: int
    heads: int
    kv_heads: int
    size: int  # of a head
    epsilon: float  # of every normalisation


class Graph:
    """Nodes and initializers, each named by its place in the network."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value, dtype=np.float32) -> str:
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.array(value, dtype, order="C"), name)
        return name

    def integers(self, *values: int) -> str:
        return self.constant("integers." + ".".join(map(str, values)), values, np.int64)

    def index(self, value: int) -> str:
        return self.constant(f"index.{value}", value, np.int64)

    def matrix(self, name: str, value: np.ndarray) -> str:
        """Kept in sixteen bits, and widened when the network is loaded."""
        half = self.constant(f"{name}.half", value, np.float16)
        return self.node("Cast", [half], name, to=TensorProto.FLOAT)

    def node(self, operator: str, inputs: list[str], name: str, **attributes) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def product(self, x: str, name: str, weight: np.ndarray) -> str:
        return self.node("MatMul", [x, self.matrix(f"{name}.weight", weight)], name)

    def normalise(self, x: str, name: str, weight: np.ndarray, epsilon: float) -> str:
        """Divided by the root of the mean square."""
        square = self.node("Mul", [x, x], f"{name}.square")
        mean = self.node("ReduceMean", [square, self.integers(-1)], f"{name}.mean", keepdims=1)
        mean = self.node("Add", [mean, self.constant("epsilon", epsilon)], f"{name}.mean.above")
        scaled = self.node("Div", [x, self.node("Sqrt", [mean], f"{name}.root")], f"{name}.scaled")
        return self.node("Mul", [scaled, self.constant(f"{name}.weight", weight)], name)


def rotation(positions: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of rotary embeddings, `[positions, size / 2]` (Su et al. 2021)."""
    angles = np.arange(positions)[:, None] / 10_000 ** (np.arange(0, size, 2) / size)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def build(weights: dict[str, np.ndarray], shape: Shape, context: int, path: Path) -> None:
    """Writes the network; `weights` by the names below, matrices as `[in, out]`."""
    graph = Graph()
    vocabulary, width = weights["token"].shape
    seen = places(graph, context, shape)
    # One table, for the tokens that come and for the logits.
    x = graph.node("Gather", [graph.matrix("token", weights["token"]), "input_ids"], "embedded")
    keys, values = [], []
    for layer in range(shape.layers):
        name = f"layer.{layer}"
        part = {key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")}
        norm = lambda x, at: graph.normalise(x, f"{name}.{at}", part[at], shape.epsilon)
        product = lambda x, at: graph.product(x, f"{name}.{at}", part[at])
        hidden = norm(x, "attention_norm")
        query, key, value = (heads(graph, product(hidden, at), f"{name}.{at}", shape) for at in ("query", "key", "value"))
        query, key = rotate(graph, query, f"{name}.query"), rotate(graph, key, f"{name}.key")
        key, value = (
            graph.node("Concat", [graph.node("Gather", [past, graph.index(layer)], f"{name}.{past}", axis=0), now],
                       f"{name}.{at}.all", axis=2)
            for past, now, at in (("past_key", key, "key"), ("past_value", value, "value"))
        )
        keys.append(graph.node("Unsqueeze", [key, graph.integers(0)], f"{name}.key.kept"))
        values.append(graph.node("Unsqueeze", [value, graph.integers(0)], f"{name}.value.kept"))
        context_ = attend(graph, query, key, value, seen, name, shape)
        x = graph.node("Add", [x, product(context_, "output")], f"{name}.attended")
        hidden = norm(x, "feed_norm")
        gate = product(hidden, "gate")
        gate = graph.node("Mul", [gate, graph.node("Sigmoid", [gate], f"{name}.gate.open")], f"{name}.gate.silu")
        x = graph.node("Add", [x, product(graph.node("Mul", [gate, product(hidden, "up")], f"{name}.gated"), "down")], f"{name}.fed")
    x = graph.normalise(x, "final_norm", weights["final_norm"], shape.epsilon)
    graph.node("MatMul", [x, graph.node("Transpose", ["token"], "token.turned", perm=[1, 0])], "logits")
    graph.node("Concat", keys, "present_key", axis=0)
    graph.node("Concat", values, "present_value", axis=0)
    save(graph, shape, vocabulary, path)


def places(graph: Graph, context: int, shape: Shape) -> str:
    """`cos` and `sin` of the new tokens' positions, and their attention mask: 0, or far below it."""
    cosines, sines = rotation(context, shape.size)
    new = graph.node("Gather", [graph.node("Shape", ["input_ids"], "input_ids.shape"), graph.index(1)], "new")
    past = graph.node("Gather", [graph.node("Shape", ["past_key"], "past_key.shape"), graph.index(3)], "past.length")
    total = graph.node("Add", [past, new], "total.length")
    at = graph.node("Range", [past, total, graph.index(1)], "positions")
    for name, table in (("cos", cosines), ("sin", sines)):
        graph.node("Gather", [graph.constant(f"{name}.table", table), at], name)
    every = graph.node("Range", [graph.index(0), total, graph.index(1)], "positions.all")
    ahead = graph.node("Greater", [graph.node("Unsqueeze", [every, graph.integers(0)], "columns"),
                                   graph.node("Unsqueeze", [at, graph.integers(1)], "rows")], "ahead")
    return graph.node("Where", [ahead, graph.constant("far", -1e9), graph.constant("near", 0)], "seen")


def heads(graph: Graph, x: str, name: str, shape: Shape) -> str:
    """`[batch, seq, width]` to `[batch, heads, seq, size]`."""
    count = shape.heads if name.endswith("query") else shape.kv_heads
    x = graph.node("Reshape", [x, graph.integers(0, 0, count, shape.size)], f"{name}.split")
    return graph.node("Transpose", [x], f"{name}.turned", perm=[0, 2, 1, 3])


def rotate(graph: Graph, x: str, name: str) -> str:
    """Turns each pair of a head's first and second half by the angle of its position."""
    first, second = f"{name}.first", f"{name}.second"
    graph.nodes.append(helper.make_node("Split", [x], [first, second], f"{name}.halves", axis=-1, num_outputs=2))
    mul = lambda a, b: graph.node("Mul", [a, b], f"{a}.{b}")
    turned = graph.node("Sub", [mul(first, "cos"), mul(second, "sin")], f"{name}.real")
    other = graph.node("Add", [mul(first, "sin"), mul(second, "cos")], f"{name}.imaginary")
    return graph.node("Concat", [turned, other], f"{name}.rotated", axis=-1)


def attend(graph: Graph, query: str, key: str, value: str, seen: str, name: str, shape: Shape) -> str:
    share = graph.constant("share", np.repeat(np.arange(shape.kv_heads), shape.heads // shape.kv_heads), np.int64)
    key, value = (graph.node("Gather", [x, share], f"{x}.shared", axis=1) for x in (key, value))
    key = graph.node("Transpose", [key], f"{name}.key.across", perm=[0, 1, 3, 2])
    match = graph.node("MatMul", [query, key], f"{name}.match")
    scores = graph.node("Mul", [match, graph.constant("scale", shape.size**-0.5)], f"{name}.scaled")
    weights = graph.node("Softmax", [graph.node("Add", [scores, seen], f"{name}.scores")], f"{name}.attention", axis=-1)
    context = graph.node("MatMul", [weights, value], f"{name}.context")
    context = graph.node("Transpose", [context], f"{name}.context.turned", perm=[0, 2, 1, 3])
    return graph.node("Reshape", [context, graph.integers(0, 0, shape.heads * shape.size)], f"{name}.context.joined")


def save(graph: Graph, shape: Shape, vocabulary: int, path: Path) -> None:
    info, layers = helper.make_tensor_value_info, shape.layers
    cache = lambda name, length: info(name, TensorProto.FLOAT, [layers, "batch", shape.kv_heads, length, shape.size])
    inputs = [info("input_ids", TensorProto.INT64, ["batch", "seq"]), cache("past_key", "past"), cache("past_value", "past")]
    outputs = [info("logits", TensorProto.FLOAT, ["batch", "seq", vocabulary])]
    outputs += [cache("present_key", "total"), cache("present_value", "total")]
    made = helper.make_graph(graph.nodes, "generate", inputs, outputs, list(graph.initializers.values()))
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="amaas-generate")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
