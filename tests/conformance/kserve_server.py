"""A peer: KServe's own Python model server, on this machine alone, with the kit's models in ONNX Runtime.

    ORT_DISABLE_TELEMETRY=1 python tests/conformance/kserve_server.py DIR HTTP_PORT GRPC_PORT

`DIR` is what `python tests/conformance models DIR` wrote. Besides `kserve` it needs `onnxruntime`. Protocol, datatypes and
errors are KServe's; this file is the part of the model author. BF16 is left out: KServe has no such datatype.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from grpc import aio
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.errors import InvalidInput
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.rest.server import RESTServer
from kserve.utils.utils import generate_uuid

from repository import LIST


class Network(Model):
    """One network without pre- or postprocessing."""

    def __init__(self, name: str, file: Path) -> None:
        super().__init__(name)
        self.session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        return [described(tensor) for tensor in self.session.get_inputs()]

    def get_output_types(self) -> list[dict[str, Any]]:
        return [described(tensor) for tensor in self.session.get_outputs()]

    def predict(self, payload: InferRequest, headers: dict[str, str] | None = None) -> InferResponse:
        types = {tensor.name: DATATYPES[tensor.type] for tensor in self.session.get_inputs()}
        arrays = {tensor.name: array(tensor, types) for tensor in payload.inputs}
        try:
            answers = self.session.run(None, arrays)
        except Exception as error:  # ONNX Runtime's errors have no class in common
            raise InvalidInput(str(error)) from error
        outputs = []
        for tensor, answer in zip(self.session.get_outputs(), answers, strict=True):
            values = np.asarray(answer)
            output = InferOutput(tensor.name, list(values.shape), DATATYPES[tensor.type])
            output.set_data_from_numpy(values, binary_data=payload.use_binary_outputs)
            outputs.append(output)
        return InferResponse(
            payload.id or generate_uuid(),
            self.name,
            outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


class Loopback(ModelServer):
    """KServe's server listens on every address; this one on the loopback."""

    def start(self, models: list[Model]) -> None:
        self._register_and_check_atleast_one_model_is_ready(models)
        rest = RESTServer("kserve.model_server:app", self.dataplane, self.model_repository_extension, self.http_port)
        rest.config.host = "127.0.0.1"
        asyncio.run(self.serve(rest))

    async def serve(self, rest: RESTServer) -> None:
        limits = [(f"grpc.max_{way}_message_length", MESSAGE) for way in ("send", "receive")]
        server = aio.server(interceptors=[ExceptionToStatusInterceptor()], options=limits)
        servicer = InferenceServicer(self.dataplane, self.model_repository_extension)
        add_GRPCInferenceServiceServicer_to_server(servicer, server)
        server.add_insecure_port(f"127.0.0.1:{self.grpc_port}")
        await server.start()
        await rest.start()
        await server.stop(grace=1)


def array(tensor: InferInput, types: dict[str, str]) -> np.ndarray:
    """The input as ONNX Runtime takes it, if the network has it."""
    if tensor.name not in types:
        raise InvalidInput(f"there is no input {tensor.name}")
    if tensor.datatype != types[tensor.name]:
        raise InvalidInput(f"input {tensor.name} is {types[tensor.name]}")
    values = tensor.as_numpy()
    if tensor.datatype == "BYTES":
        texts = [text.decode() if isinstance(text, bytes) else text for text in values.flatten()]
        return np.array(texts, dtype=np.object_).reshape(values.shape)
    return values


def described(tensor: Any) -> dict[str, Any]:
    dims = [dim if isinstance(dim, int) else -1 for dim in tensor.shape]
    return {"name": tensor.name, "datatype": DATATYPES[tensor.type], "shape": dims}


def main(folder: Path, http_port: int, grpc_port: int) -> None:
    lines = [line.split("\t") for line in (folder / LIST).read_text().splitlines()]
    models = [Network(name, folder / file) for name, file in lines if "bf16" not in name]
    Loopback(http_port=http_port, grpc_port=grpc_port).start(models)


MESSAGE = 8 << 20
"""KServe's own default."""

DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}

if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
