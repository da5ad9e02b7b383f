"""The binary tensor data extension: tensors as bytes after the JSON, or as the whole body."""

from __future__ import annotations

import functools
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from case import Case, Check, Level, add, expect
from datatypes import EVERY, NAMED, Datatype, same
from target import Target, holds, infer_path, output, tensor
from wire import HEADER_LENGTH, Answer

SECTION = "extension_binary_data.md, Binary Tensor Request"
FP32 = NAMED["FP32"]
IDENTITY = FP32.model


def binary(id: str, says: str, section: str = SECTION, level: Level = Level.EXTENSION) -> Any:
    def keep(check: Check) -> Check:
        add(Case(f"rest/binary/{id}", says, section, level, check, "binary_tensor_data"))
        return check

    return keep


def announced(name: str, datatype: str, shape: Sequence[int], size: int) -> dict[str, Any]:
    """An input whose `size` bytes follow the JSON."""
    return {"name": name, "shape": list(shape), "datatype": datatype, "parameters": {"binary_data_size": size}}


def wanted(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "parameters": {"binary_data": True}} for name in names]


def send(target: Target, model: str, request: Any, data: bytes) -> Answer:
    head = json.dumps(request).encode()
    headers = [("Content-Type", "application/octet-stream"), (HEADER_LENGTH, str(len(head)))]
    return target.wire.send("POST", infer_path(model), head + data, headers)


def given(answer: Answer, *expected: tuple[str, Datatype, np.ndarray]) -> None:
    """Asserts that the answer has these outputs as bytes, one after another in the order of its JSON."""
    head, tail = answer.parts()
    names = [found.get("name") for found in head["outputs"]]
    expect(sorted(names) == sorted(name for name, _, _ in expected), "the outputs that were asked for", head)
    by_name = {name: (datatype, array) for name, datatype, array in expected}
    for found in head["outputs"]:
        datatype, array = by_name[found["name"]]
        expect(found.get("datatype") == datatype.name, f"datatype {datatype.name}", found)
        expect(found.get("shape") == list(array.shape), f"shape {list(array.shape)}", found)
        expect("data" not in found, "no data in the JSON", found)
        size = found.get("parameters", {}).get("binary_data_size")
        data = datatype.encode(array)
        expect(size == len(data), f"binary_data_size {len(data)}", found)
        expect(tail[:size] == data, f"the bytes {data[:64]!r}", tail[:64])
        tail = tail[size:]
    expect(tail == b"", "no bytes more", tail)


def goes_through(target: Target, datatype: Datatype) -> None:
    target.needs(datatype.model)
    values = datatype.values()
    data = datatype.encode(values)
    request = {"inputs": [announced("x", datatype.name, values.shape, len(data))], "outputs": wanted("y")}
    given(send(target, datatype.model, request, data), ("y", datatype, values))


for one in EVERY:
    says = f"{one.name} goes through as bytes, both ways."
    check = functools.partial(goes_through, datatype=one)
    add(Case(f"rest/binary/{one.name.lower()}", says, SECTION, Level.EXTENSION, check, "binary_tensor_data"))


@binary("bits", "Bytes of floating-point numbers are not judged: quiet NaN with its payload, infinities, -0, the subnormal.")
def bits(target: Target) -> None:
    for name, patterns in [("FP32", ODD_32), ("FP64", ODD_64), ("FP16", ODD_16)]:
        datatype = NAMED[name]
        values = datatype.decode(patterns, [1, len(patterns) // np.dtype(datatype.kind).itemsize])
        request = {"inputs": [announced("x", name, values.shape, len(patterns))], "outputs": wanted("y")}
        given(send(target, datatype.model, request, patterns), ("y", datatype, values))


@binary("texts", "An element of BYTES that is no text goes through as it is, or is refused: never changed.")
def no_texts(target: Target) -> None:
    datatype = NAMED["BYTES"]
    for element in [b"\xff\xfe\x80", b"a\x00b"]:
        values = np.array([element], dtype=np.object_).reshape(1, 1)
        data = datatype.encode(values)
        request = {"inputs": [announced("x", "BYTES", [1, 1], len(data))], "outputs": wanted("y")}
        answer = send(target, datatype.model, request, data)
        if answer.status == 200:
            given(answer, ("y", datatype, values))
        else:
            answer.refused()


@binary("in", "Bytes in, and JSON out where nobody asks for bytes.")
def only_in(target: Target) -> None:
    values = FP32.values()
    request = {"inputs": [announced("x", "FP32", values.shape, 32)]}
    answer = send(target, IDENTITY, request, FP32.encode(values))
    holds(output(answer.okay(), "y"), FP32, values)


@binary("out", "JSON in, and bytes out for the outputs that have `binary_data`.")
def only_out(target: Target) -> None:
    values = np.array([[1, 2]], np.float32)
    request = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])], "outputs": wanted("y")}
    given(target.post(IDENTITY, request), ("y", FP32, values))


@binary("all", "`binary_data_output` has every output come as bytes.")
def all_outputs(target: Target) -> None:
    request = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])], "parameters": {"binary_data_output": True}}
    double, negative = (np.array([row], np.float32) for row in ([2, 4], [-1, -2]))
    given(target.post("conformance-two", request), ("double", FP32, double), ("negative", FP32, negative))


@binary("override", "`binary_data` of an output overrides `binary_data_output`.")
def override(target: Target) -> None:
    values = np.array([[1, 2]], np.float32)
    request = {
        "inputs": [tensor("x", "FP32", [1, 2], [1, 2])],
        "parameters": {"binary_data_output": True},
        "outputs": [{"name": "y", "parameters": {"binary_data": False}}],
    }
    holds(output(target.post(IDENTITY, request).okay(), "y"), FP32, values)


@binary("false", "`binary_data` that is false is as if it were not there.")
def said_no(target: Target) -> None:
    values = np.array([[1, 2]], np.float32)
    request = {
        "inputs": [tensor("x", "FP32", [1, 2], [1, 2])],
        "outputs": [{"name": "y", "parameters": {"binary_data": False}}],
    }
    holds(output(target.post(IDENTITY, request).okay(), "y"), FP32, values)


@binary("mixed/in", "One input as bytes and one as JSON, in either order.")
def mixed_inputs(target: Target) -> None:
    a, b = announced("a", "FP32", [1, 2], 8), tensor("b", "FP32", [1, 2], [10, 20])
    for inputs in [[a, b], [b, a]]:
        answer = send(target, "conformance-add", {"inputs": inputs}, struct.pack("<2f", 1, 2))
        holds(output(answer.okay(), "sum"), FP32, np.array([[11, 22]], np.float32))


@binary("mixed/out", "One output as bytes and one as JSON.")
def mixed_outputs(target: Target) -> None:
    request = {
        "inputs": [tensor("x", "FP32", [1, 2], [1, 2])],
        "outputs": [{"name": "double"}, *wanted("negative")],
    }
    head, tail = target.post("conformance-two", request).parts()
    holds(output(head, "double"), FP32, np.array([[2, 4]], np.float32))
    expect(tail == struct.pack("<2f", -1, -2), "the bytes of the other", tail)


@binary("order", "The bytes of the inputs stand in the order of the inputs.")
def order(target: Target) -> None:
    parts = {"a": struct.pack("<4f", 1, 2, 3, 4), "b": struct.pack("<4f", 10, 0, 0, 10)}
    for names in [["a", "b"], ["b", "a"]]:
        request = {"inputs": [announced(name, "FP32", [2, 2], 16) for name in names], "outputs": wanted("sum")}
        answer = send(target, "conformance-add", request, b"".join(parts[name] for name in names))
        given(answer, ("sum", FP32, np.array([[11, 2], [3, 14]], np.float32)))


@binary("empty", "A tensor with a dimension of 0 has no bytes.", level=Level.SHOULD)
def empty(target: Target) -> None:
    request = {"inputs": [announced("x", "FP32", [0, 4], 0)], "outputs": wanted("y")}
    given(send(target, IDENTITY, request, b""), ("y", FP32, np.zeros((0, 4), np.float32)))


@binary("none", "The header may be there where no bytes are.")
def none(target: Target) -> None:
    answer = send(target, IDENTITY, {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]}, b"")
    holds(output(answer.okay(), "y"), FP32, np.array([[1, 2]], np.float32))


@binary("type", "What has bytes in it is `application/octet-stream`.", "extension_binary_data.md, Examples", Level.SHOULD)
def media_type(target: Target) -> None:
    request = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])], "outputs": wanted("y")}
    kind = target.post(IDENTITY, request).headers.get("content-type", "")
    expect(kind == "application/octet-stream", "application/octet-stream", kind)


@binary("chunked", "Bytes may come in chunks, whose borders mean nothing.", f"{SECTION}; RFC 9112 §7.1")
def chunked(target: Target) -> None:
    values = FP32.values(rows=50)
    request = {"inputs": [announced("x", "FP32", values.shape, 800)], "outputs": wanted("y")}
    head = json.dumps(request).encode()
    body = head + FP32.encode(values)
    chunks = [body[begin : begin + 13] for begin in range(0, len(body), 13)]
    given(target.wire.chunked(infer_path(IDENTITY), chunks, [(HEADER_LENGTH, str(len(head)))]), ("y", FP32, values))


@binary("large", "4 MiB go through.")
def large(target: Target) -> None:
    values = np.arange(1 << 20, dtype=np.float32).reshape(1024, 1024)
    request = {"inputs": [announced("x", "FP32", values.shape, 4 << 20)], "outputs": wanted("y")}
    head, tail = send(target, IDENTITY, request, FP32.encode(values)).parts()
    expect(len(tail) == 4 << 20, "4 MiB", f"{len(tail)} bytes: {head}")
    expect(same(FP32.decode(tail, values.shape), values), "what was sent", "other numbers")


@binary(
    "raw",
    "A body may be the one input and nothing else; then every output comes as bytes.",
    "extension_binary_data.md, Raw Binary Request",
)
def raw(target: Target) -> None:
    headers = [("Content-Type", "application/octet-stream"), (HEADER_LENGTH, "0")]
    answer = target.wire.send("POST", infer_path("conformance-fixed"), struct.pack("<6f", *range(6)), headers)
    given(answer, ("negative", FP32, -np.arange(6, dtype=np.float32).reshape(2, 3)))


@binary(
    "raw/two",
    "A body that is one tensor is refused by a model that takes two.",
    "extension_binary_data.md, Raw Binary Request",
)
def raw_for_two(target: Target) -> None:
    headers = [("Content-Type", "application/octet-stream"), (HEADER_LENGTH, "0")]
    target.wire.send("POST", infer_path("conformance-add"), struct.pack("<4f", 1, 2, 3, 4), headers).refused()


ODD_32 = struct.pack("<6I", 0x7FC12345, 0xFFC12345, 0x7F800000, 0xFF800000, 0x80000000, 1)
ODD_64 = struct.pack("<4Q", 0x7FF8000012345678, 0xFFF0000000000000, 0x8000000000000000, 1)
ODD_16 = struct.pack("<4H", 0x7E55, 0x7C00, 0x8000, 1)
