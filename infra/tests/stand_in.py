#!/usr/bin/env python3
"""A `bootstrap` that replaces a real package: it speaks the Runtime API and answers GET /v2/health/live."""

import json
import os
import urllib.request

RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
REQUIRED = ["AMAAS_STORE", "AMAAS_MODEL", "AMAAS_MODEL_VERSION", "AMAAS_EXECUTION_PROVIDERS", "AMAAS_RESPONSE_MODE",
            "AMAAS_KMS_KEY", "AMAAS_PUBLISHERS", "AMAAS_SEALING", "AMAAS_LEDGER"]
STREAM = os.environ["AMAAS_RESPONSE_MODE"] == "stream"


def reply(event: dict) -> dict:
    http = event["requestContext"]["http"]
    found = (http["method"], event["rawPath"]) == ("GET", "/v2/health/live")
    configured = all(name in os.environ for name in REQUIRED) and os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    status = 500 if not configured else 200 if found else 404
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps({"live": status == 200})}


def encode(answer: dict) -> tuple[bytes, dict[str, str]]:
    if not STREAM:
        return json.dumps(answer).encode(), {"Content-Type": "application/json"}
    prelude = json.dumps({key: answer[key] for key in ("statusCode", "headers")}).encode()
    return prelude + bytes(8) + answer["body"].encode(), {
        "Content-Type": "application/vnd.awslambda.http-integration-response",
        "Lambda-Runtime-Function-Response-Mode": "streaming",
    }


while True:
    with urllib.request.urlopen(f"{RUNTIME}/next") as response:
        request_id = response.headers["Lambda-Runtime-Aws-Request-Id"]
        body, headers = encode(reply(json.load(response)))
    urllib.request.urlopen(urllib.request.Request(f"{RUNTIME}/{request_id}/response", body, headers)).close()
