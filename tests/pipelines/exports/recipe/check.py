"""Compares an export with PyTorch: every call that the answers made is run again by ONNX Runtime."""

import os
from contextlib import contextmanager

import numpy
import onnxruntime
import torch
from transformers import PreTrainedModel

TOLERANCE = 2e-4
ELEMENTS = {
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
}
ALIASES = {"token_embeddings": "last_hidden_state"}


@contextmanager
def recorded():
    """Answers a list that receives the arguments and outputs of each outermost call of a network."""
    calls, depth = [], [0]

    def call(self, *arguments, **named):
        tensors = {key: value.clone() for key, value in named.items() if torch.is_tensor(value)}
        depth[0] += 1
        try:
            outputs = torch.nn.Module.__call__(self, *arguments, **named)
        finally:
            depth[0] -= 1
        if depth[0] == 0 and not arguments:
            calls.append((tensors, outputs))
        return outputs

    PreTrainedModel.__call__ = call
    try:
        yield calls
    finally:
        del PreTrainedModel.__call__


def compare(name, folder, calls, tolerance=TOLERANCE):
    """Fails if an output that both have differs by more than `tolerance`, relative to values above 1."""
    path = next(p for p in (f"{folder}/onnx/model.onnx", f"{folder}/model.onnx") if os.path.exists(p))
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    worst, compared = 0.0, 0
    for named, outputs in calls:
        feed = {i.name: named[i.name].numpy().astype(ELEMENTS[i.type]) for i in session.get_inputs()}
        for key, value in zip(names, session.run(None, feed)):
            expected = _output(outputs, ALIASES.get(key, key))
            if expected is None:
                continue
            assert value.shape == expected.shape, (name, key, value.shape, expected.shape)
            gap = numpy.abs(value.astype(numpy.float64) - expected) / numpy.maximum(1, numpy.abs(expected))
            worst, compared = max(worst, float(gap.max())), compared + 1
    assert compared or not calls, f"{name}: no output of {names} is one of PyTorch's"
    assert worst <= tolerance, f"{name}: ONNX Runtime differs from PyTorch by {worst:.1e}"
    return compared


def _output(outputs, key):
    """An output by name: sentence-transformers asks for tuples, whose first item are the hidden states."""
    if isinstance(outputs, tuple):
        return outputs[0].detach().numpy() if key == "last_hidden_state" else None
    value = outputs.get(key)
    return None if value is None else value.detach().numpy()
