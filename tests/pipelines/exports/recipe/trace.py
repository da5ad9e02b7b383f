"""PyTorch's own exporter, for what optimum 1.20 has no configuration for."""

import os

import torch
from transformers import AutoConfig


class _Positional(torch.nn.Module):
    """Calls a network by keyword, and answers the named outputs in order."""

    def __init__(self, network, inputs, outputs):
        super().__init__()
        self.network, self.inputs, self.outputs = network, inputs, outputs

    def forward(self, *values):
        answer = self.network(**dict(zip(self.inputs, values)))
        return tuple(getattr(answer, name) for name in self.outputs)


def trace(network, inputs, outputs, folder, opset=14, axes=None):
    """Writes model.onnx. `inputs` are example tensors by name; `axes` names dynamic dimensions as PyTorch does."""
    os.makedirs(folder, exist_ok=True)
    torch.onnx.export(
        _Positional(network.eval(), list(inputs), outputs),
        tuple(inputs.values()),
        os.path.join(folder, "model.onnx"),
        input_names=list(inputs),
        output_names=outputs,
        dynamic_axes=axes if axes is not None else {name: {0: "batch_size"} for name in [*inputs, *outputs]},
        opset_version=opset,
    )


def copy_settings(checkpoint, folder):
    """Copies what the exporter would copy: the configuration, and the tokenizer's and preprocessor's files."""
    os.makedirs(folder, exist_ok=True)
    AutoConfig.from_pretrained(checkpoint).save_pretrained(folder)
    for name in sorted(os.listdir(checkpoint)):
        if name.endswith((".json", ".txt")) and not name.startswith(("config.json", "model.safetensors")):
            with open(os.path.join(checkpoint, name), "rb") as source, open(os.path.join(folder, name), "wb") as copy:
                copy.write(source.read())
