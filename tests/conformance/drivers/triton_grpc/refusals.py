"""Faulty calls: the server answers a status that is not OK, and the next call succeeds."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as pb

from case import Case, Level, add, case, expect
from datatypes import NAMED
from drivers.triton_grpc.stub import Stub, holds, request, stub, tensor
from target import Target

MUST, SHOULD, _ = Level
INFERENCE = "inference_grpc.md, Inference"
DATA = "inference_grpc.md, Tensor Data"
FP32 = NAMED["FP32"]
BYTES = NAMED["BYTES"].model
FOUR = struct.pack("<2f", 1, 2)
A = tensor("a", "FP32", [1, 2], [1, 2])
B = tensor("b", "FP32", [1, 2], [10, 20])


@dataclass(frozen=True)
class Wrong:
    """A faulty message, which must not be answered as a good one."""

    id: str
    says: str
    section: str
    level: Level
    message: Any

    def check(self, target: Target) -> None:
        with stub(target) as server:
            server.refused("ModelInfer", self.message)
            alive(server)


def alive(server: Stub) -> None:
    holds(server.infer(request("conformance-add", A, B)), "sum", FP32, np.array([[11, 22]], np.float32))


def raw(id: str, says: str, shape: list[int], data: list[bytes], datatype: str = "FP32", model: str = FP32.model) -> Wrong:
    return Wrong(id, says, INFERENCE, MUST, request(model, tensor("x", datatype, shape), raw=data))


def typed(id: str, says: str, level: Level, name: str, shape: list[int], values: list[Any]) -> Wrong:
    return Wrong(id, says, DATA, level, request(NAMED[name].model, tensor("x", name, shape, values)))


def other(datatype: str, model: str = FP32.model) -> pb.ModelInferRequest:
    """One FP32 value under the name of another datatype."""
    made = tensor("x", "FP32", [1, 1], [1])
    made.datatype = datatype
    return request(model, made)


WRONG = [
    raw("raw/short", "Raw contents that end too early.", [1, 2], [FOUR[:-1]]),
    raw("raw/long", "A byte more than the tensor has.", [1, 2], [FOUR + b"\0"]),
    raw("raw/more", "Raw contents for two inputs where there is one.", [1, 2], [FOUR, FOUR]),
    raw("raw/shape/negative", "A negative dimension.", [-1, -2], [FOUR]),
    raw("raw/shape/overflow", "Dimensions whose product overflows to the right one.", [(1 << 61) + 1, 2], [FOUR]),
    raw("raw/shape/memory", "A shape of 4 TiB with 8 bytes.", [1 << 39, 2], [FOUR]),
    raw(
        "raw/texts/beyond",
        "An element of BYTES that ends behind its tensor.",
        [1, 1],
        [struct.pack("<I4s", 5, b"abcd")],
        "BYTES",
        BYTES,
    ),
    raw(
        "raw/texts/huge",
        "An element of BYTES of 4 GiB, of which 4 bytes are there.",
        [1, 1],
        [struct.pack("<I4s", 0xFFFFFFFF, b"abcd")],
        "BYTES",
        BYTES,
    ),
    raw("raw/texts/length", "An element of BYTES whose length has 3 bytes.", [1, 1], [b"\0\0\0"], "BYTES", BYTES),
    raw("raw/texts/few", "Fewer elements of BYTES than the shape has.", [1, 2], [struct.pack("<I1s", 1, b"a")], "BYTES", BYTES),
    raw(
        "raw/texts/many",
        "More elements of BYTES than the shape has.",
        [1, 1],
        [struct.pack("<I1sI1s", 1, b"a", 1, b"b")],
        "BYTES",
        BYTES,
    ),
    Wrong(
        "raw/few",
        "Raw contents for one of two inputs.",
        INFERENCE,
        MUST,
        request("conformance-add", tensor("a", "FP32", [1, 2]), tensor("b", "FP32", [1, 2]), raw=[FOUR]),
    ),
    Wrong(
        "raw/both",
        "Raw and typed contents for one input.",
        INFERENCE,
        SHOULD,
        request(FP32.model, tensor("x", "FP32", [1, 2], [1, 2]), raw=[FOUR]),
    ),
    Wrong("contents/none", "No contents at all.", INFERENCE, MUST, request(FP32.model, tensor("x", "FP32", [1, 2]))),
    typed("typed/short", "Fewer values than the shape has.", MUST, "FP32", [1, 2], [1]),
    typed("typed/long", "More values than the shape has.", MUST, "FP32", [1, 2], [1, 2, 3]),
    typed("typed/uint8", "300 for UINT8: an error, never 44.", SHOULD, "UINT8", [1, 1], [300]),
    typed("typed/int8", "-129 for INT8.", SHOULD, "INT8", [1, 1], [-129]),
    Wrong("typed/field", "Contents in the field of another datatype.", DATA, MUST, other("INT64", NAMED["INT64"].model)),
    Wrong("typed/fp16", "FP16 as typed contents, which it has not.", INFERENCE, MUST, other("FP16", NAMED["FP16"].model)),
    Wrong("datatype/unknown", "A datatype that is in no table.", "inference_grpc.md, Tensor Data Types", MUST, other("FLOAT")),
    Wrong("datatype/empty", "No datatype.", "inference_grpc.md, Tensor Data Types", MUST, other("")),
    Wrong("inputs/none", "No inputs.", INFERENCE, MUST, request("conformance-add")),
    Wrong("inputs/missing", "An input that the model takes is missing.", INFERENCE, MUST, request("conformance-add", A)),
    Wrong(
        "inputs/unknown",
        "An input that the model has not.",
        INFERENCE,
        SHOULD,
        request("conformance-add", A, B, tensor("c", "FP32", [1, 2], [1, 2])),
    ),
    Wrong("inputs/twice", "An input that comes twice.", INFERENCE, SHOULD, request("conformance-add", A, B, A)),
    Wrong(
        "outputs/unknown",
        "An output that the model has not.",
        INFERENCE,
        MUST,
        request("conformance-add", A, B, outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name="nothing")]),
    ),
    Wrong(
        "shape/fixed",
        "Another size than the one that is fixed.",
        "inference_grpc.md, Model Metadata",
        MUST,
        request("conformance-fixed", tensor("x", "FP32", [1, 3], [1, 2, 3])),
    ),
    Wrong(
        "shape/rank",
        "A shape of another rank than the model's.",
        "inference_grpc.md, Model Metadata",
        MUST,
        request(FP32.model, tensor("x", "FP32", [2], [1, 2])),
    ),
]

for wrong in WRONG:
    add(Case(f"triton-grpc/refused/{wrong.id}", wrong.says, wrong.section, wrong.level, wrong.check))


@case(
    "triton-grpc/refused/as-caller",
    "What the caller got wrong is INVALID_ARGUMENT, or a code of its kind.",
    "google.rpc.Code",
    SHOULD,
)
def as_callers_fault(target: Target) -> None:
    good = {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
    others = []
    with stub(target) as server:
        for wrong in WRONG:
            try:
                server.infer(wrong.message)
            except grpc.RpcError as error:
                if error.code() not in good:
                    others.append(f"{wrong.id} {error.code().name}")
    expect(not others, "INVALID_ARGUMENT for each", ", ".join(others))


ABSENT = {
    "ModelReady": pb.ModelReadyRequest(name="conformance-nobody"),
    "ModelMetadata": pb.ModelMetadataRequest(name="conformance-nobody"),
    "ModelInfer": request("conformance-nobody", A, B),
}


def absent(target: Target, method: str) -> None:
    with stub(target) as server:
        if method == "ModelReady":
            try:
                got = server.call(method, ABSENT[method])
            except grpc.RpcError:
                return
            expect(not got.ready, "false, or an error", got)
        else:
            server.refused(method, ABSENT[method])


for method in ABSENT:
    says = f"{method} of a model that nobody has."
    add(Case(f"triton-grpc/refused/model/{method}", says, INFERENCE, MUST, functools.partial(absent, method=method)))


@case("triton-grpc/refused/not-found", "That there is no such model is NOT_FOUND.", "google.rpc.Code", SHOULD)
def not_found(target: Target) -> None:
    with stub(target) as server:
        for method in ["ModelMetadata", "ModelInfer"]:
            code = server.refused(method, ABSENT[method])
            expect(code == grpc.StatusCode.NOT_FOUND, f"NOT_FOUND from {method}", code)


@case("triton-grpc/refused/method", "A method that the service has not is UNIMPLEMENTED.", "google.rpc.Code", SHOULD)
def method_unknown(target: Target) -> None:
    with grpc.insecure_channel(target.grpc) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/Nothing")
        try:
            got = call(b"", timeout=60)
        except grpc.RpcError as error:
            expect(error.code() == grpc.StatusCode.UNIMPLEMENTED, "UNIMPLEMENTED", error.code())
        else:
            expect(False, "UNIMPLEMENTED", got)


@case("triton-grpc/refused/message", "Bytes that are no message are an error, and do no harm.", INFERENCE)
def no_message(target: Target) -> None:
    with grpc.insecure_channel(target.grpc) as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for body in [b"\xff" * 64, b"\x0a\xff\xff\xff\xff\x0f"]:
            try:
                got = call(body, metadata=target.metadata_of_calls, timeout=60)
            except grpc.RpcError:
                continue
            expect(False, "an error", got)
    with stub(target) as server:
        alive(server)
