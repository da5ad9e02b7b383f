"""The server under test, and its metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from case import Fault, Skip, expect
from datatypes import Datatype, flat, same
from wire import Answer, Headers, Wire


@dataclass(frozen=True)
class Target:
    """Its address, the headers of every call, and extensions to test although it does not announce them."""

    url: str
    grpc: str | None
    headers: dict[str, str]
    assumed: frozenset[str]

    @cached_property
    def wire(self) -> Wire:
        return Wire(self.url, list(self.headers.items()))

    @cached_property
    def extensions(self) -> frozenset[str]:
        """The extensions that `GET /v2` lists, and the assumed ones."""
        answer = self.wire.get("/v2")
        listed = answer.json().get("extensions", []) if answer.status == 200 else []
        return self.assumed | frozenset(listed)

    @cached_property
    def metadata_of_calls(self) -> list[tuple[str, str]]:
        """The headers as gRPC writes them."""
        return [(name.lower(), value) for name, value in self.headers.items()]

    def announces(self, extension: str) -> None:
        if extension not in self.extensions:
            raise Skip(f"`GET /v2` does not list the extension {extension!r}")

    def serves(self, model: str) -> bool:
        return self.wire.get(f"/v2/models/{model}/ready").status == 200

    def needs(self, model: str) -> None:
        """Skips a case whose model not every server can have."""
        if not self.serves(model):
            raise Skip(f"the server has no model {model!r}")

    def metadata(self, model: str) -> Any:
        return self.wire.get(f"/v2/models/{model}").okay()

    def version(self, model: str) -> str:
        """A version that exists."""
        versions = self.metadata(model).get("versions")
        if not versions:
            raise Skip("the metadata name no versions, which are optional")
        return str(versions[0])

    def post(self, model: str, request: Any, headers: Headers = (), version: str | None = None) -> Answer:
        """An inference request, as JSON or as bytes, which may be invalid."""
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        return self.wire.send("POST", infer_path(model, version), body, [*JSON, *headers])

    def infer(self, model: str, request: Any, version: str | None = None) -> Any:
        """The good answer to a request."""
        return self.post(model, request, version=version).okay()

    def alive(self) -> None:
        """Asserts that a good call succeeds after any other call."""
        answer = self.infer("conformance-add", ADDITION)
        expect(flat(answer["outputs"][0]["data"]) == [11, 22], "that the next good call is answered", answer)


def infer_path(model: str, version: str | None = None) -> str:
    return f"/v2/models/{model}{f'/versions/{version}' if version else ''}/infer"


def tensor(name: str, datatype: str, shape: Sequence[int], data: Any) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "datatype": datatype, "data": data}


def output(answer: Any, name: str) -> Any:
    """The only output called `name`, with all required members."""
    found = [output for output in answer.get("outputs", []) if output.get("name") == name]
    expect(len(found) == 1, f"one output {name!r}", answer)
    expect(isinstance(found[0].get("shape"), list), "a shape", found[0])
    return found[0]


def holds(found: Any, datatype: Datatype, expected: Any) -> None:
    """Asserts that an output in JSON equals the array `expected`."""
    expect(found.get("datatype") == datatype.name, f"datatype {datatype.name}", found)
    expect(found["shape"] == list(expected.shape), f"shape {list(expected.shape)}", found)
    try:
        got = datatype.array(flat(found.get("data", [])), expected.shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise Fault(f"{expected.size} values of {datatype.name}", f"{error}: {found}") from error
    expect(same(got, expected), f"the values {expected.tolist()}", found)


JSON: Headers = (("Content-Type", "application/json"),)
ADDITION = {"inputs": [tensor("a", "FP32", [1, 2], [1, 2]), tensor("b", "FP32", [1, 2], [10, 20])]}
