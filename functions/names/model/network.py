"""The network, twice: as the Keras model that is trained and as the ONNX graph that is served.

The graph is written by hand because Keras' own export turns the LSTM into a Loop: here it is one native operator, which
takes the length of each name, so that padding and neighbours change nothing.
"""

from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

from encoding import IDS, LENGTH, PADDING, UNKNOWN

WIDTH = 32
UNITS = 192
DROPOUT = 0.4
SMOOTHING = 0.05
BLOTTED = 0.03  # share of characters that training makes unknown, so that the network has seen that id
OPSET = 18
IR_VERSION = 9  # ONNX Runtime reads it since 1.17


class Blot(layers.Layer):
    """Makes some characters unknown, in training only."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.seed = keras.random.SeedGenerator(0)

    def call(self, ids, training=False):
        if not training:
            return ids
        draw = keras.random.uniform(keras.ops.shape(ids), seed=self.seed)
        return keras.ops.where((draw < BLOTTED) & (ids != PADDING), UNKNOWN, ids)


def build(languages: int, steps: int) -> keras.Model:
    """Embedding, LSTM over the characters, one dense layer; `steps` is the number of training steps."""
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="input_ids"),
            Blot(name="blot"),
            layers.Embedding(IDS, WIDTH, mask_zero=True, name="embedding"),
            layers.LSTM(UNITS, name="lstm"),
            layers.Dropout(DROPOUT, name="dropout"),
            layers.Dense(languages, activation="softmax", name="probabilities"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=SMOOTHING),
    )
    return model


def export(model: keras.Model, languages: int, path: Path) -> None:
    """Writes `model` as ONNX: `input_ids` INT64 `[batch, 64]` and `lengths` INT32 `[batch]` to `probabilities`."""
    embedding, kernel, recurrent, bias, output, output_bias = [np.asarray(weight, np.float32) for weight in model.get_weights()]
    weights = {
        "embedding.weight": embedding,
        "lstm.input": gates(kernel).T[np.newaxis],
        "lstm.recurrent": gates(recurrent).T[np.newaxis],
        "lstm.bias": np.concatenate([gates(bias), np.zeros_like(bias)])[np.newaxis],  # ONNX adds a recurrent one
        "lstm.direction": np.array([0], np.int64),
        "output.weight": output,
        "output.bias": output_bias,
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["embedding.weight", "input_ids"], ["embedded"], "embedding"),
            helper.make_node("Transpose", ["embedded"], ["characters"], "characters_first", perm=[1, 0, 2]),
            helper.make_node(
                "LSTM",
                ["characters", "lstm.input", "lstm.recurrent", "lstm.bias", "lengths"],
                ["", "last"],
                "lstm",
                hidden_size=UNITS,
            ),
            helper.make_node("Squeeze", ["last", "lstm.direction"], ["state"], "lstm_state"),
            helper.make_node("Gemm", ["state", "output.weight", "output.bias"], ["logits"], "output"),
            helper.make_node("Softmax", ["logits"], ["probabilities"], "output_softmax", axis=-1),
        ],
        "names",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", LENGTH]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", languages])],
        [numpy_helper.from_array(np.ascontiguousarray(weight), name) for name, weight in weights.items()],
    )
    onnx_model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="amaas-names",
    )
    onnx.checker.check_model(onnx_model, full_check=True)
    onnx.save(onnx_model, path)


def gates(weights: np.ndarray) -> np.ndarray:
    """Keras keeps the gates as input, forget, cell, output; ONNX as input, output, forget, cell."""
    i, f, c, o = np.split(weights, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1)
