"""Tensors in the protocol's binary form, and as ONNX Runtime has them.

Values are little-endian bytes, row-major; an element of BYTES follows its length in 4 bytes. They go into ONNX Runtime and
come out of it as bytes, so that no NaN loses its payload and BF16, which numpy does not have, is a type like the others.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import OrtValue

# Datatypes of the protocol by ONNX's number for them.
DATATYPES = {
    TensorProto.BOOL: "BOOL", TensorProto.UINT8: "UINT8", TensorProto.UINT16: "UINT16", TensorProto.UINT32: "UINT32",
    TensorProto.UINT64: "UINT64", TensorProto.INT8: "INT8", TensorProto.INT16: "INT16", TensorProto.INT32: "INT32",
    TensorProto.INT64: "INT64", TensorProto.FLOAT16: "FP16", TensorProto.FLOAT: "FP32", TensorProto.DOUBLE: "FP64",
    TensorProto.STRING: "BYTES", TensorProto.BFLOAT16: "BF16",
}
# A type of numpy that has as many bytes.
WIDTHS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


@dataclass(frozen=True)
class Tensor:
    """A named tensor; `element` is ONNX's number of its datatype."""

    name: str
    element: int
    shape: tuple[int, ...]
    values: bytes

    @classmethod
    def of_case(cls, name: str, element: int, given: Any) -> Tensor:
        """Converts a case's value of a graph's input: an array, a NumPy scalar, or an ONNX tensor."""
        array = numpy_helper.to_array(given) if isinstance(given, TensorProto) else np.asarray(given)
        tensor = cls.of_array(name, array)
        if tensor.element != element:
            raise TypeError(f"{name}: the graph has {TensorProto.DataType.Name(element)}, the case {array.dtype}")
        return tensor

    @classmethod
    def of_array(cls, name: str, array: np.ndarray) -> Tensor:
        if array.dtype.kind not in "OU":
            return cls(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array.tobytes())
        texts = [text.encode() if isinstance(text, str) else text for text in array.flatten().tolist()]
        return cls(name, TensorProto.STRING, array.shape, b"".join(struct.pack("<I", len(text)) + text for text in texts))

    @classmethod
    def of_ort(cls, name: str, value: OrtValue) -> Tensor:
        if value.element_type() == TensorProto.STRING:
            return cls.of_array(name, value.numpy())
        size = value.tensor_size_in_bytes()
        values = ctypes.string_at(value.data_ptr(), size) if size else b""
        return cls(name, value.element_type(), tuple(value.shape()), values)

    def ort(self) -> OrtValue:
        """The tensor as ONNX Runtime takes it; not possible for texts."""
        return OrtValue.ortvalue_from_numpy_with_onnx_type(self._bits(), self.element)

    def texts(self) -> np.ndarray:
        texts, at = [], 0
        while at < len(self.values):
            (length,) = struct.unpack_from("<I", self.values, at)
            at += 4 + length
            texts.append(self.values[at - length : at].decode())
        return np.array(texts, dtype=object).reshape(self.shape)

    def _bits(self) -> np.ndarray:
        width = helper.tensor_dtype_to_np_dtype(self.element).itemsize
        return np.frombuffer(self.values, WIDTHS[width]).reshape(self.shape)
