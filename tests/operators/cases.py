"""The cases of the package, sorted into those that can be called and those that cannot."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from onnx import TensorProto, ValueInfoProto
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

import oracle
from rows import variants
from tensor import DATATYPES, Tensor


class LeftOut(Exception):
    """A case that cannot be called, with the reason."""


class LeftOutHere(LeftOut):
    """A case that this machine cannot run; another may."""


@dataclass(frozen=True)
class Call:
    inputs: list[Tensor]
    outputs: list[Tensor]


def write(folder: Path) -> None:
    """Fills the folder, as `main.py` says."""
    with warnings.catch_warnings():
        # The generator divides by zero and overflows on purpose.
        warnings.simplefilter("ignore", RuntimeWarning)
        cases = sorted(collect_testcases(None), key=lambda case: case.name)
    kept: list[dict[str, Any]] = []
    left_out: dict[type[LeftOut], dict[str, list[str]]] = {LeftOut: defaultdict(list), LeftOutHere: defaultdict(list)}
    with (folder / "values.bin").open("wb") as values:
        for case in cases:
            name, network = case.name.removeprefix("test_"), case.model.SerializeToString()
            try:
                calls = answered(case, network)
            except LeftOut as why:
                left_out[type(why)][str(why)].append(name)
                continue
            (folder / f"{name}.onnx").write_bytes(network)
            (folder / "rows").mkdir(exist_ok=True)
            for variant, changed in variants(case.model, calls[0].inputs):
                (folder / "rows" / f"{name}.{variant}.onnx").write_bytes(changed)
            kept.append({"name": name, "calls": [written(call, values) for call in calls]})
    (folder / "cases.json").write_text(json.dumps({"onnx": version("onnx"), "cases": kept}))
    (folder / "left_out.txt").write_text(listed(left_out[LeftOut]))
    (folder / "left_out_here.txt").write_text(listed(left_out[LeftOutHere]))


def answered(case: TestCase, network: bytes) -> list[Call]:
    """The case's calls, each with ONNX Runtime's outputs in this process, if two runs agree."""
    graph = case.model.graph
    if foreign := sorted({kind for value in [*graph.input, *graph.output] if (kind := foreign_kind(value))}):
        raise LeftOut(f"the protocol has no type {', '.join(foreign)}")
    inputs = [
        [
            Tensor.of_case(value.name, value.type.tensor_type.elem_type, given)
            for value, given in zip(graph.input, data_set, strict=True)
        ]
        for data_set, _ in case.data_sets
    ]
    try:
        first, second = (oracle.run(network, inputs, seed) for seed in (1, 2))
    except oracle.Refused as why:
        if "Failed to construct locale" in str(why):
            raise LeftOutHere("this machine lacks the locale en_US.UTF-8, in which texts are folded") from why
        raise LeftOut(f"ONNX Runtime {version('onnxruntime')}: {why}") from why
    if first != second:
        raise LeftOut("not reproducible: each session begins at another random number")
    return [Call(*call) for call in zip(inputs, first, strict=True)]


def foreign_kind(value: ValueInfoProto) -> str | None:
    """The type of a graph's input or output, if the protocol lacks it."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return kind.removesuffix("_type")
    element = value.type.tensor_type.elem_type
    return None if element in DATATYPES else TensorProto.DataType.Name(element)


def written(call: Call, values: IO[bytes]) -> dict[str, Any]:
    def place(tensor: Tensor) -> dict[str, Any]:
        start = values.tell()
        values.write(tensor.values)
        described = {"name": tensor.name, "datatype": DATATYPES[tensor.element], "shape": tensor.shape}
        return described | {"from": start, "to": values.tell()}

    return {"inputs": [place(tensor) for tensor in call.inputs], "outputs": [place(tensor) for tensor in call.outputs]}


def listed(left_out: dict[str, list[str]]) -> str:
    return "".join(f"{why}:\n" + "".join(f"  {name}\n" for name in names) for why, names in sorted(left_out.items()))
