"""`infer` with every datatype, as bytes and as JSON."""

from __future__ import annotations

import functools

from case import Case, Level, add
from datatypes import BF16, EVERY, TABLE, Datatype
from drivers.triton_http.client import (
    BINARY,
    BINARY_SECTION,
    EXTENSION,
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
