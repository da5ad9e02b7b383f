"""One execution environment of Lambda: a process that runs a zip's `bootstrap`, and the Runtime API that gives it events."""

import io
import json
import os
import queue
import stat
import subprocess
import tempfile
import threading
import time
import uuid
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Environment:
    """A process, warm until it ends. It handles one event at a time, as on Lambda; other calls wait.

    `function` is moto's: its zip, its environment variables, its timeout. The Runtime API is that of 2018-06-01, and of the
    Extensions API only as far as a process registers, to be notified of its end."""

    def __init__(self, function, outside: dict[str, str]):
        self.timeout = function.timeout
        self.arn = function.function_arn
        self.described = {"functionName": function.function_name, "functionVersion": str(function.version), "handler": "bootstrap"}
        self.one_at_a_time = threading.Lock()
        self.events: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.replies: dict[str, queue.Queue[tuple[bytes, bool]]] = {}
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

        self.root = tempfile.TemporaryDirectory(prefix="amaas-function-")
        unpack(function.code_bytes, Path(self.root.name))
        self.log = open(Path(self.root.name, ".log"), "w+b")
        self.process = subprocess.Popen(
            [f"{self.root.name}/{function.handler}"], cwd=self.root.name, stdout=self.log, stderr=self.log,
            env={
                **{name: str(value) for name, value in function.environment_vars.items()},
                **outside,
                "LD_LIBRARY_PATH": f"{self.root.name}:{self.root.name}/lib",
                "LAMBDA_TASK_ROOT": self.root.name,
                "_HANDLER": function.handler,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.http.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
                "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
                "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.function_name}",
                "AWS_REGION": function.region,
            },
        )

    def alive(self) -> bool:
        return self.process.poll() is None

    def call(self, event: bytes) -> tuple[bytes, bool, str]:
        """Passes `event`. Returns the reply, whether it is an error, and the log."""
        with self.one_at_a_time:
            begun = self.log.seek(0, os.SEEK_END)
            request = str(uuid.uuid4())
            reply = self.replies[request] = queue.Queue()
            self.events.put((request, event))
            body, failed = self.wait(reply)
            del self.replies[request]
            with open(self.log.name, "rb") as log:
                log.seek(begun)
                return body, failed, log.read().decode(errors="replace")

    def wait(self, reply: "queue.Queue[tuple[bytes, bool]]") -> tuple[bytes, bool]:
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            try:
                return reply.get(timeout=0.05)
            except queue.Empty:
                if not self.alive():
                    return json.dumps({"errorType": "Runtime.ExitError", "exitStatus": self.process.returncode}).encode(), True
        self.process.kill()  # as Lambda does
        return json.dumps({"errorType": "Sandbox.Timedout", "seconds": self.timeout}).encode(), True


def handler(environment: Environment) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            if "/extension/" in self.path:  # an extension waits for its next event until the process ends
                threading.Event().wait()
            request, event = environment.events.get()
            self.answer(200, event, {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": request,
                "Lambda-Runtime-Deadline-Ms": str(int((time.time() + environment.timeout) * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": environment.arn,
            })

        def do_POST(self):
            body = self.body()
            if self.path.endswith("/extension/register"):
                self.answer(200, json.dumps(environment.described).encode(), {"Lambda-Extension-Identifier": str(uuid.uuid4())})
                return
            self.answer(202, b"", {})
            # /2018-06-01/runtime/invocation/REQUEST/response or …/error; without a request: the start itself failed
            parts = self.path.split("/")
            waiting = environment.replies.get(parts[4]) if len(parts) > 5 else next(iter(environment.replies.values()), None)
            if waiting is not None:
                waiting.put((body, self.path.endswith("/error")))

        def answer(self, status: int, body: bytes, headers: dict[str, str]):
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

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

    return Handler


def unpack(code: bytes, root: Path):
    """Unpacks with the permission bits of the zip, which `extractall` drops: an unset x bit must fail here too."""
    with zipfile.ZipFile(io.BytesIO(code)) as package:
        for entry in package.infolist():
            path = package.extract(entry, root)
            mode = stat.S_IMODE(entry.external_attr >> 16)
            if mode and not entry.is_dir():
                os.chmod(path, mode)
