"""The kit's command line and output."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from case import CASES, Case, Fault, Level
from datatypes import TABLE
from drivers import DRIVERS, load, unreachable
from score import Result, as_json, judge, table, told
from target import Target

FAILED, USAGE, MISSING = 1, 2, 77


def main() -> int:
    if sys.argv[1:2] == ["models"]:
        return models(sys.argv[2:])
    options = arguments()
    target = Target(options.url.rstrip("/"), options.grpc, dict(options.header), frozenset(options.assume))
    if absent := not_served(target):
        print(f"the server at {target.url} does not serve {', '.join(absent)}", file=sys.stderr)
        return USAGE
    results = one(options, target) if len(options.driver) == 1 else each(options)
    if isinstance(results, int):
        return results
    return report(options, results)


def one(options: argparse.Namespace, target: Target) -> list[Result] | int:
    """The cases of the one driver."""
    (driver,) = options.driver
    # `kserve` reads the arguments of the importing program.
    del sys.argv[1:]
    try:
        load(driver)
    except ModuleNotFoundError as error:
        print(f"{sys.executable} has no package that {driver} needs: {error}", file=sys.stderr)
        return MISSING
    if why := unreachable(driver, target):
        print(why, file=sys.stderr)
        return USAGE
    return [judge(case, target) for case in CASES if wanted(case, options)]


def each(options: argparse.Namespace) -> list[Result] | int:
    """Every driver in a process of its own: two of them define messages of the same names."""
    shared = [word for word in sys.argv[1:] if word != "--json"]
    results = []
    for driver in options.driver:
        command = [sys.executable, str(Path(__file__).parent), *shared, "--driver", driver, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in (0, FAILED):
            return done.returncode
        results += [Result(**result) for result in json.loads(done.stdout)]
    return results


def report(options: argparse.Namespace, results: list[Result]) -> int:
    if options.json:
        print(json.dumps(as_json(results), ensure_ascii=False, indent=1))
    else:
        for result in results:
            if result.outcome != "passed":
                print(told(result))
        print(table(results))
    failed = any(result.counts or (options.strict and result.outcome == "failed") for result in results)
    return FAILED if failed else 0


def wanted(case: Case, options: argparse.Namespace) -> bool:
    if options.profile == "all":
        return True
    unlisted = case.level == Level.EXTENSION and case.needs is None
    return case.needs in PROFILES[options.profile] and not unlisted


def not_served(target: Target) -> list[str]:
    """The models that the kit requires."""
    needed = ["conformance-add", "conformance-two", "conformance-fixed", "conformance-scalar"]
    try:
        return [model for model in [*needed, *(datatype.model for datatype in TABLE)] if not target.serves(model)]
    except Fault as fault:
        print(f"{target.url}: {fault}", file=sys.stderr)
        sys.exit(USAGE)


def models(folder: list[str]) -> int:
    if len(folder) != 1 or folder[0].startswith("-"):
        print("usage: python tests/conformance models DIR", file=sys.stderr)
        return USAGE
    try:
        from repository import write  # calling a server needs no onnx
    except ModuleNotFoundError as error:
        print(f"{sys.executable} has no package that writing networks needs: {error}", file=sys.stderr)
        return MISSING
    print("\n".join(write(Path(folder[0]))))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance", description=KIT)
    parser.add_argument("--url", required=True, help="the base URL, without /v2")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="where gRPC is answered, without TLS")
    parser.add_argument(
        "--header", type=header, action="append", default=[], metavar="'NAME: VALUE'", help="sent with every call"
    )
    parser.add_argument(
        "--driver", type=drivers, metavar="NAME,…", help=f"of {', '.join(DRIVERS)}; those that the addresses allow"
    )
    parser.add_argument("--profile", choices=["all", *PROFILES], default="all", help="core is the protocol without extensions")
    parser.add_argument(
        "--assume", action="append", default=[], metavar="EXTENSION", help="hold it to an extension that it does not list"
    )
    parser.add_argument("--strict", action="store_true", help="a SHOULD that fails counts too")
    parser.add_argument("--json", action="store_true", help="print every result")
    options = parser.parse_args()
    if options.driver is None:
        options.driver = [driver for driver in DRIVERS if options.grpc or "grpc" not in driver]
    elif not options.grpc and any("grpc" in driver for driver in options.driver):
        parser.error("a driver of gRPC needs --grpc")
    return options


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise argparse.ArgumentTypeError("expected NAME: VALUE")
    return name.strip(), value.strip()


def drivers(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(DRIVERS):
        raise argparse.ArgumentTypeError(f"no driver {', '.join(sorted(unknown))}")
    return names


KIT = "The conformance kit of the Open Inference Protocol; tests/conformance/README.md says how it is used."
PROFILES: dict[str, set[str | None]] = {"core": {None}, "binary": {None, "binary_tensor_data"}}
