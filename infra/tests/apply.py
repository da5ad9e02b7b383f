#!/usr/bin/env python3
"""Applies an example to a local moto server, checks the resources, calls it, plans again (nothing may change), and destroys it. In `minimal` the
table and then the bucket first refuse a destroy, which must not change the keys, the bucket and their settings.

Nothing outside this machine is called: every AWS_ variable of the caller is dropped and every AWS endpoint is moto's.
Needs terraform on PATH and the packages of requirements.txt.

Use: apply.py {minimal|complete} (--package ZIP --amaas PROGRAM | --stand-in) [--mode …] [--authorization …]
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

import bridge
import rights
from caller import Caller
from deployed import Stack, equal
from empty import left_over

TESTS = Path(__file__).resolve().parent
REGION = "eu-central-1"
# The public key of RFC 8032, section 7.1, test 1, for runs without a publisher.
PUBLISHER = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
# Measured on two cores, with two examples at once: init 2 s, apply 100 s, plan 10 s, destroy 40 s. Some of the provider's waiters
# hang forever on moto.
SECONDS = {"init": 120, "apply": 240, "output": 30, "show": 60, "plan": 180, "destroy": 400}


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `finally` block runs
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="amaas-infra-") as folder, moto(Path(folder)) as endpoint:
        os.environ.update(aws_environment(endpoint))  # read by every boto3 client
        try:
            said = trial(options, Path(folder))
        except (AssertionError, BotoCoreError, ClientError) as error:
            print(f"apply.py: FAILED: {options.example}: {error}", file=sys.stderr)
            return 1
    print(f"apply.py: ok: {options.example}: {', '.join(said)}; {time.monotonic() - started:.0f} s")
    return 0


def trial(options: argparse.Namespace, folder: Path) -> list[str]:
    """Runs the example's life cycle. Returns the steps."""
    session = boto3.Session(region_name=REGION)
    package = folder / "package.zip"
    if options.stand_in:
        pack_stand_in(package)
    else:
        shutil.copyfile(options.package, package)
    caller = None if options.stand_in else Caller(options.amaas, folder, clean_environment() | aws_environment(os.environ["AWS_ENDPOINT_URL"]), session)
    publisher = PUBLISHER if caller is None else caller.publisher()
    terraform = Terraform(options.example, folder, {
        "region": REGION,
        "offline": "true",
        "package": str(package),
        "publishers": json.dumps([publisher]),
        "architecture": architecture(package),
        **variables(options),
    })
    terraform.run("init", "-backend=false")
    before = left_over(session)
    said = []
    terraform.run("apply", "-auto-approve")
    stack = Stack(session, terraform.outputs(), package, publisher, options.example, options.mode, options.authorization)
    for check in stack.checks():
        check()
        said.append(check.__name__)
    role = json.dumps(session.client("iam").get_role_policy(RoleName=stack.name, PolicyName="serve")["PolicyDocument"])
    terraform.empty_plan()
    said.append("empty second plan")
    if caller is not None and not (options.example == "minimal" and options.mode == "OFF"):
        find = bridge.of_url(session, stack.name) if options.example == "minimal" else bridge.of_api(session, stack.outputs["api_id"])
        said += caller.calls(terraform.directory, find, whole=options.example == "complete")
        if options.example == "complete":
            said += canary(terraform, stack, caller, find)
    if options.example == "minimal":
        said += refused_destroys(terraform, stack)
    terraform.run("destroy", "-auto-approve")
    after = left_over(session)
    assert after == before, f"destroy left {sorted(after - before)}"
    return said + ["destroy that leaves nothing", *rights_of_actors(stack, folder / "asked.jsonl", role)]


def rights_of_actors(stack: Stack, asked: Path, role: str) -> list[str]:
    """Each actor requested only actions that its policy, or the function's role, allows."""
    policies = stack.outputs["policies"]
    documents = {
        "operator": policies["operator"].values(),
        "publisher": [policies["publisher"]],
        "administrator": [policies["administrator"]],
        "function": [role],
    }
    said = []
    for actor, actions in sorted(rights.asked_by(asked).items()):
        if actor in documents:
            equal(f"actions of the {actor} that its policy does not allow", rights.not_allowed(actions, *documents[actor]), set())
            said.append(f"{len(actions)} rights of the {actor}")
    return said


def refused_destroys(terraform: "Terraform", stack: Stack) -> list[str]:
    """A refused destroy leaves the keys, the bucket and the table as they were, with their settings."""
    stack.session.client("s3").put_object(Bucket=stack.outputs["bucket"], Key="models/sentiment/kept", Body=b"a model")
    kept = stack.kept()

    refused = terraform.refused_destroy()
    assert "DeletionProtectionEnabled" in refused, f"the table's deletion protection did not refuse the destroy: {refused}"
    equal("resources after a destroy that the table refused", stack.kept(), kept)

    # Without protection the table is deleted, and the bucket's policy refuses before the registry changes.
    terraform.set("ledger", json.dumps({"deletion_protection": False}))
    terraform.run("apply", "-auto-approve", "-target=module.amaas.module.ledger")
    refused = terraform.refused_destroy()
    assert "AccessDenied" in refused, f"the bucket's policy did not refuse the destroy: {refused}"
    equal("resources after a destroy that the bucket refused", stack.kept(), {**kept, "table": None})

    terraform.set("registry", json.dumps({"force_destroy": True}))
    terraform.run("apply", "-auto-approve")
    stack.outputs = terraform.outputs()  # with force_destroy the policy of operators lets them delete models
    return ["a destroy that the table refuses", "a destroy that the bucket refuses"]


def variables(options: argparse.Namespace) -> dict[str, str]:
    """Variables of an example. `minimal` keeps its defaults, which refuse a destroy."""
    if options.example == "minimal":
        return {
            "url": json.dumps({"mode": options.mode, "authorization": options.authorization}),
            "iam": "tenant" if options.authorization == "AWS_IAM" else "ignore",
        }
    # moto has no budget subscribers. examples/complete/tests plans them with a mocked provider.
    return {
        "alarm_emails": json.dumps(["ops@example.com"]),
        "budget": "null",
        "ledger": json.dumps({"deletion_protection": False}),
        "registry": json.dumps({"force_destroy": True}),
    }


def canary(terraform: "Terraform", stack: Stack, caller: Caller, find) -> list[str]:
    """A new version gets a share of the calls, and the deployed state machine rolls it back."""
    terraform.set("stable_version", "1")
    terraform.set("canary_weight", "0.5")
    terraform.set("package", str(changed(stack.package)))
    terraform.run("apply", "-auto-approve")
    versions = stack.outputs["versions"]
    answered = caller.versions(find, 24)  # one version alone: one time in eight million
    assert answered == {"1", "2"}, f"with half of the calls for version 2, these answered: {answered}; before: {versions}"
    terraform.empty_plan()

    stack.roll_back()
    answered = caller.versions(find, 6)
    assert answered == {"1"}, f"after the rollback these answered: {answered}"
    return ["a canary that answers its share", "its rollback"]


def changed(package: Path) -> Path:
    """The same package with one more file: other bytes, so another version."""
    copy = package.with_name("changed.zip")
    shutil.copyfile(package, copy)
    with zipfile.ZipFile(copy, "a") as archive:
        archive.writestr("changed", "1")
    return copy


class Terraform:
    """Terraform in a copy of infra/, so that no state or lock file lands in the source tree."""

    def __init__(self, example: str, folder: Path, variables: dict[str, str]):
        ignore = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*", "__pycache__", ".venv")
        shutil.copytree(TESTS.parent, folder / "infra", ignore=ignore)
        self.directory = folder / "infra" / "examples" / example
        self.environment = {**clean_environment(), **aws_environment(os.environ["AWS_ENDPOINT_URL"], "operator"), "TF_IN_AUTOMATION": "1"}
        for name, value in variables.items():
            self.set(name, value)

    def set(self, name: str, value: str):
        self.environment[f"TF_VAR_{name}"] = value

    def outputs(self) -> dict:
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}

    def empty_plan(self):
        """Exit code 2: something would change."""
        self.run("plan", "-detailed-exitcode")

    def refused_destroy(self) -> str:
        """The error of a refused destroy."""
        return self.run("destroy", "-auto-approve", code=1).partition("\nError: ")[2]

    def run(self, command: str, *flags: str, code: int = 0) -> str:
        interactive = [] if command in ("output", "show") else ["-input=false"]
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
        assert process.returncode == code, f"terraform {command} ended with {process.returncode}, expected {code}:\n{output}"
        print(f"apply.py: {self.directory.name}: terraform {command}: {time.monotonic() - started:.1f} s", flush=True)
        return output


@contextmanager
def moto(temporary: Path):
    """A moto server on a free port: a process in its own group, ended by its id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    with open(temporary / "moto.log", "w+") as log:
        server = subprocess.Popen(
            [sys.executable, str(TESTS / "server.py"), str(port), str(temporary / "asked.jsonl")],
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
    """The caller's environment without variables that could lead to a real account or change the run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR"))}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def aws_environment(endpoint: str, actor: str = "test") -> dict[str, str]:
    """Credentials of a local account, for an actor."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": actor,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


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
    parser = argparse.ArgumentParser(description="Applies an example to a local moto server and checks it.")
    parser.add_argument("example", choices=["minimal", "complete"])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--package", type=Path, help="zip made by `amaas package sentiment`")
    source.add_argument("--stand-in", action="store_true", help="use a small script in place of a package, and call nothing")
    parser.add_argument("--amaas", type=Path, help="the `amaas` program, which publishes and calls; needed with --package")
    parser.add_argument("--mode", default="BUFFERED", choices=["BUFFERED", "RESPONSE_STREAM", "OFF"], help="of the URL in minimal")
    parser.add_argument("--authorization", default="NONE", choices=["NONE", "AWS_IAM"], help="of the URL in minimal")
    options = parser.parse_args()
    if options.package and not zipfile.is_zipfile(options.package):
        parser.error(f"{options.package} is not a zip: run `amaas package sentiment` first")
    if options.package and not (options.amaas and os.access(options.amaas, os.X_OK)):
        parser.error("--package needs --amaas with the path of the program")
    if options.amaas:
        options.amaas = options.amaas.resolve()
    return options


if __name__ == "__main__":
    sys.exit(main())
