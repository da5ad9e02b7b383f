"""Triton's own HTTP client, `tritonclient.http`, alone, in threads, and with asyncio."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException

from case import Case, Fault, Level, Skip, add, case, expect
from datatypes import BF16, EVERY, NAMED, TABLE, Datatype, same
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
    """New for each call: the client writes the codings of a call into what it was given."""
    return dict(target.headers)


def typed(target: Target) -> dict[str, str]:
    """For JSON. The client tells no media type, and no section says that a server has to guess it (RFC 9110 §8.3)."""
    return {**target.headers, "Content-Type": "application/json"}


def given(name: str, datatype: Datatype, array: np.ndarray, binary: bool = True) -> triton.InferInput:
    made = triton.InferInput(name, list(array.shape), datatype.name)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def wanted(*names: str, binary: bool = True) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def check(result: Any, name: str, expected: np.ndarray) -> None:
    got = result.as_numpy(name)
    expect(got is not None and same(got, expected), f"{name} = {expected.tolist()}", result.get_response())


def refused(call: Callable[[], Any]) -> InferenceServerException:
    try:
        got = call()
    except InferenceServerException as error:
        expect(bool(error.message()), "an error with a message", error)
        return error
    raise Fault("an error", got)


def goes_through(target: Target, datatype: Datatype, binary_in: bool, binary_out: bool) -> None:
    if datatype is BF16:
        target.needs(datatype.model)
    values = datatype.values()
    inputs, outputs = [given("x", datatype, values, binary_in)], wanted("y", binary=binary_out)
    with client(target) as server:
        said = headers(target) if binary_in else typed(target)
        result = server.infer(datatype.model, inputs, outputs=outputs, headers=said)
    check(result, "y", values)


for one in EVERY:
    through = functools.partial(goes_through, datatype=one, binary_in=True, binary_out=True)
    says = f"infer: {one.name} as bytes."
    add(Case(f"triton-http/infer/binary/{one.name.lower()}", says, BINARY_SECTION, EXTENSION, through, BINARY))

for one in TABLE:
    # FP16 need not be taken as JSON, which the driver `rest` looks at.
    if one.name != "FP16":
        through = functools.partial(goes_through, datatype=one, binary_in=False, binary_out=False)
        says = f"infer: {one.name} as JSON."
        add(Case(f"triton-http/infer/json/{one.name.lower()}", says, JSON_SECTION, Level.MUST, through))
        through = functools.partial(goes_through, datatype=one, binary_in=False, binary_out=True)
        says = f"infer: {one.name} as JSON, answered with bytes."
        add(Case(f"triton-http/infer/mixed/{one.name.lower()}", says, BINARY_SECTION, EXTENSION, through, BINARY))


@case("triton-http/health", "is_server_live, is_server_ready and is_model_ready say yes.", "required_api.md, Health")
def health(target: Target) -> None:
    with client(target) as server:
        got = (
            server.is_server_live(headers(target)),
            server.is_server_ready(headers(target)),
            server.is_model_ready("conformance-add", headers=headers(target)),
        )
    expect(all(got), "yes, three times", got)


@case("triton-http/health/unknown", "is_model_ready says no of a model that nobody has.", "required_api.md, Health")
def unknown(target: Target) -> None:
    with client(target) as server:
        expect(not server.is_model_ready("conformance-nobody", headers=headers(target)), "no", "yes")


@case("triton-http/metadata", "get_server_metadata and get_model_metadata.", "inference_rest.md, Server Metadata, Model Metadata")
def metadata(target: Target) -> None:
    with client(target) as server:
        got = server.get_server_metadata(headers(target))
        expect(bool(got.get("name")) and isinstance(got.get("extensions"), list), "a name and extensions", got)
        got = server.get_model_metadata("conformance-add", headers=headers(target))
        expect({tensor["name"] for tensor in got["inputs"]} == {"a", "b"}, "the inputs a and b", got)
        refused(lambda: server.get_model_metadata("conformance-nobody", headers=headers(target)))


@case(
    "triton-http/config",
    "get_model_config tells the model's tensors in Triton's names.",
    "extension_model_configuration.md, HTTP/REST",
    EXTENSION,
    "model_configuration",
)
def config(target: Target) -> None:
    with client(target) as server:
        for datatype in TABLE:
            got = server.get_model_config(datatype.model, headers=headers(target))
            kind = "TYPE_STRING" if datatype.name == "BYTES" else f"TYPE_{datatype.name}"
            expect(got.get("name") == datatype.model, "its name", got)
            expect([(tensor["name"], tensor["data_type"]) for tensor in got["input"]] == [("x", kind)], f"x: {kind}", got)
            # Where the first dimension is the batch, `dims` are those behind it.
            dims = [-1] if got.get("max_batch_size", 0) > 0 else [-1, -1]
            expect([int(dim) for dim in got["output"][0]["dims"]] == dims, f"dims {dims}", got)
        refused(lambda: server.get_model_config("conformance-nobody", headers=headers(target)))


@case(
    "triton-http/statistics",
    "get_inference_statistics counts what succeeded, of one model and of all.",
    "extension_statistics.md, Statistics Response JSON Object",
    EXTENSION,
    "statistics",
)
def statistics(target: Target) -> None:
    name = "conformance-two"
    with client(target) as server:

        def count() -> int:
            (stats,) = server.get_inference_statistics(name, headers=headers(target))["model_stats"]
            expect(stats["name"] == name and stats["execution_count"] >= 0, name, stats)
            return int(stats["inference_stats"]["success"]["count"])

        before = count()
        for _ in range(3):
            server.infer(name, [given("x", FP32, np.ones((1, 2), np.float32), False)], outputs=wanted("double", binary=False), headers=typed(target))
        got = count() - before
        expect(got >= 3, "3 more after 3 calls", got)
        every = server.get_inference_statistics(headers=headers(target))["model_stats"]
        expect(name in {stats["name"] for stats in every}, f"{name} among all", every)
        refused(lambda: server.get_inference_statistics("conformance-nobody", headers=headers(target)))


@case(
    "triton-http/repository/index",
    "get_model_repository_index lists the models.",
    "extension_model_repository.md, Index",
    EXTENSION,
    "model_repository",
)
def index(target: Target) -> None:
    with client(target) as server:
        got = server.get_model_repository_index(headers(target))
        expect(any((entry["name"], entry.get("state")) == ("conformance-add", "READY") for entry in got), "conformance-add, READY", got)


@case(
    "triton-http/repository/load",
    "load_model of a model that nobody has is an error.",
    "extension_model_repository.md, Load",
    EXTENSION,
    "model_repository",
)
def load(target: Target) -> None:
    with client(target) as server:
        refused(lambda: server.load_model("conformance-nobody", headers=headers(target)))


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


@case("triton-http/version", "model_version chooses a version, and one that is not there is an error.", "inference_rest.md, Inference")
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
            server.async_infer(FP32.model, [given("x", FP32, values, False)], outputs=wanted("y", binary=False), headers=typed(target))
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


@case("triton-http/errors", "What is wrong with a call is an InferenceServerException with a message.", "inference_rest.md, Inference Response JSON Error Object")
def errors(target: Target) -> None:
    values = np.zeros((1, 2), np.float32)
    right, outputs = [given("x", FP32, values, False)], wanted("y", binary=False)
    with client(target) as server:
        for model, inputs, outputs in [
            ("conformance-nobody", right, outputs),
            (FP32.model, [given("other", FP32, values, False)], outputs),
            ("conformance-add", [given("a", FP32, values, False)], wanted("sum", binary=False)),
            (FP32.model, right, wanted("nothing", binary=False)),
            ("conformance-fixed", right, wanted("negative", binary=False)),
        ]:
            refused(functools.partial(server.infer, model, inputs, outputs=outputs, headers=typed(target)))
    target.alive()
