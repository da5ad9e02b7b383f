"""An ONNX network behind LitServe with its batching.

MODEL, NAME, PORT, WORKERS, BATCH (rows) and THREADS (of ONNX Runtime, in each process) come from the environment.
"""

import os

import litserve
import numpy as np
import onnxruntime
import orjson
from fastapi import Response


class Network(litserve.LitAPI):
    def setup(self, device: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["THREADS"])
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def decode_request(self, request: dict) -> dict:
        return {each["name"]: np.array(each["data"], np.int64).reshape(each["shape"]) for each in request["inputs"]}

    def batch(self, inputs: list) -> dict:
        return {name: np.concatenate([each[name] for each in inputs]) for name in inputs[0]}

    def predict(self, feeds: dict) -> list:
        return self.session.run(self.names, feeds)

    def unbatch(self, output: list):
        return [[value[row : row + 1] for value in output] for row in range(len(output[0]))]

    def encode_response(self, output: list) -> Response:
        outputs = [
            {"name": name, "datatype": "FP32", "shape": value.shape, "data": value.reshape(-1)}
            for name, value in zip(self.names, output)
        ]
        answer = orjson.dumps({"model_name": os.environ["NAME"], "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(answer, media_type="application/json")


if __name__ == "__main__":
    path = f"/v2/models/{os.environ['NAME']}/infer"
    # A millisecond: the small network would otherwise wait longer than it runs.
    api = Network(max_batch_size=int(os.environ["BATCH"]), batch_timeout=0.001, api_path=path)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(os.environ["WORKERS"]), fast_queue=True)
    port = int(os.environ["PORT"])
    server.run(host="127.0.0.1", port=port, num_api_servers=1, log_level="warning", access_log=False, generate_client_file=False)
