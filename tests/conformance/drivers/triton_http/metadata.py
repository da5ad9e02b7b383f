"""The client's other calls: health, metadata, and Triton's extensions."""

from __future__ import annotations

import numpy as np

from case import case, expect
from datatypes import TABLE
from drivers.triton_http.client import EXTENSION, FP32, client, given, headers, refused, typed, wanted
from target import Target


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


@case(
    "triton-http/metadata", "get_server_metadata and get_model_metadata.", "inference_rest.md, Server Metadata, Model Metadata"
)
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
            server.infer(
                name,
                [given("x", FP32, np.ones((1, 2), np.float32), False)],
                outputs=wanted("double", binary=False),
                headers=typed(target),
            )
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
        expect(
            any((entry["name"], entry.get("state")) == ("conformance-add", "READY") for entry in got),
            "conformance-add, READY",
            got,
        )


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
