#!/usr/bin/env python3
"""Plans infra/examples/minimal against a local moto server and keeps of the plan what `amaas estimate` reads, in plan.json beside it.

Needs what infra/tests/apply.py needs: terraform on PATH and infra/tests/requirements.txt.

Use: plan.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[5]
sys.path.insert(0, str(ROOT / "infra" / "tests"))

from apply import PUBLISHER, Terraform, moto, pack_stand_in  # noqa: E402


def main():
    with tempfile.TemporaryDirectory(prefix="amaas-plan-") as temporary, moto(Path(temporary)) as endpoint:
        package = Path(temporary, "package.zip")
        pack_stand_in(package)
        terraform = Terraform(Path(temporary), endpoint, {
            "region": "us-east-1",
            "offline": "true",
            "package": str(package),
            "publishers": json.dumps([PUBLISHER]),
        })
        terraform.run("init", "-backend=false")
        terraform.run("plan", "-out=tfplan")
        plan = json.loads(subprocess.run(
            ["terraform", "show", "-json", "tfplan"],
            cwd=terraform.directory, env=terraform.environment, stdout=subprocess.PIPE, check=True, timeout=60,
        ).stdout)
    text = json.dumps(shortened(plan), indent=1, sort_keys=True)
    Path(__file__).with_name("plan.json").write_text(text + "\n")


def shortened(plan: dict) -> dict:
    """Without unused members and those that differ from machine to machine."""
    walk(plan["planned_values"]["root_module"])
    providers = plan["configuration"]["provider_config"]
    return {
        "format_version": plan["format_version"],
        "terraform_version": plan["terraform_version"],
        "variables": {"region": plan["variables"]["region"]},
        "planned_values": {"root_module": plan["planned_values"]["root_module"]},
        "configuration": {"provider_config": {"aws": {"expressions": {"region": providers["aws"]["expressions"]["region"]}}}},
    }


def walk(module: dict):
    for resource in module.get("resources", []):
        values = resource.get("values", {})  # none of them is known before the apply
        values.pop("filename", None)
        values.pop("source_code_hash", None)
        kept = {"address": resource["address"], "mode": resource["mode"], "type": resource["type"], "values": values}
        resource.clear()
        resource.update(kept)
    for child in module.get("child_modules", []):
        walk(child)


if __name__ == "__main__":
    main()
