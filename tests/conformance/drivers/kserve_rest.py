"""KServe's own REST client, `kserve.InferenceRESTClient`, with version 2 of the protocol."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

from case import Case, Fault, Level, add, case, expect
from datatypes import NAMED, TABLE, Datatype, same
from target import Target

INFERENCE = "inference_rest.md, Inference"
BINARY = "binary_tensor_data"
FP32 = NAMED["FP32"]

# It logs every error that it raises.
logging.getLogger("kserve").setLevel(logging.CRITICAL)


def run(target: Target, call: Callable[[InferenceRESTClient], Awaitable[Any]]) -> Any:
    async def with_client() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol="v2", retries=0)) as client:
            return await call(client)

    return asyncio.run(with_client())


def request(datatype: Datatype, array: np.ndarray, binary: bool, **more: Any) -> InferRequest:
    made = InferInput("x", list(array.shape), datatype.name)
    made.set_data_from_numpy(array, binary_data=binary)
    parameters = {"binary_data_output": True} if binary else None
    return InferRequest(datatype.model, [made], parameters=parameters, **more)


async def infer(client: InferenceRESTClient, target: Target, sent: InferRequest) -> Any:
    """New headers for each call: the client modifies its arguments."""
    return await client.infer(target.url, sent, model_name=sent.model_name, headers=dict(target.headers))


def goes_through(target: Target, datatype: Datatype, binary: bool) -> None:
    values = datatype.values()
    got = run(target, lambda client: infer(client, target, request(datatype, values, binary)))
    (output,) = got.outputs
    expect((output.name, output.datatype) == ("y", datatype.name), f"y of {datatype.name}", output)
    expect(same(output.as_numpy(), values), f"{values.tolist()}", output.as_numpy())


for one in TABLE:
    through = functools.partial(goes_through, datatype=one, binary=True)
    says, section = f"infer: {one.name} as bytes.", "extension_binary_data.md, Binary Tensor Request"
    add(Case(f"kserve-rest/infer/binary/{one.name.lower()}", says, section, Level.EXTENSION, through, BINARY))
    # The client itself sends no FP16 as JSON.
    if one.name != "FP16":
        through = functools.partial(goes_through, datatype=one, binary=False)
        add(Case(f"kserve-rest/infer/json/{one.name.lower()}", f"infer: {one.name} as JSON.", INFERENCE, Level.MUST, through))


@case(
    "kserve-rest/health",
    "is_server_live and is_server_ready find `live` and `ready` in the bodies.",
    "inference_rest.md, Server Live Response JSON Object, Server Ready Response JSON Object",
    Level.SHOULD,
)
def health(target: Target) -> None:
    async def both(client: InferenceRESTClient) -> tuple[bool, bool]:
        live = await client.is_server_live(target.url, headers=dict(target.headers))
        return live, await client.is_server_ready(target.url, headers=dict(target.headers))

    got = run(target, both)
    expect(got == (True, True), "True from both", got)


@case(
    "kserve-rest/model",
    "is_model_ready says yes of a model that is served, and no of one that nobody has.",
    "required_api.md, Model Ready",
)
def model(target: Target) -> None:
    async def both(client: InferenceRESTClient) -> list[bool]:
        names = [FP32.model, "conformance-nobody"]
        return [await client.is_model_ready(target.url, name, headers=dict(target.headers)) for name in names]

    got = run(target, both)
    expect(got == [True, False], "[True, False]", got)


@case("kserve-rest/id", "request_id comes back.", "inference_rest.md, Inference Request JSON Object")
def identifier(target: Target) -> None:
    sent = request(FP32, FP32.values(), False, request_id="seven")
    got = run(target, lambda client: infer(client, target, sent))
    expect((got.id, got.model_name) == ("seven", FP32.model), "id 'seven'", got)


@case("kserve-rest/together", "16 calls together get each their own answer.", INFERENCE)
def together(target: Target) -> None:
    arrays = [np.full((1 + number % 3, 2), number, np.float32) for number in range(16)]

    async def calls(client: InferenceRESTClient) -> list[Any]:
        return await asyncio.gather(*(infer(client, target, request(FP32, values, False)) for values in arrays))

    for got, values in zip(run(target, calls), arrays, strict=True):
        expect(same(got.outputs[0].as_numpy(), values), f"{values.tolist()}", got)


@case(
    "kserve-rest/errors",
    "What is wrong with a call is an HTTPStatusError.",
    "inference_rest.md, Inference Response JSON Error Object",
)
def errors(target: Target) -> None:
    values = np.zeros((1, 2), np.float32)
    unknown, fixed = request(FP32, values, False), request(FP32, values, False)
    unknown.model_name, fixed.model_name = "conformance-nobody", "conformance-fixed"
    for sent in [unknown, fixed]:
        try:
            got = run(target, functools.partial(infer, target=target, sent=sent))
        except httpx.HTTPStatusError:
            continue
        raise Fault(f"an error from {sent.model_name}", got)
