"""Inference in JSON: inputs, outputs, and their form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from case import Level, case, expect
from datatypes import NAMED, flat
from target import ADDITION, JSON, Target, holds, infer_path, output, tensor

REQUEST = "inference_rest.md, Inference Request JSON Object"
RESPONSE = "inference_rest.md, Inference Response JSON Object"
DATA = "inference_rest.md, Tensor Data"
FP32 = NAMED["FP32"]
IDENTITY = FP32.model


def fp32(*rows: Sequence[float]) -> np.ndarray:
    return np.array(rows, np.float32)


@case("rest/infer/answer", "An answer names the model, and each output's name, shape, datatype and data.", RESPONSE)
def answer(target: Target) -> None:
    got = target.infer("conformance-add", ADDITION)
    expect(got.get("model_name") == "conformance-add", "the model's name", got)
    holds(output(got, "sum"), FP32, fp32([11, 22]))


@case(
    "rest/infer/type", "An answer in JSON is `application/json`.", "inference_rest.md, Inference Request Examples", Level.SHOULD
)
def media_type(target: Target) -> None:
    kind = target.post("conformance-add", ADDITION).headers.get("content-type", "")
    expect(kind.split(";")[0].strip() == "application/json", "application/json", kind)


@case("rest/infer/version", "A version that may be asked for answers, and says which it is.", REQUEST)
def version(target: Target) -> None:
    wanted = target.version("conformance-add")
    got = target.infer("conformance-add", ADDITION, wanted)
    expect(got.get("model_version") == wanted, f"model_version {wanted!r}", got)


@case("rest/infer/id", "The id of a request comes back.", REQUEST)
def identifier(target: Target) -> None:
    for wanted in ["42", 'Größe 🎬 "\\\n', "x" * 1000]:
        got = target.infer("conformance-add", {**ADDITION, "id": wanted})
        expect(got.get("id") == wanted, f"id {wanted!r}", got)


@case("rest/infer/outputs/all", "Whoever asks for no outputs gets all of them.", REQUEST)
def all_outputs(target: Target) -> None:
    got = target.infer("conformance-two", {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]})
    expect(len(got["outputs"]) == 2, "two outputs", got)
    holds(output(got, "double"), FP32, fp32([2, 4]))
    holds(output(got, "negative"), FP32, fp32([-1, -2]))


@case("rest/infer/outputs/some", "Whoever asks for one output gets no other.", REQUEST)
def some_outputs(target: Target) -> None:
    for name, value in [("double", 6), ("negative", -3)]:
        request = {"inputs": [tensor("x", "FP32", [1, 2], [3, 3])], "outputs": [{"name": name}]}
        got = target.infer("conformance-two", request)
        expect(len(got["outputs"]) == 1, f"the output {name}", got)
        holds(output(got, name), FP32, fp32([value, value]))


@case("rest/infer/outputs/order", "Outputs come in the order in which they were asked for.", REQUEST, Level.SHOULD)
def ordered_outputs(target: Target) -> None:
    for names in [["double", "negative"], ["negative", "double"]]:
        request = {
            "inputs": [tensor("x", "FP32", [1, 2], [1, 2])],
            "outputs": [{"name": name} for name in names],
        }
        got = target.infer("conformance-two", request)
        expect([output["name"] for output in got["outputs"]] == names, f"{names}", got)


@case("rest/infer/inputs", "Inputs are taken by name, whatever their order.", "inference_rest.md, Request Input")
def inputs(target: Target) -> None:
    a, b = tensor("a", "FP32", [2, 2], [1, 2, 3, 4]), tensor("b", "FP32", [2, 2], [0, 0, 10, 10])
    for given in [[a, b], [b, a]]:
        got = target.infer("conformance-add", {"inputs": given})
        holds(output(got, "sum"), FP32, fp32([1, 2], [13, 14]))


@case("rest/infer/nested", "Data in their natural form and flat are the same.", DATA)
def nested(target: Target) -> None:
    for data in [[1, 2, 4, 5], [[1, 2], [4, 5]]]:
        got = target.infer(IDENTITY, {"inputs": [tensor("x", "FP32", [2, 2], data)]})
        holds(output(got, "y"), FP32, fp32([1, 2], [4, 5]))
    words = [["a", "é"], ["", "\n"]]
    for data in [words, flat(words)]:
        got = target.infer(NAMED["BYTES"].model, {"inputs": [tensor("x", "BYTES", [2, 2], data)]})
        holds(output(got, "y"), NAMED["BYTES"], np.array(words, dtype=np.object_))


@case("rest/infer/batch", "Shape and data are those of the whole batch.", "inference_rest.md, Request Input")
def batch(target: Target) -> None:
    rows = np.arange(2000, dtype=np.float32).reshape(1000, 2)
    got = target.infer(IDENTITY, {"inputs": [tensor("x", "FP32", [1000, 2], rows.flatten().tolist())]})
    holds(output(got, "y"), FP32, rows)


@case(
    "rest/infer/empty",
    "A dimension may be 0, which an unsigned number can be.",
    "inference_rest.md, Request Input",
    Level.SHOULD,
)
def empty(target: Target) -> None:
    for shape in [[0, 4], [4, 0]]:
        got = target.infer(IDENTITY, {"inputs": [tensor("x", "FP32", shape, [])]})
        holds(output(got, "y"), FP32, np.zeros(shape, np.float32))


@case(
    "rest/infer/scalar",
    "A tensor without dimensions has one value, in a list; the shape is the one of the metadata.",
    DATA,
    Level.SHOULD,
)
def scalar(target: Target) -> None:
    shape = target.metadata("conformance-scalar")["inputs"][0]["shape"]
    got = target.infer("conformance-scalar", {"inputs": [tensor("x", "FP32", shape, [41])]})
    expect(flat(output(got, "y")["data"]) == [42], "42", got)


@case("rest/infer/parameters", "Objects of parameters may be there, and be empty.", "inference_rest.md, Parameters")
def parameters(target: Target) -> None:
    nothing: dict[str, str] = {}
    request = {
        "parameters": nothing,
        "inputs": [{**given, "parameters": nothing} for given in ADDITION["inputs"]],
        "outputs": [{"name": "sum", "parameters": nothing}],
    }
    holds(output(target.infer("conformance-add", request), "sum"), FP32, fp32([11, 22]))


@case("rest/infer/json", "JSON is JSON: members in any order, space between, escapes in strings.", "RFC 8259 §2, §4, §7")
def any_json(target: Target) -> None:
    turned = {"inputs": [dict(reversed(given.items())) for given in ADDITION["inputs"]], "id": "7"}
    text = json.dumps(turned, indent=4).replace('"sum"', '"\\u0073um"').replace('"a"', '"\\u0061"')
    got = target.infer("conformance-add", f"\r\n\t {text} \n".encode())
    holds(output(got, "sum"), FP32, fp32([11, 22]))


@case(
    "rest/infer/member",
    "A member that is not in the schema is passed over: the extension's own example has `model_name`.",
    "extension_binary_data.md, Examples",
    Level.SHOULD,
)
def unknown_member(target: Target) -> None:
    got = target.infer("conformance-add", {"model_name": "conformance-add", **ADDITION})
    holds(output(got, "sum"), FP32, fp32([11, 22]))


@case(
    "rest/infer/charset",
    "The media type of JSON may have a parameter.",
    "RFC 9110 §8.3.1",
    Level.SHOULD,
)
def charset(target: Target) -> None:
    body = json.dumps(ADDITION).encode()
    headers = [("Content-Type", "application/json; charset=utf-8")]
    got = target.wire.send("POST", infer_path("conformance-add"), body, headers).okay()
    holds(output(got, "sum"), FP32, fp32([11, 22]))


@case("rest/infer/chunked", "A body may come in chunks, without a length.", "RFC 9112 §7.1")
def chunked(target: Target) -> None:
    body = json.dumps(ADDITION).encode()
    chunks = [body[begin : begin + 7] for begin in range(0, len(body), 7)]
    got = target.wire.chunked(infer_path("conformance-add"), chunks, JSON).okay()
    holds(output(got, "sum"), FP32, fp32([11, 22]))


@case("rest/infer/concurrent", "Calls that come together get each their own answer.", "inference_rest.md, Inference")
def concurrent(target: Target) -> None:
    def call(number: int) -> None:
        rows = fp32(*([number, -number] for _ in range(1 + number % 5)))
        request = {"id": str(number), "inputs": [tensor("x", "FP32", rows.shape, rows.flatten().tolist())]}
        got = target.infer(IDENTITY, request)
        expect(got.get("id") == str(number), f"id {number}", got)
        holds(output(got, "y"), FP32, rows)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(64)))
