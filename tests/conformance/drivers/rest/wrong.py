"""Faulty calls, and helpers to build them."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

from case import Level
from datatypes import NAMED
from drivers.rest.binary import announced
from target import ADDITION, JSON, Target, infer_path
from wire import HEADER_LENGTH, Answer, Headers

MUST, SHOULD, EXTENSION = Level
ERROR = "inference_rest.md, Inference Response JSON Error Object"
REQUEST = "inference_rest.md, Inference Request JSON Object"
INPUT = "inference_rest.md, Request Input"
DATA = "inference_rest.md, Tensor Data"
TYPES = "inference_rest.md, Tensor Data Types"
BINARY = "extension_binary_data.md, Binary Tensor Request"


@dataclass(frozen=True)
class Wrong:
    """A faulty call, which must not be answered as a good one."""

    id: str
    says: str
    section: str
    level: Level
    body: bytes
    model: str = "conformance-add"
    headers: Headers = JSON
    needs: str | None = None

    def send(self, target: Target) -> Answer:
        return target.wire.send("POST", infer_path(self.model), self.body, self.headers)

    def check(self, target: Target) -> None:
        self.send(target).refused()
        target.alive()


def text(id: str, says: str, section: str, level: Level, body: str | bytes, model: str = "conformance-add") -> Wrong:
    return Wrong(id, says, section, level, body if isinstance(body, bytes) else body.encode(), model)


def request(id: str, says: str, section: str, level: Level, /, **changed: Any) -> Wrong:
    """A request for the sum of two tensors, with changed members; None removes one."""
    return text(id, says, section, level, json.dumps(present({**ADDITION, **changed})))


def first(id: str, says: str, section: str, level: Level, /, **changed: Any) -> Wrong:
    """The same, with members of its first input changed."""
    a, b = ADDITION["inputs"]
    return request(id, says, section, level, inputs=[present({**a, **changed}), b])


def value(id: str, says: str, name: str, literal: str) -> Wrong:
    """One value, as it is written in JSON, for the network that takes `name`. The protocol lets a server coerce a value or
    refuse it, so it only should refuse what no value of the datatype is equal to."""
    body = f'{{"inputs":[{{"name":"x","shape":[1,1],"datatype":"{name}","data":[{literal}]}}]}}'
    return text(id, says, DATA, SHOULD, body, NAMED[name].model)


def behind(
    id: str, says: str, inputs: list[dict[str, Any]], data: bytes, model: str = "conformance-add", level: Level = EXTENSION
) -> Wrong:
    """Tensors as bytes after the JSON."""
    head = json.dumps({"inputs": inputs}).encode()
    headers = [(HEADER_LENGTH, str(len(head)))]
    return Wrong(id, says, BINARY, level, head + data, model, headers, "binary_tensor_data")


def length(id: str, says: str, *values: str) -> Wrong:
    """A good body with a wrong length of its JSON."""
    headers = [(HEADER_LENGTH, value) for value in values]
    return Wrong(id, says, BINARY, EXTENSION, HEAD + FOUR, headers=headers, needs="binary_tensor_data")


def present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in members.items() if member is not None}


def pair(size_a: int = 8, size_b: int = 8, **changed: Any) -> list[dict[str, Any]]:
    return [{**announced("a", "FP32", [1, 2], size_a), **changed}, announced("b", "FP32", [1, 2], size_b)]


A, B = ADDITION["inputs"]
HEAD = json.dumps({"inputs": pair()}).encode()
FOUR = struct.pack("<4f", 1, 2, 3, 4)
BYTES = NAMED["BYTES"].model
