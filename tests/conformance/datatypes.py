"""The datatypes of the protocol: values that go to their ends, as JSON and as bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Datatype:
    """A name of the table, and the type of numpy that holds it: BF16, which numpy has not, is held as FP32."""

    name: str
    kind: Any

    @property
    def model(self) -> str:
        """The model of the kit that gives back what it got."""
        return f"conformance-identity-{self.name.lower()}"

    def values(self, rows: int = 2) -> Array:
        """`rows` × 4 values, the datatype's extremes among them."""
        if self.name == "BYTES":
            row = np.array(["", "a", "Größe 🎬", 'a\tb\n"\\'], dtype=np.object_)
        elif self.name == "BOOL":
            row = np.array([True, False, False, True])
        elif self.name == "BF16":
            row = np.array([-1.5, 0, 1, 3.3895313892515355e38], dtype=np.float32)
        else:
            span = np.finfo(self.kind) if np.issubdtype(self.kind, np.floating) else np.iinfo(self.kind)
            row = np.array([span.min, 0, 1, span.max], dtype=self.kind)
        return np.tile(row, (rows, 1))

    def array(self, values: Sequence[Any], shape: Sequence[int]) -> Array:
        """The array of a list of JSON values."""
        return np.array(values, dtype=self.kind).reshape(shape)

    def encode(self, array: Array) -> bytes:
        """The array as the binary tensor data extension writes it."""
        if self.name == "BYTES":
            texts = [text if isinstance(text, bytes) else text.encode() for text in array.flatten()]
            return b"".join(struct.pack("<I", len(text)) + text for text in texts)
        if self.name == "BF16":
            return (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        return array.astype(np.dtype(self.kind).newbyteorder("<")).tobytes()

    def decode(self, data: bytes, shape: Sequence[int]) -> Array:
        if self.name == "BYTES":
            return np.array(texts(data), dtype=np.object_).reshape(shape)
        if self.name == "BF16":
            return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").reshape(shape)
        return np.frombuffer(data, np.dtype(self.kind).newbyteorder("<")).astype(self.kind).reshape(shape)


def texts(data: bytes) -> list[bytes]:
    """The elements of a tensor of BYTES."""
    found = []
    while data:
        (length,) = struct.unpack_from("<I", data)
        if len(data) < 4 + length:
            raise ValueError("an element is longer than the tensor")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    return found


def flat(data: Any) -> list[Any]:
    """A list of lists as one list: answers may have either form."""
    return [value for part in data for value in flat(part)] if isinstance(data, list) else [data]


def same(got: Array, expected: Array) -> bool:
    """Whether they are equal in shape and in every bit; texts may be encoded."""
    if got.shape != expected.shape:
        return False
    if expected.dtype == np.object_:
        encoded = [[text.encode() if isinstance(text, str) else text for text in array.flatten()] for array in (got, expected)]
        return encoded[0] == encoded[1]
    return got.dtype == expected.dtype and got.tobytes() == expected.tobytes()


TABLE = [
    Datatype("BOOL", np.bool_),
    Datatype("UINT8", np.uint8),
    Datatype("UINT16", np.uint16),
    Datatype("UINT32", np.uint32),
    Datatype("UINT64", np.uint64),
    Datatype("INT8", np.int8),
    Datatype("INT16", np.int16),
    Datatype("INT32", np.int32),
    Datatype("INT64", np.int64),
    Datatype("FP16", np.float16),
    Datatype("FP32", np.float32),
    Datatype("FP64", np.float64),
    Datatype("BYTES", np.object_),
]
"""The datatypes in `inference_rest.md`, "Tensor Data Types"."""

BF16 = Datatype("BF16", np.float32)
"""Not in that table, but in the text around it and in `open_inference_grpc.proto`."""

EVERY = [*TABLE, BF16]
NAMED = {datatype.name: datatype for datatype in EVERY}
