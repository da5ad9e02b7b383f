"""Triton's own gRPC client, `tritonclient.grpc`, alone, in threads, with asyncio, and streaming."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as aio
from tritonclient.utils import InferenceServerException

from case import Fault, Level, Skip, case, expect
from classes import EXPECTED_CLASSES
from datatypes import NAMED, same
from drivers.triton_grpc.stub import PATIENCE, stub
from target import Target

INFERENCE = "inference_grpc.md, Inference"
FP32 = NAMED["FP32"]
EXTENSION = Level.EXTENSION


def client(target: Target) -> triton.InferenceServerClient:
    return triton.InferenceServerClient(target.grpc)


def more(target: Target) -> dict[str, Any]:
    return {"headers": dict(target.metadata_of_calls), "client_timeout": PATIENCE}


def given(array: np.ndarray) -> list[triton.InferInput]:
    made = triton.InferInput("x", list(array.shape), "FP32")
    made.set_data_from_numpy(array)
    return [made]


def check(result: triton.InferResult, expected: np.ndarray) -> None:
    got = result.as_numpy("y")
    expect(got is not None and same(got, expected), f"y = {expected.tolist()}", got)


def refused(call: Callable[[], Any]) -> None:
    try:
        got = call()
    except InferenceServerException:
        return
    raise Fault("an error", got)


def arrays(count: int) -> list[np.ndarray]:
    return [np.full((1 + number % 3, 2), number, np.float32) for number in range(count)]


@case("triton-grpc/health", "is_server_live, is_server_ready and is_model_ready say yes.", "inference_grpc.md, Health")
def health(target: Target) -> None:
    with client(target) as server:
        got = (
            server.is_server_live(**more(target)),
            server.is_server_ready(**more(target)),
            server.is_model_ready("conformance-add", **more(target)),
        )
    expect(all(got), "yes, three times", got)


@case("triton-grpc/metadata", "get_server_metadata and get_model_metadata.", "inference_grpc.md, Metadata")
def metadatas(target: Target) -> None:
    with client(target) as server:
        got = server.get_server_metadata(**more(target))
        expect(bool(got.name) and bool(got.version), "a name and a version", got)
        got = server.get_model_metadata("conformance-add", **more(target))
        expect({tensor.name for tensor in got.inputs} == {"a", "b"}, "the inputs a and b", got)
        refused(lambda: server.get_model_metadata("conformance-nobody", **more(target)))


@case(
    "triton-grpc/config",
    "get_model_config tells the model's tensors in Triton's names.",
    "extension_model_configuration.md, GRPC",
    EXTENSION,
    "model_configuration",
)
def config(target: Target) -> None:
    with client(target) as server:
        got = server.get_model_config(FP32.model, **more(target)).config
        expect(got.name == FP32.model, FP32.model, got)
        kind = triton.model_config_pb2.TYPE_FP32
        expect([(tensor.name, tensor.data_type) for tensor in got.input] == [("x", kind)], "x: TYPE_FP32", got)
        dims = [-1] if got.max_batch_size > 0 else [-1, -1]
        expect(list(got.output[0].dims) == dims, f"dims {dims}", got)


@case(
    "triton-grpc/statistics",
    "get_inference_statistics counts what succeeded, of one model and of all.",
    "extension_statistics.md, GRPC",
    EXTENSION,
    "statistics",
)
def statistics(target: Target) -> None:
    with client(target) as server:

        def count() -> int:
            (stats,) = server.get_inference_statistics(FP32.model, **more(target)).model_stats
            return stats.inference_stats.success.count

        before = count()
        for values in arrays(3):
            server.infer(FP32.model, given(values), **more(target))
        got = count() - before
        expect(got >= 3, "3 more after 3 calls", got)
        every = server.get_inference_statistics(**more(target)).model_stats
        expect(FP32.model in {stats.name for stats in every}, f"{FP32.model} among all", every)


@case(
    "triton-grpc/classification",
    "infer: class_count gives the largest values of each row as texts value:index.",
    "extension_classification.md, GRPC",
    EXTENSION,
    "classification",
)
def classes(target: Target) -> None:
    values = np.array([[0.25, 0.5, -1.0], [3.0, 1.0, 2.0]], np.float32)
    with client(target) as server:
        batched = server.get_model_config(FP32.model, **more(target)).config.max_batch_size > 0
        for count, expected in EXPECTED_CLASSES[batched].items():
            outputs = [triton.InferRequestedOutput("y", class_count=count)]
            result = server.infer(FP32.model, given(values), outputs=outputs, **more(target))
            texts = [[one.decode() for one in row] for row in np.atleast_2d(result.as_numpy("y"))]
            expect(result.get_output("y").datatype == "BYTES", "BYTES", result.get_output("y"))
            expect(texts == expected, f"{expected}", texts)


@case(
    "triton-grpc/repository/index",
    "get_model_repository_index lists the models.",
    "extension_model_repository.md, GRPC",
    EXTENSION,
    "model_repository",
)
def index(target: Target) -> None:
    with client(target) as server:
        got = server.get_model_repository_index(**more(target)).models
        expect(any((entry.name, entry.state) == (FP32.model, "READY") for entry in got), f"{FP32.model}, READY", got)


@case(
    "triton-grpc/repository/load",
    "load_model of a model that nobody has is an error.",
    "extension_model_repository.md, GRPC",
    EXTENSION,
    "model_repository",
)
def load(target: Target) -> None:
    with client(target) as server:
        refused(lambda: server.load_model("conformance-nobody", **more(target)))


@case("triton-grpc/infer", "infer, with an id and an output that is asked for.", INFERENCE)
def infer(target: Target) -> None:
    with client(target) as server:
        outputs = [triton.InferRequestedOutput("y")]
        result = server.infer(FP32.model, given(FP32.values()), outputs=outputs, request_id="seven", **more(target))
    check(result, FP32.values())
    expect(result.get_response().id == "seven", "id 'seven'", result.get_response().id)


@case("triton-grpc/version", "model_version chooses a version, and one that is not there is an error.", INFERENCE)
def version(target: Target) -> None:
    there = target.version(FP32.model)
    with client(target) as server:
        result = server.infer(FP32.model, given(FP32.values()), model_version=there, **more(target))
        expect(result.get_response().model_version == there, there, result.get_response().model_version)
        refused(lambda: server.infer(FP32.model, given(FP32.values()), model_version="987654", **more(target)))


@case("triton-grpc/gzip", "infer with a message compressed with gzip.", "gRPC over HTTP/2, Message-Encoding", Level.SHOULD)
def compressed(target: Target) -> None:
    values = np.tile(FP32.values(), (500, 1))
    with client(target) as server:
        try:
            result = server.infer(FP32.model, given(values), compression_algorithm="gzip", **more(target))
        except InferenceServerException as error:
            if "UNIMPLEMENTED" in str(error.status()):
                raise Skip("the server takes no messages in gzip: UNIMPLEMENTED") from error
            raise
    check(result, values)


@case("triton-grpc/threads", "infer from 8 threads over one connection, each with its own numbers.", INFERENCE)
def threads(target: Target) -> None:
    with client(target) as server, ThreadPoolExecutor(8) as pool:

        def call(values: np.ndarray) -> None:
            check(server.infer(FP32.model, given(values), **more(target)), values)

        list(pool.map(call, arrays(64)))


@case("triton-grpc/async", "async_infer: 32 calls under way at once.", INFERENCE)
def asynchronous(target: Target) -> None:
    done: queue.Queue[tuple[np.ndarray, Any, Any]] = queue.Queue()
    with client(target) as server:
        for values in arrays(32):

            def keep(result: Any, error: Any, values: np.ndarray = values) -> None:
                done.put((values, result, error))

            server.async_infer(FP32.model, given(values), keep, **more(target))
        for _ in range(32):
            values, result, error = done.get(timeout=PATIENCE)
            expect(error is None, "no error", error)
            check(result, values)


@case("triton-grpc/aio", "tritonclient.grpc.aio: health, metadata, and 16 calls together.", INFERENCE)
def with_asyncio(target: Target) -> None:
    asyncio.run(together(target))


async def together(target: Target) -> None:
    async with aio.InferenceServerClient(target.grpc) as server:
        expect(await server.is_server_live(**more(target)), "a live server", "no")
        got = await server.get_model_metadata(FP32.model, **more(target))
        expect(got.name == FP32.model, FP32.model, got)

        async def call(values: np.ndarray) -> None:
            check(await server.infer(FP32.model, given(values), **more(target)), values)

        await asyncio.gather(*map(call, arrays(16)))


@case(
    "triton-grpc/stream",
    "ModelStreamInfer: 8 requests over one stream, each with its answer, in order; a wrong one has its error in it.",
    "grpc_service.proto (Triton), ModelStreamInfer",
    EXTENSION,
)
def stream(target: Target) -> None:
    with stub(target) as bare:
        if not bare.streams():
            raise Skip("the server does not stream: UNIMPLEMENTED")
    came: queue.Queue[tuple[Any, Any]] = queue.Queue()
    with client(target) as server:
        server.start_stream(lambda result, error: came.put((result, error)), headers=dict(target.metadata_of_calls))
        for number, values in enumerate(arrays(8)):
            server.async_stream_infer(FP32.model, given(values), request_id=str(number))
        for number, values in enumerate(arrays(8)):
            result, error = came.get(timeout=PATIENCE)
            expect(error is None, "no error", error)
            expect(result.get_response().id == str(number), f"id {number}", result.get_response().id)
            check(result, values)
        server.async_stream_infer("conformance-nobody", given(FP32.values()))
        _, error = came.get(timeout=PATIENCE)
        expect(error is not None, "an error", "none")
