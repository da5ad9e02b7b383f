"""Faulty and hostile calls: the server answers an error in the protocol's shape, and the next call succeeds."""

from __future__ import annotations

import functools
import json
import struct

from case import Case, add, case, expect
from datatypes import NAMED
from drivers.rest.binary import announced
from drivers.rest.wrong import (
    BYTES,
    DATA,
    ERROR,
    FOUR,
    HEAD,
    INPUT,
    MUST,
    REQUEST,
    SHOULD,
    TYPES,
    A,
    B,
    behind,
    first,
    length,
    pair,
    request,
    text,
    value,
)
from target import ADDITION, Target, infer_path, tensor

WRONG = [
    # The body as a whole.
    text("body/empty", "No body at all.", REQUEST, MUST, b""),
    text("body/truncated", "JSON that ends too early.", REQUEST, MUST, json.dumps(ADDITION)[:-5]),
    text("body/more", "Something behind the JSON.", "RFC 8259 §2", MUST, json.dumps(ADDITION) + "}"),
    text("body/list", "A list where the object should be.", REQUEST, MUST, "[]"),
    text("body/null", "null where the object should be.", REQUEST, MUST, "null"),
    text("body/zeros", "1 KiB of zero bytes.", REQUEST, MUST, b"\0" * 1024),
    text(
        "body/utf8",
        "A string that is not UTF-8.",
        "RFC 8259 §8.1",
        SHOULD,
        json.dumps({"id": "?", **ADDITION}).encode().replace(b"?", b"\xff"),
    ),
    text("body/deep", "Lists in lists, 100,000 deep.", INPUT, MUST, "[" * 100_000),
    # The request's members.
    request("inputs/none", "No inputs.", REQUEST, MUST, inputs=None),
    request("inputs/empty", "An empty list of inputs.", REQUEST, MUST, inputs=[]),
    request("inputs/object", "Inputs that are no list.", REQUEST, MUST, inputs={"a": A, "b": B}),
    request("inputs/null", "An input that is null.", INPUT, MUST, inputs=[A, None]),
    request(
        "inputs/missing",
        "An input that the model takes is missing.",
        "inference_rest.md, Model Metadata Response JSON Object",
        MUST,
        inputs=[A],
    ),
    request("inputs/unknown", "An input that the model has not.", INPUT, SHOULD, inputs=[A, B, {**A, "name": "c"}]),
    request("inputs/twice", "An input that comes twice.", INPUT, SHOULD, inputs=[A, B, A]),
    request(
        "inputs/case",
        "An input in other letters: names are case-sensitive.",
        "required_api.md, HTTP/REST",
        MUST,
        inputs=[{**A, "name": "A"}, B],
    ),
    request(
        "outputs/unknown",
        "An output that the model has not.",
        "inference_rest.md, Request Output",
        MUST,
        outputs=[{"name": "nothing"}],
    ),
    request("outputs/name", "An output without a name.", "inference_rest.md, Request Output", MUST, outputs=[{}]),
    request("id/number", "An id that is a number.", REQUEST, SHOULD, id=42),
    # An input's members.
    first("input/name", "An input without a name.", INPUT, MUST, name=None),
    first("input/shape", "An input without a shape.", INPUT, MUST, shape=None),
    first("input/datatype", "An input without a datatype.", INPUT, MUST, datatype=None),
    first("input/data", "An input without data.", INPUT, MUST, data=None),
    first("datatype/unknown", "A datatype that is in no table.", TYPES, MUST, datatype="FLOAT"),
    first(
        "datatype/case",
        "A datatype in small letters: names are case-sensitive.",
        "required_api.md, HTTP/REST",
        MUST,
        datatype="fp32",
    ),
    first("datatype/other", "A datatype that is not the model's.", TYPES, SHOULD, datatype="INT64"),
    first("shape/negative", "A negative dimension.", INPUT, MUST, shape=[-1, 2]),
    first("shape/both", "Two negative dimensions, whose product is right.", INPUT, MUST, shape=[-1, -2]),
    first("shape/fraction", "A dimension with a fraction.", INPUT, MUST, shape=[1.5, 2]),
    first("shape/text", "A dimension that is a string.", INPUT, MUST, shape=["x", 2]),
    first("shape/huge", "A dimension of 2^64, which no unsigned 64-bit number is.", INPUT, MUST, shape=[1 << 64, 2]),
    first(
        "shape/overflow",
        "Dimensions whose product is 2^64 + 2 where numbers end at 2^64.",
        INPUT,
        MUST,
        shape=[(1 << 63) + 1, 2],
    ),
    first(
        "shape/zero", "Dimensions whose product overflows to 0, and no data.", INPUT, MUST, shape=[1 << 32, 1 << 32], data=[]
    ),
    first("shape/memory", "A shape of 4 TiB with two values.", INPUT, MUST, shape=[1 << 39, 2]),
    first(
        "shape/rank",
        "A shape of another rank than the model's.",
        "inference_rest.md, Model Metadata Response JSON Object",
        MUST,
        shape=[2],
    ),
    first("shape/deep", "A shape of 10,000 dimensions.", INPUT, MUST, shape=[1] * 10_000),
    first(
        "shape/fixed",
        "Another size than the one that is fixed.",
        "inference_rest.md, Model Metadata Response JSON Object",
        MUST,
        shape=[1, 3],
        data=[1, 2, 3],
    ),
    first("data/short", "Fewer values than the shape has.", INPUT, MUST, data=[1]),
    first("data/long", "More values than the shape has.", INPUT, MUST, data=[1, 2, 3]),
    first("data/object", "Data that are an object.", DATA, MUST, data={"0": 1, "1": 2}),
    first("data/text", "Data that are a string.", DATA, MUST, data="12"),
    first("data/null", "A value that is null.", DATA, SHOULD, data=[1, None]),
    text(
        "data/ragged",
        "Rows of 3 and of 1 for two rows of 2.",
        DATA,
        SHOULD,
        json.dumps({"inputs": [tensor("a", "FP32", [2, 2], [[1, 2, 3], [4]]), tensor("b", "FP32", [2, 2], [1, 2, 3, 4])]}),
    ),
    text(
        "data/rows",
        "Rows of 2 and of 1 for two rows of 2.",
        INPUT,
        MUST,
        json.dumps({"inputs": [tensor("a", "FP32", [2, 2], [[1, 2], [3]]), tensor("b", "FP32", [2, 2], [1, 2, 3, 4])]}),
    ),
    text(
        "data/deep",
        "Data in 100,000 lists.",
        INPUT,
        MUST,
        f'{{"inputs":[{{"name":"x","shape":[1,1],"datatype":"FP32","data":{"[" * 100_000}1{"]" * 100_000}}}]}}',
        NAMED["FP32"].model,
    ),
    # Values.
    value("value/uint8", "300 for UINT8: an error, never 44.", "UINT8", "300"),
    value("value/negative", "-1 for UINT8.", "UINT8", "-1"),
    value("value/int8", "128 for INT8.", "INT8", "128"),
    value("value/int64", "2^63 for INT64.", "INT64", "9223372036854775808"),
    value("value/uint64", "2^64 for UINT64.", "UINT64", "18446744073709551616"),
    value("value/fraction", "1.5 for INT32.", "INT32", "1.5"),
    value("value/fp32", "1e39 for FP32.", "FP32", "1e39"),
    value("value/fp64", "1e400 for FP64.", "FP64", "1e400"),
    value("value/nan", "NaN, which is no JSON, for INT32.", "INT32", "NaN"),
    value("value/infinity", "Infinity, which is no JSON, for INT32.", "INT32", "Infinity"),
    value("value/text", "A word for FP32.", "FP32", '"one"'),
    value("value/object", "An object for FP32.", "FP32", "{}"),
    # Bytes after the JSON.
    behind("binary/short", "A tensor whose bytes end too early.", pair(), FOUR[:-1]),
    behind("binary/long", "A byte more than the tensors have.", pair(), FOUR + b"\0"),
    behind("binary/none", "No bytes where there should be some.", pair(), b""),
    behind("binary/size", "A size that is not the shape's.", pair(size_a=4, size_b=12), FOUR),
    behind("binary/size/negative", "A negative size.", pair(size_a=-8, size_b=24), FOUR),
    behind("binary/size/huge", "A size of 2^63 - 8.", pair(size_a=(1 << 63) - 8), FOUR),
    behind("binary/size/wrap", "Sizes whose sum overflows to the right one.", pair(size_a=(1 << 64) - 8, size_b=24), FOUR),
    behind("binary/size/text", "A size that is a string.", pair(parameters={"binary_data_size": "8"}), FOUR),
    behind("binary/shape/negative", "A negative dimension.", pair(shape=[-1, -2]), FOUR),
    behind(
        "binary/shape/overflow", "Dimensions whose product overflows to the right one.", pair(shape=[(1 << 61) + 1, 2]), FOUR
    ),
    behind("binary/both", "Bytes and data for one tensor.", pair(data=[1, 2]), FOUR, level=SHOULD),
    behind("binary/neither", "Neither bytes nor data.", pair(parameters={}), FOUR),
    behind(
        "binary/texts/beyond",
        "An element of BYTES that ends behind its tensor.",
        [announced("x", "BYTES", [1, 1], 8)],
        struct.pack("<I4s", 5, b"abcd"),
        BYTES,
    ),
    behind(
        "binary/texts/huge",
        "An element of BYTES of 4 GiB, of which 4 bytes are there.",
        [announced("x", "BYTES", [1, 1], 8)],
        struct.pack("<I4s", 0xFFFFFFFF, b"abcd"),
        BYTES,
    ),
    behind(
        "binary/texts/length",
        "An element of BYTES whose length has 3 bytes.",
        [announced("x", "BYTES", [1, 1], 3)],
        b"\0\0\0",
        BYTES,
    ),
    behind(
        "binary/texts/few",
        "Fewer elements of BYTES than the shape has.",
        [announced("x", "BYTES", [1, 2], 5)],
        struct.pack("<I1s", 1, b"a"),
        BYTES,
    ),
    behind(
        "binary/texts/many",
        "More elements of BYTES than the shape has.",
        [announced("x", "BYTES", [1, 1], 10)],
        struct.pack("<I1sI1s", 1, b"a", 1, b"b"),
        BYTES,
    ),
    length("header/beyond", "A length of the JSON that is behind the body's end.", "100000"),
    length("header/huge", "A length of 2^64.", "18446744073709551616"),
    length("header/wrap", "A length of 2^32 + 1.", "4294967297"),
    length("header/negative", "A negative length.", "-1"),
    length("header/text", "A length that is no number.", "many"),
    length("header/hex", "A length in another notation.", "0x10"),
    length("header/empty", "A length that is empty.", ""),
    length("header/short", "A length that ends within the JSON.", "5"),
    length("header/long", "A length that takes bytes of the first tensor.", str(len(HEAD) + 8)),
    length("header/twice", "Two lengths.", "1", "2"),
    length("header/none", "No length, though bytes follow."),
]

for wrong in WRONG:
    add(Case(f"rest/refused/{wrong.id}", wrong.says, f"{wrong.section}; {ERROR}", wrong.level, wrong.check, wrong.needs))


def as_callers_fault(target: Target, needs: str | None) -> None:
    if needs:
        target.announces(needs)
    others = []
    for wrong in WRONG:
        if wrong.needs == needs:
            status = wrong.send(target).status
            if status >= 500:
                others.append(f"{wrong.id} {status}")
    expect(not others, "a 4xx status for each", f"{len(others)} with 5xx: {', '.join(others)}")


for name, needs in [("json", None), ("binary", "binary_tensor_data")]:
    says = "What the caller got wrong is answered with 4xx, not with 5xx, which a client may repeat."
    check = functools.partial(as_callers_fault, needs=needs)
    add(Case(f"rest/refused/as-caller/{name}", says, f"{ERROR}; RFC 9110 §15.5, §15.6", SHOULD, check, needs))


@case("rest/refused/model", "A model that nobody has is not called.", ERROR)
def unknown_model(target: Target) -> None:
    target.post("conformance-nobody", ADDITION).refused()


@case("rest/refused/version", "A version that the model has not is not called.", ERROR)
def unknown_version(target: Target) -> None:
    target.version("conformance-add")
    target.post("conformance-add", ADDITION, version="987654").refused()


@case("rest/refused/not-found", "That there is no such model is 404.", "RFC 9110 §15.5.5", SHOULD)
def not_found(target: Target) -> None:
    answer = target.post("conformance-nobody", ADDITION)
    expect(answer.status == 404, "status 404", answer)


@case("rest/refused/method", "Another method than the one of the table is refused.", "inference_rest.md, HTTP/REST", SHOULD)
def method(target: Target) -> None:
    answer = target.wire.get(infer_path("conformance-add"))
    expect(400 <= answer.status < 500, "a 4xx status", answer)


@case("rest/refused/path", "Names of models that are paths, or longer than any name, are refused.", ERROR, SHOULD)
def path(target: Target) -> None:
    for name in ["..%2f..%2fetc%2fpasswd", "%00", "%ff", "x" * 4000]:
        answer = target.post(name, ADDITION)
        expect(400 <= answer.status < 500, "a 4xx status", answer)
    target.alive()


@case("rest/refused/id", "An id of 1 MiB comes back, or is refused.", REQUEST)
def huge_id(target: Target) -> None:
    wanted = "x" * (1 << 20)
    answer = target.post("conformance-add", {**ADDITION, "id": wanted})
    if answer.status == 200:
        expect(answer.json().get("id") == wanted, "the id", "another")
    else:
        answer.refused()
    target.alive()
