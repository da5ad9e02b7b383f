"""Messages of the protocol: tensors as raw and as typed contents, and the members of an answer."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from tritonclient.grpc import service_pb2 as pb

from case import Case, Level, add, case, expect
from datatypes import BF16, EVERY, NAMED, TABLE, Datatype
from drivers.triton_grpc.stub import decoded, holds, request, stub, tensor
from target import Target

INFERENCE = "inference_grpc.md, Inference"
CONTENTS = "inference_grpc.md, Tensor Data"
FP32 = NAMED["FP32"]


def raw(target: Target, datatype: Datatype) -> None:
    if datatype is BF16:
        target.needs(datatype.model)
    values = datatype.values()
    with stub(target) as server:
        got = server.infer(request(datatype.model, tensor("x", datatype.name, values.shape), raw=[datatype.encode(values)]))
    holds(got, "y", datatype, values)


def typed(target: Target, datatype: Datatype) -> None:
    values = datatype.values()
    contents: list[Any] = values.flatten().tolist()
    if datatype.name == "BYTES":
        contents = [text.encode() for text in contents]
    with stub(target) as server:
        got = server.infer(request(datatype.model, tensor("x", datatype.name, values.shape, contents)))
    holds(got, "y", datatype, values)


for one in EVERY:
    says = f"ModelInfer: {one.name} as raw contents."
    add(Case(f"triton-grpc/raw/{one.name.lower()}", says, INFERENCE, Level.MUST, functools.partial(raw, datatype=one)))

for one in TABLE:
    if one.name != "FP16":
        says = f"ModelInfer: {one.name} as typed contents."
        add(Case(f"triton-grpc/typed/{one.name.lower()}", says, CONTENTS, Level.MUST, functools.partial(typed, datatype=one)))


@case("triton-grpc/answer", "An answer names the model, and gives the id back.", INFERENCE)
def answer(target: Target) -> None:
    with stub(target) as server:
        got = server.infer(request(FP32.model, tensor("x", "FP32", [1, 2], [1, 2]), id="Größe 42"))
    expect((got.model_name, got.id) == (FP32.model, "Größe 42"), "name and id", got)


@case("triton-grpc/inputs", "Inputs are taken by name, their raw contents in their order.", INFERENCE)
def inputs(target: Target) -> None:
    data = {name: np.array([row], np.float32) for name, row in [("a", [1, 2]), ("b", [10, 20])]}
    with stub(target) as server:
        for names in [["a", "b"], ["b", "a"]]:
            tensors = [tensor(name, "FP32", [1, 2]) for name in names]
            got = server.infer(request("conformance-add", *tensors, raw=[FP32.encode(data[name]) for name in names]))
            holds(got, "sum", FP32, np.array([[11, 22]], np.float32))


@case("triton-grpc/outputs/all", "Whoever asks for no outputs gets all of them.", INFERENCE)
def all_outputs(target: Target) -> None:
    with stub(target) as server:
        got = server.infer(request("conformance-two", tensor("x", "FP32", [1, 2], [1, 2])))
    expect(sorted(decoded(got)) == ["double", "negative"], "double and negative", got)
    holds(got, "double", FP32, np.array([[2, 4]], np.float32))
    holds(got, "negative", FP32, np.array([[-1, -2]], np.float32))


@case("triton-grpc/outputs/some", "Whoever asks for one output gets no other.", INFERENCE)
def some_outputs(target: Target) -> None:
    wanted = [pb.ModelInferRequest.InferRequestedOutputTensor(name="negative")]
    with stub(target) as server:
        got = server.infer(request("conformance-two", tensor("x", "FP32", [1, 2], [1, 2]), outputs=wanted))
    expect(list(decoded(got)) == ["negative"], "negative alone", got)


@case("triton-grpc/empty", "A dimension may be 0.", INFERENCE, Level.SHOULD)
def empty(target: Target) -> None:
    with stub(target) as server:
        got = server.infer(request(FP32.model, tensor("x", "FP32", [0, 4]), raw=[b""]))
    holds(got, "y", FP32, np.zeros((0, 4), np.float32))


@case("triton-grpc/large", "A message of 5 MiB goes through.", "no section: gRPC's libraries stop at 4 MiB", Level.SHOULD)
def large(target: Target) -> None:
    values = np.arange(5 << 18, dtype=np.float32).reshape(1024, -1)
    with stub(target) as server:
        got = server.infer(request(FP32.model, tensor("x", "FP32", values.shape), raw=[FP32.encode(values)]))
    holds(got, "y", FP32, values)


@case(
    "triton-grpc/metadata/model",
    "ModelMetadata tells name, datatype and shape of each tensor, -1 where it varies.",
    "inference_grpc.md, Model Metadata",
)
def model_metadata(target: Target) -> None:
    with stub(target) as server:
        for datatype in TABLE:
            got = server.call("ModelMetadata", pb.ModelMetadataRequest(name=datatype.model))
            expect(got.name == datatype.model, datatype.model, got)
            for tensors, name in [(got.inputs, "x"), (got.outputs, "y")]:
                (told,) = tensors
                found = (told.name, told.datatype, list(told.shape))
                expect(found == (name, datatype.name, [-1, -1]), f"{name}, {datatype.name}, [-1, -1]", found)
        got = server.call("ModelMetadata", pb.ModelMetadataRequest(name="conformance-fixed"))
        expect(list(got.inputs[0].shape) == [2, 3], "[2, 3]", got)


@case(
    "triton-grpc/metadata/same", "ServerMetadata says what `GET /v2` says.", "inference_grpc.md, Server Metadata", Level.SHOULD
)
def server_metadata(target: Target) -> None:
    with stub(target) as server:
        got = server.call("ServerMetadata", pb.ServerMetadataRequest())
    rest = target.wire.get("/v2").okay()
    found = (got.name, got.version, sorted(got.extensions))
    told = (rest["name"], rest["version"], sorted(rest["extensions"]))
    expect(found == told, f"{told}", found)
