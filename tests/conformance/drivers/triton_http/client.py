"""Triton's own HTTP client, `tritonclient.http`, and how the cases call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import ml_dtypes
import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from case import Fault, Level, expect
from datatypes import BF16, NAMED, Datatype, same
from target import Target

JSON_SECTION = "inference_rest.md, Inference"
BINARY_SECTION = "extension_binary_data.md, Binary Tensor Request"
BINARY = "binary_tensor_data"
FP32 = NAMED["FP32"]
EXTENSION = Level.EXTENSION


def client(target: Target, concurrency: int = 1) -> triton.InferenceServerClient:
    url = urlsplit(target.url)
    address = url.netloc + url.path
    return triton.InferenceServerClient(address, concurrency=concurrency, network_timeout=60, connection_timeout=60)


def headers(target: Target) -> dict[str, str]:
    """New for each call: the client writes the call's codings into its argument."""
    return dict(target.headers)


def typed(target: Target) -> dict[str, str]:
    """For JSON. The client sends no media type, and no section requires a server to guess it (RFC 9110 §8.3)."""
    return {**target.headers, "Content-Type": "application/json"}


def given(name: str, datatype: Datatype, array: np.ndarray, binary: bool = True) -> triton.InferInput:
    made = triton.InferInput(name, list(array.shape), datatype.name)
    made.set_data_from_numpy(array.astype(ml_dtypes.bfloat16) if datatype is BF16 else array, binary_data=binary)
    return made


def wanted(*names: str, binary: bool = True) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def check(result: Any, name: str, expected: np.ndarray) -> None:
    got = result.as_numpy(name)
    if got is not None and got.dtype == ml_dtypes.bfloat16:
        got = got.astype(np.float32)
    expect(got is not None and same(got, expected), f"{name} = {expected.tolist()}", result.get_response())


def refused(call: Callable[[], Any]) -> InferenceServerException:
    try:
        got = call()
    except InferenceServerException as error:
        expect(bool(error.message()), "an error with a message", error)
        return error
    raise Fault("an error", got)
