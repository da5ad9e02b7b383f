"""What must be true of the code and its documents, and no plan sees."""

import re
import unittest
from functools import cache
from pathlib import Path

import hcl2

INFRA = Path(__file__).resolve().parents[1]
MODULES = [INFRA, *sorted(INFRA.glob("modules/*")), *sorted(INFRA.glob("examples/*"))]


@cache
def parsed(path: Path) -> dict:
    return hcl2.loads(path.read_text()) if path.exists() else {}


def labels(path: Path, kind: str) -> list[str]:
    return [label.strip('"') for item in parsed(path).get(kind, []) for label in item if not label.startswith("__")]


class Documents(unittest.TestCase):
    def test_tables_have_every_input_and_output(self):
        for folder in MODULES:
            text = (folder / "README.md").read_text()
            for kind, title in (("variable", "Inputs"), ("output", "Outputs")):
                names = labels(folder / f"{kind}s.tf", kind)
                section = text.split(f"\n## {title}\n")[1].split("\n## ")[0] if names else ""
                first_cells = " ".join(re.findall(r"^\| ([^|]+) \|", section, re.M))
                for name in names:
                    with self.subTest(f"{folder.name}: {kind} {name}"):
                        self.assertIn(f"`{name}`", first_cells)

    def test_every_setting_of_a_model_is_in_the_readme(self):
        section = (INFRA / "README.md").read_text().split("\n### A model\n")[1].split("\n### ")[0]
        (models,) = (item for item in parsed(INFRA / "modules/models/variables.tf")["variable"] if '"models"' in item)
        settings = re.findall(r"(?:^|[{,]\s*)(\w+) = (?:number|optional)", flattened(models['"models"']["type"]))
        self.assertGreater(len(settings), 20)
        for setting in settings:
            with self.subTest(setting):
                self.assertRegex(section, rf"\b{setting}\b")


def flattened(text: str) -> str:
    return re.sub(r"\s+", " ", text)


class Messages(unittest.TestCase):
    def test_each_names_its_model(self):
        """A stack has many models, and Terraform does not say for which of them a module refused something."""
        for module in ("function", "gpu"):
            for path in (INFRA / "modules" / module).glob("*.tf"):
                for message in re.findall(r'error_message = "(.*)', path.read_text()):
                    if message.startswith("name must"):  # the stack's, not a model's
                        continue
                    with self.subTest(f"{module}/{path.name}: {message[:40]}"):
                        self.assertTrue(message.startswith("${var.model}: "), message)


class Roles(unittest.TestCase):
    def test_each_has_path_and_boundary(self):
        found = 0
        for path in INFRA.glob("**/*.tf"):
            for item in parsed(path).get("resource", []):
                for name, role in item.get('"aws_iam_role"', {}).items():
                    with self.subTest(f"{path.relative_to(INFRA)}: {name}"):
                        self.assertEqual(role.get("path"), "${var.roles.path}")
                        self.assertEqual(role.get("permissions_boundary"), "${var.roles.permissions_boundary}")
                    found += 1
        self.assertGreaterEqual(found, 6)


if __name__ == "__main__":
    unittest.main()
