#!/usr/bin/env python3
"""Plans each example against a local moto server, and compares the costs at rest in the READMEs with `amaas estimate --plan`: totals, their parts,
and the number of prices of another region. A plan must have no warning.

Use: figures.py --amaas PROGRAM
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apply

README = apply.TESTS.parent / "README.md"
PACKAGE = apply.TESTS.parent / "modules/function/tests/package.zip"
IMAGE = f"123456789012.dkr.ecr.{apply.REGION}.amazonaws.com/match@sha256:{'0' * 64}"

# By example: the name of each plan, and its flags beside the package and the publishers. moto's account differs from that of the files.
ACCOUNT = "-var=account_id=123456789012"
PLANS = {
    "minimal": {"minimal": []},
    "edge": {"edge": []},
    "complete": {"complete": ['-var=alarm_emails=["ops@example.com"]']},
    "private-vpc": {"private-vpc": []},
    "gpu": {"gpu": [f"-var=gpu_image={IMAGE}"]},
    "multi-env": {stage: [f"-var-file=environments/{stage}.tfvars.json", ACCOUNT] for stage in ("staging", "production")},
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares the costs in the READMEs with plans of the examples.")
    parser.add_argument("--amaas", type=Path, required=True, help="the `amaas` program")
    amaas = parser.parse_args().amaas.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends too
    started, wrong = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="amaas-figures-") as folder, apply.moto(Path(folder)) as endpoint:
        os.environ.update(apply.aws_environment(endpoint))
        for example, plans in PLANS.items():
            reports = planned(example, plans, Path(folder) / example, amaas)
            wrong += in_table(example, list(reports.values()))
            wrong += in_text(example, list(reports.values()), ready(amaas))
            print("figures.py:", ", ".join(f"{name} {total(report)}" for name, report in reports.items()), flush=True)
    for fault in wrong:
        print(f"figures.py: FAILED: {fault}", file=sys.stderr)
    if not wrong:
        print(f"figures.py: ok; {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


def planned(example: str, plans: dict[str, list[str]], folder: Path, amaas: Path) -> dict[str, dict]:
    """The report of `amaas estimate` for each plan of an example."""
    folder.mkdir()
    terraform = apply.Terraform(example, folder, {"package": str(PACKAGE), "publishers": json.dumps([apply.PUBLISHER])})
    # Plans without the state of the example's backend.
    (terraform.directory / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    terraform.run("init")
    reports = {}
    for name, flags in plans.items():
        said = terraform.run("plan", "-out=tfplan", *flags)
        assert "Warning:" not in said, f"the plan of {name} warns: {said[said.index('Warning:'):][:400]}"
        reports[name] = estimate(amaas, "--plan", "-", plan=terraform.run("show", "-json", "tfplan"))
    return reports


def estimate(amaas: Path, *flags: str, plan: str = "") -> dict:
    asked = [amaas, "--json", "estimate", *flags, "--calls", "0", "--p50-ms", "12"]
    said = subprocess.run(asked, input=plan, env=apply.clean_environment(), capture_output=True, text=True)
    assert said.returncode == 0, f"amaas estimate ended with {said.returncode}: {said.stderr or said.stdout}"
    return json.loads(said.stdout)


def ready(amaas: Path) -> float:
    """The cost of one provisioned environment, with the memory of the examples."""
    without, with_one = (estimate(amaas, "--memory", "512", "--region", apply.REGION, "--provisioned", number)["total_usd"] for number in ("0", "1"))
    return with_one - without


def in_table(example: str, reports: list[dict]) -> list[str]:
    """Faults in the example's row of infra/README.md."""
    table = README.read_text().split("| USD a month at rest |")[1].split("\n\n")[0]
    (row,) = re.findall(rf"^\| \[`{example}`\][^|]*\| ([^|]+) \| ([^|]+) \|$", table, re.M)
    totals = " / ".join(map(total, reports))
    wrong = [] if re.match(rf"{re.escape(totals)}\b", row[0]) else [f"infra/README.md says that {example} costs {row[0]}, and it is {totals}"]
    return wrong + [f"infra/README.md says {figure} of {example}: {row[1]}" for figure in strange(row[1], reports, [])]


def in_text(example: str, reports: list[dict], environment: float) -> list[str]:
    """Faults in the example's own README."""
    file = f"examples/{example}/README.md"
    text = (apply.TESTS.parent / file).read_text()
    (rest,) = re.findall(r"^\*\*At rest\*\* .*?(?=\n\n)", text, re.M | re.S)
    wrong = [f"{file} does not say {total(report)}" for report in reports if total(report) not in numbers(rest)]
    wrong += [f"{file} says {figure}, which nothing in the estimate costs" for figure in strange(rest, reports, [environment])]
    wrong += [f"{file} says {figure} for a provisioned environment, and it is {environment:.2f}" for figure in re.findall(r"ready, (?:for )?(\d+\.\d\d)", text) if figure != f"{environment:.2f}"]
    for counts in re.findall(r"(\d+) of (\d+) prices us-east-1's", rest):
        borrowed = {(str(sum(price["region"] != report["region"] for price in report["prices"])), str(len(report["prices"]))) for report in reports}
        wrong += [] if borrowed == {counts} else [f"{file} says that {' of '.join(counts)} prices are us-east-1's, and it is {borrowed}"]
    dates = {price["date"] for report in reports for price in report["prices"]}
    return wrong + [f"{file} says {date}, and prices are of {dates}" for date in re.findall(r"\d{4}-\d\d-\d\d", rest) if date not in dates]


def total(report: dict) -> str:
    return f"{report['total_usd']:.2f}"


def numbers(text: str) -> list[str]:
    return re.findall(r"(?<![\d.])\d+\.\d{2,}(?![\d.])", text)


def strange(text: str, reports: list[dict], others: list[float]) -> list[str]:
    """The amounts in a text that are neither a total, nor a part of it, nor a price."""
    known = {f"{amount:.2f}" for amount in others}
    for report in reports:
        parts: dict[str, float] = {}
        for line in report["lines"]:
            for of in {line["price"], line["what"]}:
                parts[of] = parts.get(of, 0) + line["usd"]
        known |= {f"{amount:.2f}" for amount in [report["total_usd"], *parts.values()]} | {f"{price['usd']:g}" for price in report["prices"]}
    return [number for number in numbers(text) if number not in known]


if __name__ == "__main__":
    sys.exit(main())
