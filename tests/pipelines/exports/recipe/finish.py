"""Changes after the exporter: variants, external data, other element types."""

import os

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16


def fp16_variant(folder):
    """Adds model_fp16.onnx, whose inputs and outputs stay FP32, as transformers.js' conversion writes it."""
    network = convert_float_to_float16(onnx.load(os.path.join(folder, "model.onnx")), keep_io_types=True)
    onnx.save(network, os.path.join(folder, "model_fp16.onnx"))


def fp16(folder):
    """Replaces model.onnx by one whose outputs are FP16."""
    path = os.path.join(folder, "model.onnx")
    onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=False), path)


def quantized_variant(folder):
    """Adds model_quantized.onnx: weights in eight bits, activations quantized at run time."""
    quantize_dynamic(
        os.path.join(folder, "model.onnx"),
        os.path.join(folder, "model_quantized.onnx"),
        weight_type=QuantType.QUInt8,
    )


def external_data(folder):
    """Moves the weights to model.onnx_data."""
    path = os.path.join(folder, "model.onnx")
    network = onnx.load(path)
    os.remove(path)
    onnx.save_model(
        network,
        path,
        save_as_external_data=True,
        location="model.onnx_data",
        size_threshold=256,
        convert_attribute=False,
    )
