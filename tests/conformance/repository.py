"""Writes the networks as a model repository of Triton's layout, with a plain list of them beside it."""

from __future__ import annotations

from pathlib import Path

import onnx

from networks import Network, Tensor, networks


def write(folder: Path) -> list[str]:
    """The lines of `models.txt`: a name and a file each."""
    lines = []
    for network in networks():
        file = folder / network.name / "1" / "model.onnx"
        file.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(network.onnx(), file)
        (folder / network.name / "config.pbtxt").write_text(configuration(network))
        lines.append(f"{network.name}\t{file.relative_to(folder)}")
    (folder / LIST).write_text("".join(f"{line}\n" for line in lines))
    return lines


def configuration(network: Network) -> str:
    """Triton's configuration: no dimension is its batch, so shapes are those of the network."""
    tensors = [("input", tensor) for tensor in network.inputs] + [("output", tensor) for tensor in network.outputs]
    entries = [f"{kind} [{{ {entry(tensor)} }}]" for kind, tensor in tensors]
    return "\n".join([f'name: "{network.name}"', 'backend: "onnxruntime"', "max_batch_size: 0", *entries, ""])


def entry(tensor: Tensor) -> str:
    kind = "TYPE_STRING" if tensor.datatype == "BYTES" else f"TYPE_{tensor.datatype}"
    dims = [dim if isinstance(dim, int) else -1 for dim in tensor.dims]
    # Triton's configuration has no way to write a tensor without dimensions, but one to make it of another.
    shape = f"dims: {dims}" if dims else "dims: [ 1 ], reshape: { shape: [ ] }"
    return f'name: "{tensor.name}", data_type: {kind}, {shape}'


LIST = "models.txt"
