"""Starts moto_server with a Lambda that really runs a zip's `bootstrap`.

moto runs functions in Docker. Here it unpacks the uploaded zip, starts `bootstrap` with the function's configured
environment, and hands it one event through a Runtime API on a local port. Each invocation is a cold start: nothing is
kept warm and nothing is left behind. moto reads the alias of Invoke under the wrong name; that is mended as well.

Use: server.py PORT
"""

import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from moto.awslambda.models import LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.server import main


class RuntimeApi:
    """The Lambda Runtime API, version 2018-06-01, for one event, and as much of the Extensions API as lets a process
    register, which it does to be told of its end."""

    def __init__(self, event: bytes, function: LambdaFunction):
        self.reply: tuple[bytes, bool] | None = None  # body, and whether it is an error
        self.done = threading.Event()
        api, taken = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                # An extension waits for its next event, and so does a second `next`, until the process is ended.
                if "/extension/" in self.path or taken.is_set():
                    api.done.wait()
                    self.close_connection = True
                    return
                taken.set()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(event)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + function.timeout) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", function.function_arn)
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self):
                body = self.body()
                if self.path.endswith("/extension/register"):
                    self.send_response(200)
                    self.send_header("Lambda-Extension-Identifier", str(uuid.uuid4()))
                    answer = json.dumps({"functionName": function.function_name, "functionVersion": "1", "handler": "bootstrap"})
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer.encode())
                    return
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                api.finish(body, self.path.endswith("/error"))

            def body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():  # trailers
                    pass
                return body

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = f"127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def finish(self, body: bytes, failed: bool):
        if self.reply is None:
            self.reply = (body, failed)
        self.done.set()

    def close(self):
        self.done.set()
        self.http.shutdown()
        self.http.server_close()


def run(function: LambdaFunction, event=None) -> tuple[str, bool, str]:
    """Runs one event; returns the reply, whether it is an error, and what the function logged."""
    payload = event if isinstance(event, str) else json.dumps(event)
    api = RuntimeApi(payload.encode(), function)
    try:
        with tempfile.TemporaryDirectory(prefix="amaas-function-") as root, tempfile.TemporaryFile() as log:
            unpack(function.code_bytes, Path(root))
            try:
                process = subprocess.Popen(
                    [f"{root}/{function.handler}"], cwd=root, env=environment(function, root, api), stdout=log, stderr=log
                )
            except OSError as error:
                return json.dumps({"errorType": "Runtime.InvalidEntrypoint", "errorMessage": str(error)}), True, ""
            with process:
                try:
                    wait(process, api, function.timeout)
                finally:
                    process.kill()
            log.seek(0)
            body, failed = api.reply
            return body.decode(errors="replace"), failed, log.read().decode(errors="replace")
    finally:
        api.close()


def unpack(code: bytes, root: Path):
    """Unpacks with the permission bits of the zip, which `extractall` drops: an unset x bit must fail here too."""
    with zipfile.ZipFile(io.BytesIO(code)) as package:
        for entry in package.infolist():
            path = package.extract(entry, root)
            mode = stat.S_IMODE(entry.external_attr >> 16)
            if mode and not entry.is_dir():
                os.chmod(path, mode)


def environment(function: LambdaFunction, root: str, api: RuntimeApi) -> dict[str, str]:
    return {
        **{name: str(value) for name, value in function.environment_vars.items()},
        "PATH": os.environ["PATH"],
        "LD_LIBRARY_PATH": f"{root}:{root}/lib",
        "LAMBDA_TASK_ROOT": root,
        "_HANDLER": function.handler,
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_REGION": function.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
        "NO_PROXY": "127.0.0.1",
    }


def wait(process: subprocess.Popen, api: RuntimeApi, timeout: float):
    deadline = time.monotonic() + timeout
    while not api.done.wait(0.05):
        if process.poll() is not None:
            api.finish(json.dumps({"errorType": "Runtime.ExitError", "exitStatus": process.returncode}).encode(), True)
        elif time.monotonic() > deadline:
            api.finish(json.dumps({"errorType": "Sandbox.Timedout", "seconds": timeout}).encode(), True)


def parameter(response: LambdaResponse, name: str, default=None):
    return moto_parameter(response, "Qualifier" if name == "qualifier" else name, default)


moto_parameter = LambdaResponse._get_param
LambdaResponse._get_param = parameter
LambdaFunction._invoke_lambda = run

if __name__ == "__main__":
    PORT = int(sys.argv[1])
    main(["--host", "127.0.0.1", "--port", str(PORT)])
