"""The users of a deployed stack: publisher, administrator and caller, each with the `amaas` command."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Callable

import boto3

import bridge

WORKSPACE = Path(__file__).resolve().parents[2]
MODEL = WORKSPACE / "functions" / "sentiment" / "model"

# The actor of a command, by the access key that signs its requests. rights.py records actions by that key.
ACTORS = {("publish",): "publisher", ("keys", "signer"): "publisher", ("keys",): "administrator", ("tenants",): "administrator"}


class Caller:
    """Runs `program` with the environment that `amaas env` prints, in its own folder."""

    def __init__(self, program: Path, folder: Path, environment: dict[str, str], session: boto3.Session):
        self.program, self.session = program, session
        self.folder = folder / "caller"
        self.folder.mkdir()
        self.environment = {**environment, "AMAAS_SIGNING_KEY": str(self.folder / "signer.pem")}

    def publisher(self) -> str:
        """The public key of the publisher."""
        return self.amaas("signer", "--create")["publisher"]

    def calls(self, terraform: Path, find: Callable[[str, str], str | None], whole: bool) -> list[str]:
        """Publishes the model, creates a tenant and a key, and calls the function that `find` finds, through a bridge. `whole` is true for an HTTP API."""
        printed = self.run("env", "--terraform", str(terraform), "--model", "sentiment").stdout
        printed_env = dict(line.removeprefix("export ").split("=", 1) for line in printed.splitlines())
        printed_env = {name: shlex.split(value)[0] for name, value in printed_env.items()}
        assert printed_env["AMAAS_ENDPOINT"].startswith("https://"), f"amaas env prints {printed}"
        self.environment.update(printed_env)

        published = self.amaas(
            "publish", str(MODEL / "sentiment.onnx"), "--name", "sentiment", "--task", "sentiment",
            "--asset", str(MODEL / "words.txt"), "--golden", str(MODEL / "golden.json"),
        )
        assert published["manifest"]["version"] == "1", f"published {published}"
        self.amaas("tenants", "create", "acme")
        self.environment["AMAAS_API_KEY"] = self.amaas("keys", "create", "--tenant", "acme")["key"]
        self.environment["AMAAS_SIGNERS"] = self.run("keys", "signer", "sentiment").stdout.strip()

        with bridge.bridge(find, self.session, whole=whole) as endpoint:
            self.environment["AMAAS_ENDPOINT"] = endpoint
            for text, label in (("A wonderful film, moving and funny.", "positive"), ("Dull, endless, a waste of time.", "negative")):
                answer = self.amaas("predict", "sentiment", text, "--receipt", str(self.folder / "receipt.json"))
                assert answer["predictions"][0]["label"] == label, f"{text!r} is {answer}"
            self.amaas("receipt", "verify", str(self.folder / "receipt.json"))
            usage = self.amaas("usage")
            assert usage["total"]["calls"] == usage["total"]["sealed"] == 2, f"usage is {usage}"
            refused = self.run("predict", "sentiment", "A wonderful film.", check=False, AMAAS_API_KEY=self.foreign_key())
            assert refused.returncode == 4, f"a key of another ledger: {refused}"
        return ["sealed calls of the SDK, their receipts and usage", "a refused key"]

    def foreign_key(self) -> str:
        """A key from another ledger."""
        ledger = ["--ledger", f"sqlite:{self.folder}/foreign.sqlite"]
        self.amaas("tenants", "create", "acme", *ledger)
        return self.amaas("keys", "create", "--tenant", "acme", *ledger, "--kms-key", self.environment["AMAAS_KMS_KEY"])["key"]

    def versions(self, find: Callable[[str, str], str | None], calls: int) -> set[str]:
        """The versions of the function that answered `calls` calls."""
        found = set()
        with bridge.bridge(find, self.session, found.add) as endpoint:
            self.environment["AMAAS_ENDPOINT"] = endpoint
            for number in range(calls):
                self.amaas("predict", "sentiment", f"A wonderful film, {number} times.")
        return found

    def amaas(self, *arguments: str) -> dict:
        return json.loads(self.run("--json", *arguments).stdout)

    def run(self, *arguments: str, check: bool = True, **variables: str) -> subprocess.CompletedProcess:
        command = next(argument for argument in arguments if not argument.startswith("--"))
        signed = {"AWS_ACCESS_KEY_ID": ACTORS.get((command, *arguments[arguments.index(command) + 1:][:1]), ACTORS.get((command,), "test"))}
        ran = subprocess.run(
            [self.program, *arguments], cwd=self.folder, env={**self.environment, **signed, **variables}, capture_output=True, text=True, timeout=120,
        )
        assert not check or ran.returncode == 0, f"amaas {' '.join(arguments)} ended with {ran.returncode}: {ran.stdout}{ran.stderr}"
        return ran
