"""The results of the cases, and their table."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from case import Case, Fault, Level, Skip, shortened
from target import Target


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """One line of the score, as `--json` prints it."""

    id: str
    driver: str
    level: str
    says: str
    section: str
    outcome: str
    expected: str = ""
    got: str = ""
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether a required case failed."""
        return self.outcome == Outcome.FAILED and self.level != Level.SHOULD


def judge(case: Case, target: Target) -> Result:
    about = (case.id, case.driver, case.level.value, case.says, case.section)
    try:
        if case.needs:
            target.announces(case.needs)
        case.check(target)
    except Skip as skip:
        return Result(*about, Outcome.SKIPPED.value, reason=str(skip))
    except Fault as fault:
        return Result(*about, Outcome.FAILED.value, fault.expected, fault.got)
    except Exception as error:  # a client that fails in its own way is a failure of the case
        last = traceback.extract_tb(error.__traceback__)[-1]
        return Result(*about, Outcome.FAILED.value, "no error", shortened(f"{type(error).__name__}: {error} ({last.name})"))
    return Result(*about, Outcome.PASSED.value)


def told(result: Result) -> str:
    """The line of a result that is reported."""
    if result.outcome == Outcome.SKIPPED:
        return f"skipped  {result.id}: {result.reason}"
    return (
        f"FAILED   {result.id} ({result.level}; {result.section})\n"
        f"         {result.says}\n         expected {result.expected}\n         got      {result.got}"
    )


def table(results: Sequence[Result]) -> str:
    head = f"{'driver':<12} {'level':<10} {'passed':>6} {'failed':>6} {'skipped':>7}"
    rows = [row(driver, level, results) for driver in drivers(results) for level in Level]
    return "\n".join([head, *filter(None, rows), line("all", "", results)])


def row(driver: str, level: Level, results: Iterable[Result]) -> str:
    here = [result for result in results if (result.driver, result.level) == (driver, level)]
    return line(driver, level, here) if here else ""


def line(driver: str, level: str, results: Sequence[Result]) -> str:
    passed, failed, skipped = (sum(result.outcome == outcome for result in results) for outcome in Outcome)
    return f"{driver:<12} {level:<10} {passed:>6} {failed:>6} {skipped:>7}"


def drivers(results: Iterable[Result]) -> list[str]:
    return list(dict.fromkeys(result.driver for result in results))


def as_json(results: Iterable[Result]) -> list[dict[str, str]]:
    return [asdict(result) for result in results]
