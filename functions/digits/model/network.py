"""The network, twice: as the Keras model that is trained and as the ONNX graph that is served.

The graph is written by hand because Keras' own export of max pooling does not run in ONNX Runtime. It takes the pixels as
they are, bytes from 0 to 255, so that clients need not know how they are scaled.
"""

from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

SIDE = 28
DIGITS = 10
OPSET = 18
IR_VERSION = 9  # ONNX Runtime reads it since 1.17


def build(steps: int) -> keras.Model:
    """Two convolutions with pooling, two dense layers; `steps` is the number of training steps."""
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="pixels"),
            layers.Conv2D(16, 5, padding="same", activation="relu", name="strokes"),
            layers.MaxPooling2D(2, name="strokes_pool"),
            layers.Conv2D(32, 5, padding="same", activation="relu", name="shapes"),
            layers.MaxPooling2D(2, name="shapes_pool"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.4, name="dropout"),
            layers.Dense(128, activation="relu", name="hidden"),
            layers.Dropout(0.4, name="hidden_dropout"),
            layers.Dense(DIGITS, activation="softmax", name="probabilities"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def export(model: keras.Model, path: Path) -> None:
    """Writes `model` as ONNX: `pixels` UINT8 `[batch, 28, 28]` to `probabilities` FLOAT `[batch, 10]`."""
    strokes, strokes_bias, shapes, shapes_bias, hidden, hidden_bias, output, output_bias = [
        np.asarray(weight, np.float32) for weight in model.get_weights()
    ]
    # Keras flattens rows, columns, channels; ONNX, whose channels come first, flattens channels, rows, columns.
    hidden = hidden.reshape(SIDE // 4, SIDE // 4, -1, hidden.shape[1]).transpose(2, 0, 1, 3).reshape(hidden.shape)
    weights = {
        "white": np.array(1 / 255, np.float32),
        "channel.axis": np.array([1], np.int64),
        "strokes.weight": strokes.transpose(3, 2, 0, 1),
        "strokes.bias": strokes_bias,
        "shapes.weight": shapes.transpose(3, 2, 0, 1),
        "shapes.bias": shapes_bias,
        "hidden.weight": hidden,
        "hidden.bias": hidden_bias,
        "output.weight": output,
        "output.bias": output_bias,
    }
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Cast", ["pixels"], ["levels"], "levels", to=TensorProto.FLOAT),
            node("Mul", ["levels", "white"], ["scaled"], "scaled"),
            node("Unsqueeze", ["scaled", "channel.axis"], ["image"], "channel"),
            node("Conv", ["image", "strokes.weight", "strokes.bias"], ["strokes_sum"], "strokes", auto_pad="SAME_UPPER"),
            node("Relu", ["strokes_sum"], ["strokes"], "strokes_relu"),
            node("MaxPool", ["strokes"], ["strokes_pool"], "strokes_pool", kernel_shape=[2, 2], strides=[2, 2]),
            node("Conv", ["strokes_pool", "shapes.weight", "shapes.bias"], ["shapes_sum"], "shapes", auto_pad="SAME_UPPER"),
            node("Relu", ["shapes_sum"], ["shapes"], "shapes_relu"),
            node("MaxPool", ["shapes"], ["shapes_pool"], "shapes_pool", kernel_shape=[2, 2], strides=[2, 2]),
            node("Flatten", ["shapes_pool"], ["flat"], "flat"),
            node("Gemm", ["flat", "hidden.weight", "hidden.bias"], ["hidden_sum"], "hidden"),
            node("Relu", ["hidden_sum"], ["hidden"], "hidden_relu"),
            node("Gemm", ["hidden", "output.weight", "output.bias"], ["logits"], "output"),
            node("Softmax", ["logits"], ["probabilities"], "output_softmax", axis=-1),
        ],
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", SIDE, SIDE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", DIGITS])],
        [numpy_helper.from_array(np.ascontiguousarray(weight), name) for name, weight in weights.items()],
    )
    onnx_model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="amaas-digits",
    )
    onnx.checker.check_model(onnx_model, full_check=True)
    onnx.save(onnx_model, path)
