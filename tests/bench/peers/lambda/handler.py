"""An ONNX network as a Python Lambda function: downloaded from S3 while the process starts, as most people write it.

BUCKET, KEY and THREADS come from the environment; the session is made of a file, which is what ONNX Runtime loads fastest.
"""

import json
import os
import tempfile

import boto3
import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ["THREADS"])
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "network.onnx")
    # boto3's own transfer: parts of 8 MB, ten at a time.
    boto3.client("s3").download_file(os.environ["BUCKET"], os.environ["KEY"], path)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]


def handle(event: dict, context: object) -> dict:
    call = json.loads(event["body"])
    feeds = {each["name"]: np.array(each["data"], np.int64).reshape(each["shape"]) for each in call["inputs"]}
    outputs = [
        {"name": name, "datatype": "FP32", "shape": value.shape, "data": value.reshape(-1).tolist()}
        for name, value in zip(names, session.run(names, feeds))
    ]
    body = json.dumps({"model_name": os.environ["AWS_LAMBDA_FUNCTION_NAME"], "outputs": outputs})
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
