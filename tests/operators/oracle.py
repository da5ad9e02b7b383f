"""ONNX Runtime in this process, with the options that functions set (functions/serve/engine/src/session/)."""

from __future__ import annotations

import re

import onnxruntime
from onnx import TensorProto
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, NotImplemented, RuntimeException

from tensor import Tensor

onnxruntime.set_default_logger_severity(4)  # what it warns of is not asked for


class Refused(Exception):
    """ONNX Runtime cannot run a case, with its own message."""


def run(model: bytes, calls: list[list[Tensor]], seed: int) -> list[list[Tensor]]:
    """The outputs of each call with a new session; random operators without a seed use `seed`."""
    onnxruntime.set_seed(seed)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return [outputs(session, call) for call in calls]
    except (Fail, NotImplemented, RuntimeException) as error:  # not InvalidArgument, which would be this program's fault
        raise Refused(shortened(str(error))) from error


def outputs(session: onnxruntime.InferenceSession, inputs: list[Tensor]) -> list[Tensor]:
    names = [output.name for output in session.get_outputs()]
    if any(tensor.element == TensorProto.STRING for tensor in inputs):
        # Texts go in as an array, which the other way to run does not take.
        feeds = {tensor.name: tensor.texts() if tensor.element == TensorProto.STRING else tensor.ort() for tensor in inputs}
        return [Tensor.of_array(name, array) for name, array in zip(names, session.run(names, feeds), strict=True)]
    values = session.run_with_ort_values(names, {tensor.name: tensor.ort() for tensor in inputs})
    return [Tensor.of_ort(name, value) for name, value in zip(names, values, strict=True)]


def shortened(error: str) -> str:
    """The message without codes, source files and node names."""
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", error.replace("\n", " "))
    text = re.sub(r"^(Fatal error|Exception during initialization): ", "", text)
    text = re.sub(r"Non-zero status code returned while running (\w+) node\. Name:'' Status Message: ", r"\1: ", text)
    text = re.sub(r"/onnxruntime_src/.* was false\. ", "", text)
    text = re.sub(r" node with name ''| \(node:'' ep:'\w+'\)", "", text)
    return text.split(". If you need")[0].strip(" .")
