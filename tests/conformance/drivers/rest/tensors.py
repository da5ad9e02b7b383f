"""Every datatype as JSON."""

from __future__ import annotations

from case import Case, Level, add, case
from datatypes import BF16, NAMED, TABLE, Datatype, flat
from target import Target, holds, output, tensor

DATA = "inference_rest.md, Tensor Data"


def goes_through(target: Target, datatype: Datatype) -> None:
    values = datatype.values()
    request = {"inputs": [tensor("x", datatype.name, values.shape, flat(values.tolist()))]}
    holds(output(target.infer(datatype.model, request), "y"), datatype, values)


def goes_through_or_is_refused(target: Target, datatype: Datatype) -> None:
    """The text calls these "problematic to communicate explicitly"."""
    target.needs(datatype.model)
    values = datatype.values()
    answer = target.post(datatype.model, {"inputs": [tensor("x", datatype.name, values.shape, flat(values.tolist()))]})
    if answer.status == 200:
        holds(output(answer.json(), "y"), datatype, values)
    else:
        answer.refused()


for one in TABLE:
    if one.name != "FP16":
        says = f"{one.name} goes through as JSON, its outermost values too."
        check = lambda target, datatype=one: goes_through(target, datatype)  # noqa: E731
        add(Case(f"rest/json/{one.name.lower()}", says, "inference_rest.md, Tensor Data Types", Level.MUST, check))

for one in [NAMED["FP16"], BF16]:
    says = f"{one.name} as JSON goes through, or is refused: never as another number."
    check = lambda target, datatype=one: goes_through_or_is_refused(target, datatype)  # noqa: E731
    add(Case(f"rest/json/{one.name.lower()}", says, DATA, Level.MUST, check))


@case("rest/json/integers", "64-bit integers are not made floating-point numbers on the way.", DATA)
def integers(target: Target) -> None:
    for name, value in [("INT64", 9007199254740993), ("UINT64", 18446744073709551557)]:
        datatype = NAMED[name]
        got = target.infer(datatype.model, {"inputs": [tensor("x", name, [1, 1], [value])]})
        holds(output(got, "y"), datatype, datatype.array([value], [1, 1]))


@case("rest/json/texts", "An element of BYTES may have any length, and any character.", DATA)
def texts(target: Target) -> None:
    datatype = NAMED["BYTES"]
    values = ["x" * 70_000, "\x01\x1f\x7f", "\u2028😀", "a\u0301"]
    got = target.infer(datatype.model, {"inputs": [tensor("x", "BYTES", [2, 2], values)]})
    holds(output(got, "y"), datatype, datatype.array(values, [2, 2]))


@case("rest/json/zero", "An element of BYTES with a zero byte goes through whole, or is refused: never cut.", DATA)
def zero(target: Target) -> None:
    datatype = NAMED["BYTES"]
    answer = target.post(datatype.model, {"inputs": [tensor("x", "BYTES", [1, 1], ["a\x00b"])]})
    if answer.status == 200:
        holds(output(answer.json(), "y"), datatype, datatype.array(["a\x00b"], [1, 1]))
    else:
        answer.refused()


@case("rest/json/zero/whole", "An element of BYTES with a zero byte goes through.", DATA, Level.SHOULD)
def zero_whole(target: Target) -> None:
    datatype = NAMED["BYTES"]
    got = target.infer(datatype.model, {"inputs": [tensor("x", "BYTES", [1, 1], ["a\x00b"])]})
    holds(output(got, "y"), datatype, datatype.array(["a\x00b"], [1, 1]))
