"""Embeddings of texts behind FastAPI: tokenizers, an ONNX network, mean pooling and normalisation, one process a core.

EXPORT (a folder), PORT, WORKERS and THREADS (of ONNX Runtime, in each process) come from the environment.
"""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from tokenizers import Tokenizer

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ["THREADS"])
# Spinning threads would take the cores that read and answer requests.
options.add_session_config_entry("session.intra_op.allow_spinning", "0")


@contextlib.asynccontextmanager
async def load(app: FastAPI):
    folder = Path(os.environ["EXPORT"])
    app.state.session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    app.state.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    longest = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    app.state.tokenizer.enable_truncation(longest)
    app.state.tokenizer.enable_padding()  # to the longest text of the call
    yield


app = FastAPI(lifespan=load)


@app.post("/v1/models/{model}/predict")
async def predict(model: str, request: Request) -> Response:
    call = orjson.loads(await request.body())
    # In the event loop: the network has the core anyway.
    texts = app.state.tokenizer.encode_batch_fast(call["inputs"])
    mask = np.array([text.attention_mask for text in texts], np.int64)
    feeds = {
        "input_ids": np.array([text.ids for text in texts], np.int64),
        "attention_mask": mask,
        "token_type_ids": np.array([text.type_ids for text in texts], np.int64),
    }
    (hidden,) = app.state.session.run(["last_hidden_state"], feeds)
    weights = mask[:, :, None].astype(np.float32)
    pooled = (hidden * weights).sum(axis=1) / weights.sum(axis=1)
    vectors = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    answer = orjson.dumps({"model_name": model, "predictions": vectors}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(answer, media_type="application/json")


if __name__ == "__main__":
    port, workers = int(os.environ["PORT"]), int(os.environ["WORKERS"])
    uvicorn.run("texts:app", host="127.0.0.1", port=port, workers=workers, access_log=False, log_level="warning")
