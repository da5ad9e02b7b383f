"""KServe's own gRPC client, `kserve.InferenceGRPCClient`."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

from case import Case, Fault, Level, add, case, expect
from datatypes import NAMED, TABLE, Datatype, same
from target import Target

INFERENCE = "inference_grpc.md, Inference"
FP32 = NAMED["FP32"]

# It logs every error that it raises.
logging.getLogger("kserve").setLevel(logging.CRITICAL)


def run(target: Target, call: Callable[[InferenceGRPCClient], Awaitable[Any]]) -> Any:
    async def with_client() -> Any:
        async with InferenceGRPCClient(target.grpc, retries=0) as client:
            return await call(client)

    return asyncio.run(with_client())


def request(datatype: Datatype, array: np.ndarray, raw: bool, **more: Any) -> InferRequest:
    made = InferInput("x", list(array.shape), datatype.name)
    made.set_data_from_numpy(array, binary_data=raw)
    return InferRequest(datatype.model, [made], **more)


def goes_through(target: Target, datatype: Datatype, raw: bool) -> None:
    values = datatype.values()
    sent = request(datatype, values, raw)
    got = run(target, lambda client: client.infer(sent, headers=target.metadata_of_calls))
    (output,) = got.outputs
    expect((output.name, output.datatype) == ("y", datatype.name), f"y of {datatype.name}", output)
    expect(same(output.as_numpy(), values), f"{values.tolist()}", output.as_numpy())


for one in TABLE:
    through = functools.partial(goes_through, datatype=one, raw=True)
    add(Case(f"kserve-grpc/raw/{one.name.lower()}", f"infer: {one.name} as raw contents.", INFERENCE, Level.MUST, through))
    # FP16 has no typed contents.
    if one.name != "FP16":
        through = functools.partial(goes_through, datatype=one, raw=False)
        says = f"infer: {one.name} as typed contents."
        add(Case(f"kserve-grpc/typed/{one.name.lower()}", says, "inference_grpc.md, Tensor Data", Level.MUST, through))


@case("kserve-grpc/health", "is_server_live, is_server_ready and is_model_ready say yes.", "inference_grpc.md, Health")
def health(target: Target) -> None:
    async def every(client: InferenceGRPCClient) -> tuple[bool, bool, bool]:
        headers = target.metadata_of_calls
        live, ready = await client.is_server_live(headers=headers), await client.is_server_ready(headers=headers)
        return live, ready, await client.is_model_ready(FP32.model, headers=headers)

    got = run(target, every)
    expect(got == (True, True, True), "True, three times", got)


@case("kserve-grpc/id", "request_id comes back.", INFERENCE)
def identifier(target: Target) -> None:
    sent = request(FP32, FP32.values(), True, request_id="seven")
    got = run(target, lambda client: client.infer(sent, headers=target.metadata_of_calls))
    expect((got.id, got.model_name) == ("seven", FP32.model), "id 'seven'", got)


@case("kserve-grpc/together", "16 calls together get each their own answer.", INFERENCE)
def together(target: Target) -> None:
    arrays = [np.full((1 + number % 3, 2), number, np.float32) for number in range(16)]

    async def calls(client: InferenceGRPCClient) -> list[Any]:
        sent = [request(FP32, values, True) for values in arrays]
        return await asyncio.gather(*(client.infer(one, headers=target.metadata_of_calls) for one in sent))

    for got, values in zip(run(target, calls), arrays, strict=True):
        expect(same(got.outputs[0].as_numpy(), values), f"{values.tolist()}", got)


@case("kserve-grpc/errors", "What is wrong with a call is an RpcError.", INFERENCE)
def errors(target: Target) -> None:
    sent = request(FP32, np.zeros((1, 2), np.float32), True)
    sent.model_name = "conformance-nobody"
    try:
        got = run(target, lambda client: client.infer(sent, headers=target.metadata_of_calls))
    except grpc.RpcError:
        return
    raise Fault("an error", got)
