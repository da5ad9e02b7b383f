"""The network, twice: as the Keras model that is trained and as the ONNX graph that is served.

The graph is written by hand so that its names are stable and it holds six native operators and nothing else.
"""

from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

from encoding import LENGTH, VOCABULARY

WIDTH = 16
OPSET = 18
IR_VERSION = 9  # ONNX Runtime reads it since 1.17


def build() -> keras.Model:
    """Embedding, mean over all 256 positions (padding counts: there is no mask), two dense layers."""
    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32", name="input_ids"),
            layers.Embedding(VOCABULARY, WIDTH, name="embedding"),
            layers.GlobalAveragePooling1D(name="mean"),
            layers.Dense(WIDTH, activation="relu", name="hidden"),
            layers.Dense(1, activation="sigmoid", name="probability"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def export(model: keras.Model, path: Path) -> None:
    """Writes `model` as ONNX: `input_ids` INT64 `[batch, 256]` to `probability` FLOAT `[batch, 1]`."""
    names = ["embedding.weight", "hidden.weight", "hidden.bias", "output.weight", "output.bias"]
    initializers = [
        numpy_helper.from_array(np.asarray(weight, np.float32), name)
        for name, weight in zip(names, model.get_weights(), strict=True)
    ]
    initializers.append(numpy_helper.from_array(np.array([1], np.int64), "mean.axes"))
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["embedding.weight", "input_ids"], ["embedded"], "embedding"),
            helper.make_node("ReduceMean", ["embedded", "mean.axes"], ["mean"], "mean", keepdims=0),
            helper.make_node("Gemm", ["mean", "hidden.weight", "hidden.bias"], ["hidden_sum"], "hidden"),
            helper.make_node("Relu", ["hidden_sum"], ["hidden"], "hidden_relu"),
            helper.make_node("Gemm", ["hidden", "output.weight", "output.bias"], ["logit"], "output"),
            helper.make_node("Sigmoid", ["logit"], ["probability"], "output_sigmoid"),
        ],
        "sentiment",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", LENGTH])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["batch", 1])],
        initializers,
    )
    onnx_model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="amaas-sentiment",
    )
    onnx.checker.check_model(onnx_model, full_check=True)
    onnx.save(onnx_model, path)
