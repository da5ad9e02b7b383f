"""A case is data: the checked behaviour, its section in the specification, its level, and the check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target import Target

Check = Callable[["Target"], None]


class Level(StrEnum):
    """The level of a case."""

    MUST = "MUST"
    """Required by the protocol, HTTP or JSON."""
    SHOULD = "SHOULD"
    """Recommended by the text, or the better of several options."""
    EXTENSION = "EXTENSION"
    """Required of servers that announce the extension only."""


@dataclass(frozen=True)
class Case:
    """One check. The first part of `id` names its driver."""

    id: str
    says: str
    section: str
    level: Level
    check: Check
    needs: str | None = None

    @property
    def driver(self) -> str:
        return self.id.partition("/")[0]


class Fault(Exception):
    """The server's behaviour differs from the expected one."""

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = shortened(got)


class Skip(Exception):
    """The case does not apply to this server; the text has the reason."""


def case(id: str, says: str, section: str, level: Level = Level.MUST, needs: str | None = None) -> Callable[[Check], Check]:
    """Makes the function under it a case."""

    def keep(check: Check) -> Check:
        add(Case(id, says, section, level, check, needs))
        return check

    return keep


def add(made: Case) -> None:
    """Joins a case that is not one function, such as a row of a table."""
    if any(made.id == known.id for known in CASES):
        raise ValueError(f"there are two cases {made.id}")
    CASES.append(made)


def expect(holds: bool, expected: str, got: object) -> None:
    if not holds:
        raise Fault(expected, got)


def shortened(got: object) -> str:
    text = " ".join(str(got).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


CASES: list[Case] = []
SHOWN = 300
