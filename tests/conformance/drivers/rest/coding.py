"""Content codings, which belong to HTTP and to no extension: a server may support none, but must not mishandle them."""

from __future__ import annotations

import functools
import gzip
import json
import zlib
from collections.abc import Callable

import numpy as np

from case import Case, Level, Skip, add, case, expect
from datatypes import NAMED
from target import JSON, Target, holds, infer_path, output, tensor

FP32 = NAMED["FP32"]
VALUES = np.tile(np.array([[1, 2]], np.float32), (2000, 1))
REQUEST = json.dumps({"inputs": [tensor("x", "FP32", VALUES.shape, VALUES.flatten().tolist())]}).encode()
CODINGS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
}


def coded_body(target: Target, coding: str) -> None:
    compress, _ = CODINGS[coding]
    headers = [*JSON, ("Content-Encoding", coding)]
    answer = target.wire.send("POST", infer_path(FP32.model), compress(REQUEST), headers)
    if 400 <= answer.status < 500:
        raise Skip(f"the server takes no bodies in {coding}: status {answer.status}")
    holds(output(answer.okay(), "y"), FP32, VALUES)


def coded_answer(target: Target, coding: str) -> None:
    _, expand = CODINGS[coding]
    headers = [*JSON, ("Accept-Encoding", coding)]
    answer = target.wire.send("POST", infer_path(FP32.model), REQUEST, headers)
    expect(answer.status == 200, "status 200", answer)
    got = answer.headers.get("content-encoding")
    expect(got in (None, "identity", coding), f"an answer in {coding} or in no coding", got)
    body = expand(answer.body) if got == coding else answer.body
    holds(output(json.loads(body), "y"), FP32, VALUES)


for name in CODINGS:
    says = f"A body in {name} is taken."
    check = functools.partial(coded_body, coding=name)
    add(Case(f"rest/coding/{name}/body", says, "RFC 9110 §8.4", Level.SHOULD, check))
    says = f"Whoever takes {name} gets an answer in it, or as it is."
    check = functools.partial(coded_answer, coding=name)
    add(Case(f"rest/coding/{name}/answer", says, "RFC 9110 §12.5.3", Level.MUST, check))


@case("rest/coding/none", "Whoever takes no coding gets none.", "RFC 9110 §12.5.3")
def none(target: Target) -> None:
    answer = target.wire.send("POST", infer_path(FP32.model), REQUEST, [*JSON, ("Accept-Encoding", "identity")])
    got = answer.headers.get("content-encoding")
    expect(got in (None, "identity"), "no coding", got)
    holds(output(answer.okay(), "y"), FP32, VALUES)


@case("rest/coding/unknown", "A body in a coding that nobody has is refused.", "RFC 9110 §8.4", Level.SHOULD)
def unknown(target: Target) -> None:
    answer = target.wire.send("POST", infer_path(FP32.model), REQUEST, [*JSON, ("Content-Encoding", "x-nobody")])
    answer.refused()


@case("rest/coding/broken", "A body that is not in the coding that it names is refused.", "RFC 9110 §8.4", Level.SHOULD)
def broken(target: Target) -> None:
    whole = gzip.compress(REQUEST)
    for body in [REQUEST, whole[: len(whole) // 2], whole[:-8] + b"\0" * 8]:
        target.wire.send("POST", infer_path(FP32.model), body, [*JSON, ("Content-Encoding", "gzip")]).refused()
    target.alive()


@case(
    "rest/coding/bomb",
    "A small body that becomes a huge one is refused, and does no harm.",
    "RFC 9110 §15.5.14",
    Level.SHOULD,
)
def bomb(target: Target) -> None:
    body = gzip.compress(b" " * (256 << 20), compresslevel=1)
    answer = target.wire.send("POST", infer_path(FP32.model), body, [*JSON, ("Content-Encoding", "gzip")])
    answer.refused()
    target.alive()
