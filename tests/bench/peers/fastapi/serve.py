"""An ONNX network behind FastAPI: the Open Inference Protocol's JSON, read and written by orjson, one process a core.

MODEL, PORT, WORKERS and THREADS (of ONNX Runtime, in each process) come from the environment.
"""

import contextlib
import os

import numpy as np
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ["THREADS"])
# Spinning threads would take the cores that read and answer requests.
options.add_session_config_entry("session.intra_op.allow_spinning", "0")


@contextlib.asynccontextmanager
async def load(app: FastAPI):
    app.state.session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
    yield


app = FastAPI(lifespan=load)


@app.post("/v2/models/{model}/infer")
async def infer(model: str, request: Request) -> Response:
    call = orjson.loads(await request.body())
    feeds = {each["name"]: np.array(each["data"], np.int64).reshape(each["shape"]) for each in call["inputs"]}
    session = app.state.session
    names = [output.name for output in session.get_outputs()]
    # In the event loop: a thread pool costs more than the small network does, and the large one has the core anyway.
    outputs = [
        {"name": name, "datatype": "FP32", "shape": value.shape, "data": value.reshape(-1)}
        for name, value in zip(names, session.run(names, feeds))
    ]
    answer = orjson.dumps({"model_name": model, "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(answer, media_type="application/json")


if __name__ == "__main__":
    port, workers = int(os.environ["PORT"]), int(os.environ["WORKERS"])
    uvicorn.run("serve:app", host="127.0.0.1", port=port, workers=workers, access_log=False, log_level="warning")
