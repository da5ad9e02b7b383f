#!/usr/bin/env python3
"""Applies examples/minimal to a local moto server, checks what was made, plans again (nothing may change), destroys it.

Nothing outside this machine is called: every AWS_ variable of the caller is dropped and every AWS endpoint is moto's.
Needs terraform on PATH and the packages of requirements.txt.

Use: apply.py (--package ZIP | --stand-in) [--invoke] [--mode BUFFERED|RESPONSE_STREAM|OFF] [--authorization NONE|AWS_IAM]
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deployed import Stack

TESTS = Path(__file__).resolve().parent
REGION = "eu-central-1"
# The public key of RFC 8032, section 7.1, test 1: nobody publishes here.
PUBLISHER = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
# Measured on two cores: init 1 s, apply 60 s, plan 5 s, destroy 15 s. Some of the provider's waiters hang on moto for ever.
SECONDS = {"init": 120, "apply": 300, "output": 30, "plan": 120, "destroy": 300}


def main() -> int:
    options = arguments()
    iam = "tenant" if options.authorization == "AWS_IAM" else "ignore"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `finally` runs
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="amaas-infra-") as temporary, moto(Path(temporary)) as endpoint:
        package = Path(temporary, "package.zip")
        if options.stand_in:
            pack_stand_in(package)
        else:
            shutil.copyfile(options.package, package)
        terraform = Terraform(Path(temporary), endpoint, {
            "region": REGION,
            "offline": "true",
            "package": str(package),
            "publishers": json.dumps([PUBLISHER]),
            "architecture": architecture(package),
            "ledger": json.dumps({"deletion_protection": False}),
            "url": json.dumps({"mode": options.mode, "authorization": options.authorization}),
            "iam": iam,
        })
        try:
            checks = trial(terraform, options, iam, package, endpoint)
        except (AssertionError, BotoCoreError, ClientError) as error:
            print(f"apply.py: FAILED: {error}", file=sys.stderr)
            return 1
    print(f"apply.py: ok: apply, {', '.join(checks)}, empty second plan, destroy; {time.monotonic() - started:.0f} s")
    return 0


def trial(terraform: "Terraform", options: argparse.Namespace, iam: str, package: Path, endpoint: str) -> list[str]:
    terraform.run("init", "-backend=false")
    terraform.run("apply", "-auto-approve")
    try:
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        os.environ["AWS_ENDPOINT_URL"] = endpoint  # read by every boto3 client
        outputs = {name: output["value"] for name, output in json.loads(terraform.run("output", "-json")).items()}
        stack = Stack(outputs, package, options.mode, options.authorization, iam, PUBLISHER, session)
        checks = [stack.function, stack.url, stack.role, stack.bucket, stack.ledger] + ([stack.live] if options.invoke else [])
        for check in checks:
            check()
        terraform.run("plan", "-detailed-exitcode")  # exit code 2: something would change
    finally:
        terraform.run("destroy", "-auto-approve")
    buckets = session.client("s3").list_buckets()["Buckets"]
    functions = session.client("lambda").list_functions()["Functions"]
    tables = session.client("dynamodb").list_tables()["TableNames"]
    assert not buckets and not functions and not tables, f"destroy left {buckets} {functions} {tables}"
    return [check.__name__ for check in checks]


class Terraform:
    """Terraform in a copy of infra/, so that no state or lock file lands in the source tree."""

    def __init__(self, temporary: Path, endpoint: str, variables: dict[str, str]):
        ignore = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "__pycache__", ".venv")
        shutil.copytree(TESTS.parent, temporary / "infra", ignore=ignore)
        self.directory = temporary / "infra" / "examples" / "minimal"
        self.environment = {
            **clean_environment(),
            **{f"TF_VAR_{name}": value for name, value in variables.items()},
            "TF_IN_AUTOMATION": "1",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def run(self, command: str, *flags: str) -> str:
        interactive = [] if command == "output" else ["-input=false"]
        started = time.monotonic()
        process = subprocess.Popen(
            ["terraform", command, "-no-color", *interactive, *flags],
            cwd=self.directory, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        try:
            output, _ = process.communicate(timeout=SECONDS[command])
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # Terraform then stops its providers itself
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            raise AssertionError(f"terraform {command} took longer than {SECONDS[command]} s") from None
        assert process.returncode == 0, f"terraform {command} ended with {process.returncode}:\n{output}"
        print(f"apply.py: terraform {command}: {time.monotonic() - started:.1f} s", flush=True)
        return output


@contextmanager
def moto(temporary: Path):
    """A moto server on a free port: a process of our own, in a group of its own, ended by its own id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    with open(temporary / "moto.log", "w+") as log:
        server = subprocess.Popen(
            [sys.executable, str(TESTS / "server.py"), str(port)],
            env=clean_environment(), stdout=log, stderr=log, start_new_session=True,
        )
        try:
            for _ in range(300):
                if server.poll() is not None:
                    raise SystemExit(f"apply.py: moto did not start:\n{(temporary / 'moto.log').read_text()}")
                try:
                    urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.2)
            else:
                raise SystemExit("apply.py: moto did not answer within a minute")
            yield endpoint
        finally:
            try:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(10)
            except ProcessLookupError:
                pass
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def clean_environment() -> dict[str, str]:
    """The caller's environment without anything that could lead to a real account or change the run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR"))}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def architecture(package: Path) -> str:
    """The instruction set in the ELF header of `bootstrap`; x86_64 for a script."""
    with zipfile.ZipFile(package) as archive:
        header = archive.open("bootstrap").read(20)
    return "arm64" if header[:4] == b"\x7fELF" and int.from_bytes(header[18:20], "little") == 0xB7 else "x86_64"


def pack_stand_in(package: Path):
    with zipfile.ZipFile(package, "w") as archive:
        for name, content in (("bootstrap", (TESTS / "stand_in.py").read_bytes()), ("lib/libonnxruntime.so", b"stand-in")):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, content)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Applies examples/minimal to a local moto server and checks it.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--package", type=Path, help="zip made by `amaas package sentiment`")
    source.add_argument("--stand-in", action="store_true", help="use a small script in place of a package")
    parser.add_argument("--invoke", action="store_true", help="also run the deployed bootstrap and ask /v2/health/live")
    parser.add_argument("--mode", default="BUFFERED", choices=["BUFFERED", "RESPONSE_STREAM", "OFF"])
    parser.add_argument("--authorization", default="NONE", choices=["NONE", "AWS_IAM"])
    options = parser.parse_args()
    if options.package and not zipfile.is_zipfile(options.package):
        parser.error(f"{options.package} is not a zip: run `amaas package sentiment` first")
    return options


if __name__ == "__main__":
    sys.exit(main())
