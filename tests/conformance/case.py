"""A case is data: what is checked, which section says so, how much it binds, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target import Target

Check = Callable[["Target"], None]


class Level(StrEnum):
    """How much a case binds a server."""

    MUST = "MUST"
    """The protocol demands it, or what carries the protocol does (HTTP, JSON)."""
    SHOULD = "SHOULD"
    """The text advises it, or leaves room that a good server does not need."""
    EXTENSION = "EXTENSION"
    """Demanded of servers that announce the extension, of nobody else."""


@dataclass(frozen=True)
class Case:
    """One thing to look at. The first part of `id` names its driver."""

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
    """The server did something else than what is expected of it."""

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = shortened(got)


class Skip(Exception):
    """The case does not apply to this server; the text says why."""


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
