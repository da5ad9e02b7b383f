"""`infer`: plain, compressed, in threads, and with asyncio."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import numpy as np
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException

from case import Case, Level, Skip, add, case, expect
from drivers.triton_http.client import BINARY, FP32, JSON_SECTION, check, client, given, headers, refused, typed, wanted
from target import Target


@case(
    "triton-http/untyped",
    "infer with JSON as this client sends it, without a media type.",
    "RFC 9110 §8.3",
    Level.SHOULD,
)
def untyped(target: Target) -> None:
    inputs = [given("x", FP32, FP32.values(), False)]
    with client(target) as server:
        result = server.infer(FP32.model, inputs, outputs=wanted("y", binary=False), headers=headers(target))
    check(result, "y", FP32.values())


@case("triton-http/id", "request_id comes back.", "inference_rest.md, Inference Request JSON Object")
def identifier(target: Target) -> None:
    inputs = [given("x", FP32, FP32.values(), False)]
    with client(target) as server:
        result = server.infer(FP32.model, inputs, outputs=wanted("y", binary=False), request_id="seven", headers=typed(target))
    expect(result.get_response().get("id") == "seven", "id 'seven'", result.get_response())


@case(
    "triton-http/version",
    "model_version chooses a version, and one that is not there is an error.",
    "inference_rest.md, Inference",
)
def version(target: Target) -> None:
    there = target.version(FP32.model)
    inputs = [given("x", FP32, FP32.values(), False)]
    with client(target) as server:
        call = functools.partial(server.infer, FP32.model, inputs, outputs=wanted("y", binary=False))
        got = call(model_version=there, headers=typed(target)).get_response()
        expect(got.get("model_version") == there, f"version {there}", got)
        refused(lambda: call(model_version="987654", headers=typed(target)))


for coding in ["gzip", "deflate"]:

    def compressed(target: Target, coding: str = coding) -> None:
        values = np.tile(FP32.values(), (200, 1))
        for binary in [False, True]:
            if binary and BINARY not in target.extensions:
                continue
            inputs, outputs = [given("x", FP32, values, binary)], wanted("y", binary=binary)
            with client(target) as server:
                try:
                    result = server.infer(
                        FP32.model,
                        inputs,
                        outputs=outputs,
                        headers=headers(target) if binary else typed(target),
                        request_compression_algorithm=coding,
                        response_compression_algorithm=coding,
                    )
                except InferenceServerException as error:
                    raise Skip(f"the server takes no bodies in {coding}: {error.status()}") from error
            check(result, "y", values)

    add(Case(f"triton-http/{coding}", f"infer compressed with {coding}, both ways.", "RFC 9110 §8.4", Level.SHOULD, compressed))


@case("triton-http/threads", "infer from 8 threads, each with its own numbers.", JSON_SECTION)
def threads(target: Target) -> None:
    def call(number: int) -> None:
        values = np.full((1 + number % 3, 2), number, np.float32)
        with client(target) as server:
            inputs = [given("x", FP32, values, False)]
            check(server.infer(FP32.model, inputs, outputs=wanted("y", binary=False), headers=typed(target)), "y", values)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(32)))


@case("triton-http/async", "async_infer: 32 calls under way at once.", JSON_SECTION)
def asynchronous(target: Target) -> None:
    arrays = [np.full((1 + number % 3, 2), number, np.float32) for number in range(32)]
    with client(target, concurrency=8) as server:
        calls = [
            server.async_infer(
                FP32.model, [given("x", FP32, values, False)], outputs=wanted("y", binary=False), headers=typed(target)
            )
            for values in arrays
        ]
        for call, values in zip(calls, arrays, strict=True):
            check(call.get_result(), "y", values)


@case("triton-http/aio", "tritonclient.http.aio: health, metadata, and 16 calls together.", JSON_SECTION)
def with_asyncio(target: Target) -> None:
    asyncio.run(together(target))


async def together(target: Target) -> None:
    url = urlsplit(target.url)
    async with aio.InferenceServerClient(url.netloc + url.path, conn_timeout=60) as server:
        expect(await server.is_server_live(headers(target)), "a live server", "no")
        got = await server.get_model_metadata(FP32.model, headers=headers(target))
        expect(got["name"] == FP32.model, FP32.model, got)
        arrays = [np.full((2, 2), number, np.float32) for number in range(16)]

        async def call(values: np.ndarray) -> None:
            inputs = [given("x", FP32, values, False)]
            check(await server.infer(FP32.model, inputs, outputs=wanted("y", binary=False), headers=typed(target)), "y", values)

        await asyncio.gather(*map(call, arrays))


@case(
    "triton-http/errors",
    "What is wrong with a call is an InferenceServerException with a message.",
    "inference_rest.md, Inference Response JSON Error Object",
)
def errors(target: Target) -> None:
    values = np.zeros((1, 2), np.float32)
    right, outputs = [given("x", FP32, values, False)], wanted("y", binary=False)
    with client(target) as server:
        for model, inputs, asked in [
            ("conformance-nobody", right, outputs),
            (FP32.model, [given("other", FP32, values, False)], outputs),
            ("conformance-add", [given("a", FP32, values, False)], wanted("sum", binary=False)),
            (FP32.model, right, wanted("nothing", binary=False)),
            ("conformance-fixed", right, wanted("negative", binary=False)),
        ]:
            refused(functools.partial(server.infer, model, inputs, outputs=asked, headers=typed(target)))
    target.alive()
