"""Metadata of the server and of its models' inputs and outputs."""

from __future__ import annotations

from typing import Any

from case import Level, case, expect
from datatypes import TABLE
from target import Target


def are_tensors(tensors: Any) -> None:
    expect(isinstance(tensors, list) and len(tensors) > 0, "a list of tensors", tensors)
    for tensor in tensors:
        holds = isinstance(tensor, dict) and all(isinstance(tensor.get(member), str) for member in ("name", "datatype"))
        expect(holds, "name and datatype as strings", tensor)
        shape = tensor.get("shape")
        holds = isinstance(shape, list) and all(type(dim) is int and dim >= -1 for dim in shape)
        expect(holds, "a shape of whole numbers, -1 where they vary", tensor)


@case(
    "rest/metadata/server",
    "The server tells its name, its version and its extensions.",
    "inference_rest.md, Server Metadata Response JSON Object",
)
def server(target: Target) -> None:
    got = target.wire.get("/v2").okay()
    holds = isinstance(got, dict) and all(isinstance(got.get(member), str) for member in ("name", "version"))
    expect(holds, "name and version as strings", got)
    extensions = got.get("extensions")
    holds = isinstance(extensions, list) and all(isinstance(extension, str) for extension in extensions)
    expect(holds, "extensions as a list of strings", got)


@case("rest/metadata/server/slash", "`/v2/` is the same as `/v2`.", "open_inference_rest.yaml, /v2/", Level.SHOULD)
def slash(target: Target) -> None:
    expect(target.wire.get("/v2/").okay() == target.wire.get("/v2").okay(), "what `/v2` says", "something else")


@case(
    "rest/metadata/type",
    "Metadata are `application/json`.",
    "open_inference_rest.yaml, /v2/",
    Level.SHOULD,
)
def media_type(target: Target) -> None:
    answer = target.wire.get("/v2")
    kind = answer.headers.get("content-type", "")
    expect(kind.split(";")[0].strip() == "application/json", "application/json", kind)


@case(
    "rest/metadata/model",
    "A model tells its name, its platform, its inputs and its outputs.",
    "inference_rest.md, Model Metadata Response JSON Object",
)
def model(target: Target) -> None:
    got = target.metadata("conformance-add")
    expect(got.get("name") == "conformance-add", "its name", got)
    expect(isinstance(got.get("platform"), str), "a platform", got)
    are_tensors(got.get("inputs"))
    are_tensors(got.get("outputs"))
    expect({tensor["name"] for tensor in got["inputs"]} == {"a", "b"}, "the inputs a and b", got)
    expect([tensor["name"] for tensor in got["outputs"]] == ["sum"], "the output sum", got)


@case(
    "rest/metadata/versions",
    "Where versions are told, they are strings.",
    "inference_rest.md, Model Metadata Response JSON Object",
)
def versions(target: Target) -> None:
    target.version("conformance-add")
    got = target.metadata("conformance-add")["versions"]
    expect(all(isinstance(version, str) for version in got), "strings", got)


@case(
    "rest/metadata/platform",
    "The platform is one of the names that are allowed; it is information only.",
    "inference_rest.md, Platforms",
    Level.SHOULD,
)
def platform(target: Target) -> None:
    got = target.metadata("conformance-add").get("platform")
    expect(got in PLATFORMS, f"one of {', '.join(PLATFORMS)}", repr(got))


@case(
    "rest/metadata/datatypes",
    "Each model of the kit has the datatype that stands in its network.",
    "inference_rest.md, Tensor Data Types",
)
def datatypes(target: Target) -> None:
    for datatype in TABLE:
        got = target.metadata(datatype.model)
        for tensor in [*got["inputs"], *got["outputs"]]:
            expect(tensor["datatype"] == datatype.name, f"{datatype.name} for {datatype.model}", tensor)


@case(
    "rest/metadata/symbolic",
    "A dimension that varies is -1, and one that does not is itself.",
    "inference_rest.md, Model Metadata Response JSON Object",
)
def symbolic(target: Target) -> None:
    for name, shape in [("conformance-identity-fp32", [-1, -1]), ("conformance-add", [-1, 2])]:
        got = target.metadata(name)
        for tensor in [*got["inputs"], *got["outputs"]]:
            expect(tensor["shape"] == shape, f"shape {shape}", tensor)


@case(
    "rest/metadata/fixed",
    "Dimensions that are fixed are told.",
    "inference_rest.md, Model Metadata Response JSON Object",
)
def fixed(target: Target) -> None:
    got = target.metadata("conformance-fixed")
    for tensor in [*got["inputs"], *got["outputs"]]:
        expect(tensor["shape"] == [2, 3], "shape [2, 3]", tensor)


@case(
    "rest/metadata/unknown",
    "Of a model that nobody has there is an error.",
    "inference_rest.md, Model Metadata Response JSON Error Object",
)
def unknown(target: Target) -> None:
    target.wire.get("/v2/models/conformance-nobody").refused()


@case(
    "rest/metadata/case",
    "Names of models are case-sensitive.",
    "required_api.md, HTTP/REST",
)
def case_sensitive(target: Target) -> None:
    target.wire.get("/v2/models/Conformance-Add").refused()


@case(
    "rest/metadata/version",
    "The metadata of a version that may be asked for are there.",
    "inference_rest.md, Model Metadata",
)
def version(target: Target) -> None:
    path = f"/v2/models/conformance-add/versions/{target.version('conformance-add')}"
    got = target.wire.get(path).okay()
    expect(got.get("name") == "conformance-add", "its name", got)


@case(
    "rest/metadata/version/unknown",
    "Of a version that the model has not there is an error.",
    "inference_rest.md, Model Metadata Response JSON Error Object",
)
def unknown_version(target: Target) -> None:
    target.version("conformance-add")
    target.wire.get("/v2/models/conformance-add/versions/987654").refused()


PLATFORMS = [
    "tensorrt_plan",
    "tensorflow_graphdef",
    "tensorflow_savedmodel",
    "onnx_onnxv1",
    "pytorch_torchscript",
    "mxnet_mxnet",
    "caffe2_netdef",
]
