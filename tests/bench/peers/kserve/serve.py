"""An ONNX network behind KServe's Python server. Its batching is in a sidecar, so there is none here.

MODEL, NAME, PORT, WORKERS and THREADS (of ONNX Runtime, in each process) come from the environment.
"""

import functools
import logging
import os

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer


class Network(Model):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True

    @functools.cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """Made by the first call of each process: KServe sends the model to its workers, and a session cannot be sent."""
        # They would log each call, and the other servers log none.
        for name in ("kserve.trace", "uvicorn.access"):
            logging.getLogger(name).setLevel(logging.WARNING)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["THREADS"])
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])

    def predict(self, request: InferRequest, headers: dict | None = None) -> InferResponse:
        names = [output.name for output in self.session.get_outputs()]
        values = self.session.run(names, {each.name: each.as_numpy() for each in request.inputs})
        outputs = []
        for name, value in zip(names, values):
            output = InferOutput(name=name, shape=list(value.shape), datatype="FP32")
            output.set_data_from_numpy(value, binary_data=False)
            outputs.append(output)
        return InferResponse(model_name=self.name, infer_outputs=outputs, response_id=request.id or "")


if __name__ == "__main__":
    server = ModelServer(
        http_port=int(os.environ["PORT"]), workers=int(os.environ["WORKERS"]), enable_grpc=False, access_log_format=None
    )
    server.start([Network(os.environ["NAME"])])
