"""`infer` with every datatype, as bytes and as JSON."""

from __future__ import annotations

import functools

import numpy as np
import tritonclient.http as triton

from case import Case, Level, add, case, expect
from classes import EXPECTED_CLASSES
from datatypes import BF16, EVERY, TABLE, Datatype
from drivers.triton_http.client import (
    BINARY,
    BINARY_SECTION,
    EXTENSION,
    FP32,
    JSON_SECTION,
    check,
    client,
    given,
    headers,
    typed,
    wanted,
)
from target import Target


def goes_through(target: Target, datatype: Datatype, binary_in: bool, binary_out: bool) -> None:
    if datatype is BF16:
        target.needs(datatype.model)
    values = datatype.values()
    inputs, outputs = [given("x", datatype, values, binary_in)], wanted("y", binary=binary_out)
    with client(target) as server:
        said = headers(target) if binary_in else typed(target)
        result = server.infer(datatype.model, inputs, outputs=outputs, headers=said)
    check(result, "y", values)


for one in EVERY:
    through = functools.partial(goes_through, datatype=one, binary_in=True, binary_out=True)
    says = f"infer: {one.name} as bytes."
    add(Case(f"triton-http/infer/binary/{one.name.lower()}", says, BINARY_SECTION, EXTENSION, through, BINARY))

for one in TABLE:
    # FP16 need not be taken as JSON, which the driver `rest` looks at.
    if one.name != "FP16":
        through = functools.partial(goes_through, datatype=one, binary_in=False, binary_out=False)
        says = f"infer: {one.name} as JSON."
        add(Case(f"triton-http/infer/json/{one.name.lower()}", says, JSON_SECTION, Level.MUST, through))
        through = functools.partial(goes_through, datatype=one, binary_in=False, binary_out=True)
        says = f"infer: {one.name} as JSON, answered with bytes."
        add(Case(f"triton-http/infer/mixed/{one.name.lower()}", says, BINARY_SECTION, EXTENSION, through, BINARY))


@case(
    "triton-http/classification",
    "infer: class_count gives the largest values of each row as texts value:index, in JSON and as bytes.",
    "extension_classification.md, HTTP/REST",
    EXTENSION,
    "classification",
)
def classes(target: Target) -> None:
    values = np.array([[0.25, 0.5, -1.0], [3.0, 1.0, 2.0]], np.float32)
    with client(target) as server:
        config = server.get_model_config(FP32.model, headers=headers(target))
        for binary in (True, False):
            for count, expected in EXPECTED_CLASSES[config.get("max_batch_size", 0) > 0].items():
                outputs = [triton.InferRequestedOutput("y", binary_data=binary, class_count=count)]
                said = headers(target) if binary else typed(target)
                result = server.infer(FP32.model, [given("x", FP32, values, binary)], outputs=outputs, headers=said)
                got = result.as_numpy("y")
                # Texts in JSON are not decoded by the client.
                texts = [[one.decode() if isinstance(one, bytes) else one for one in row] for row in np.atleast_2d(got)]
                expect(result.get_output("y")["datatype"] == "BYTES", "BYTES", result.get_output("y"))
                expect(texts == expected, f"{expected}", texts)
