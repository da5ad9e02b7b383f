"""The service's stub in `tritonclient.grpc`, for messages that no client writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from case import Fault, expect
from datatypes import NAMED, Datatype, same
from target import Target

PATIENCE = 60
FIELDS = {
    "BOOL": "bool_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""The field of a datatype's contents; FP16 and BF16 have none."""


class Stub:
    """The calls of the service, each with the caller's metadata."""

    def __init__(self, target: Target, channel: grpc.Channel) -> None:
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        self._metadata = target.metadata_of_calls

    def call(self, method: str, message: Any) -> Any:
        return getattr(self._stub, method)(message, metadata=self._metadata, timeout=PATIENCE)

    def infer(self, message: pb.ModelInferRequest) -> pb.ModelInferResponse:
        return self.call("ModelInfer", message)

    def streams(self) -> bool:
        """Whether the server has the streaming method, by a stream without a request."""
        try:
            list(self._stub.ModelStreamInfer(iter(()), metadata=self._metadata, timeout=PATIENCE))
        except grpc.RpcError as error:
            return error.code() != grpc.StatusCode.UNIMPLEMENTED
        return True

    def refused(self, method: str, message: Any) -> grpc.StatusCode:
        """The status code of an expected error."""
        try:
            got = self.call(method, message)
        except grpc.RpcError as error:
            lost = error.code() == grpc.StatusCode.UNAVAILABLE
            expect(not lost, "an error of the call, not of the connection", error.details())
            return error.code()
        raise Fault("a status that is not OK", str(got).replace("\n", " "))


@contextmanager
def stub(target: Target) -> Iterator[Stub]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(target.grpc, options=options) as channel:
        yield Stub(target, channel)


def tensor(
    name: str, datatype: str, shape: Sequence[int], values: Sequence[Any] | None = None
) -> pb.ModelInferRequest.InferInputTensor:
    """An input, with its contents if there are any."""
    made = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    if values is not None:
        getattr(made.contents, FIELDS[datatype]).extend(values)
    return made


def request(
    model: str, *inputs: pb.ModelInferRequest.InferInputTensor, raw: Sequence[bytes] = (), **more: Any
) -> pb.ModelInferRequest:
    return pb.ModelInferRequest(model_name=model, inputs=inputs, raw_input_contents=raw, **more)


def decoded(response: pb.ModelInferResponse) -> dict[str, np.ndarray]:
    """The outputs, in either form."""
    found = {}
    for index, output in enumerate(response.outputs):
        datatype, shape = NAMED[output.datatype], list(output.shape)
        if response.raw_output_contents:
            expect(not output.HasField("contents"), "no contents beside raw ones", output)
            found[output.name] = datatype.decode(response.raw_output_contents[index], shape)
        else:
            values = list(getattr(output.contents, FIELDS[output.datatype]))
            found[output.name] = datatype.array(values, shape)
    return found


def holds(response: pb.ModelInferResponse, name: str, datatype: Datatype, expected: np.ndarray) -> None:
    told = {output.name: output.datatype for output in response.outputs}
    expect(told.get(name) == datatype.name, f"{name} of {datatype.name}", told)
    got = decoded(response)[name]
    expect(same(got, expected), f"{name} = {expected.tolist()}", got.tolist())
