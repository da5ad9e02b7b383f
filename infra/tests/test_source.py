"""Checks of the code and its documents that no plan makes."""

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

    def test_every_setting_of_a_model_is_in_the_documents(self):
        section = (INFRA / "docs/settings.md").read_text().split("\n### A model\n")[1].split("\n### ")[0]
        (models,) = (item for item in parsed(INFRA / "modules/settings/variables.tf")["variable"] if '"models"' in item)
        settings = re.findall(r"(?:^|[{,]\s*)(\w+) = (?:number|optional)", flattened(models['"models"']["type"]))
        self.assertGreater(len(settings), 20)
        for setting in settings:
            with self.subTest(setting):
                self.assertRegex(section, rf"\b{setting}\b")


    def test_links_name_files_and_headings(self):
        for page in sorted(INFRA.glob("**/*.md")):
            for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
                if target.startswith("https://"):
                    continue
                path, _, anchor = target.partition("#")
                file = (page.parent / path).resolve() if path else page
                file = file / "README.md" if file.is_dir() and anchor else file
                with self.subTest(f"{page.relative_to(INFRA)}: {target}"):
                    self.assertTrue(file.exists(), "no such file")
                    if anchor:
                        self.assertIn(anchor, anchors(file.read_text()))


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(text: str) -> list[str]:
    """What GitHub calls the headings of a page."""
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", without_code(text), re.M)]


def flattened(text: str) -> str:
    return re.sub(r"\s+", " ", text)


class Kinds(unittest.TestCase):
    def test_each_setting_has_the_kind_of_its_type(self):
        folder, expected = INFRA / "modules/settings", {"number": set(), "bool": set(), "list": set(), "object": set()}
        for item in parsed(folder / "variables.tf")["variable"]:
            for label, body in item.items():
                name = label.strip('"')
                if name not in ("name", "region", "given"):
                    tokens = re.findall(r'\w+|"[^"]*"|[-.\d]+|[(){}\[\],=]', body["type"].removeprefix("${").removesuffix("}"))
                    kinds(tokens[2:-1] if name == "models" else tokens, name, expected)
        listed = parsed(folder / "kinds.tf")["locals"][0]["kinds"]
        self.assertEqual({kind: sorted(paths) for kind, paths in expected.items()}, {kind: [path.strip('"') for path in sorted(listed[kind])] for kind in expected})


def kinds(tokens: list[str], path: str, found: dict[str, set[str]]) -> None:
    """Takes the tokens of one type off the front of `tokens`, and puts the paths of its settings into `found` by their kind."""
    kind = tokens.pop(0)
    if kind == "optional":
        tokens.pop(0)
        kinds(tokens, path, found)
        depth = 0
        while depth or tokens[0] != ")":  # the default
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(tokens.pop(0), 0)
        tokens.pop(0)
        return
    if kind == "map":
        found["object"].add(path)
    elif kind in found and (kind != "object" or "." in path):
        found[kind].add(path)
    if kind in ("list", "map", "object"):
        tokens.pop(0)
        if kind != "object":
            kinds(tokens, path, {name: set() for name in found})
        else:
            tokens.pop(0)
            while tokens[0] != "}":
                name = tokens.pop(0)
                tokens.pop(0)
                kinds(tokens, f"{path}.{name}", found)
                if tokens[0] == ",":
                    tokens.pop(0)
            tokens.pop(0)
        tokens.pop(0)


class Messages(unittest.TestCase):
    def test_each_names_its_model(self):
        """A stack has many models, and Terraform does not say which of them a module refused."""
        for module, start in (("model", "${var.name}: "), ("function", "${var.model.name}: "), ("gpu", "${var.model.name}: ")):
            for path in (INFRA / "modules" / module).glob("*.tf"):
                for message in re.findall(r'error_message = "(.*)', path.read_text()):
                    if message.startswith("name must"):  # the stack's, not a model's
                        continue
                    with self.subTest(f"{module}/{path.name}: {message[:40]}"):
                        self.assertTrue(message.startswith(start), message)


class Roles(unittest.TestCase):
    def test_each_has_path_and_boundary(self):
        found = 0
        for path in INFRA.glob("**/*.tf"):
            for item in parsed(path).get("resource", []):
                for name, role in item.get('"aws_iam_role"', {}).items():
                    with self.subTest(f"{path.relative_to(INFRA)}: {name}"):
                        self.assertIn(role.get("path"), ("${var.roles.path}", "${var.model.roles.path}"))
                        self.assertEqual(role.get("permissions_boundary"), role["path"].replace(".path}", ".permissions_boundary}"))
                    found += 1
        self.assertGreaterEqual(found, 6)


class Grants(unittest.TestCase):
    """Lambda can lose grants that are written to one function at the same time. The provider writes its grants one by one, and CloudFormation does not wait."""

    def test_cloudformation_writes_none_beside_the_provider(self):
        found = waiting = 0
        for folder in MODULES:
            resources = {f"{kind.strip(chr(34))}.{name.strip(chr(34))}": body for path in folder.glob("*.tf") for kind, name, body in named(path)}
            after = {address: reached(address, resources) for address in resources}
            grants = [address for address in resources if address.startswith(("aws_lambda_permission.", "aws_lambda_function_url."))]
            for stack in (address for address, body in resources.items() if "AWS::Lambda::Permission" in str(body)):
                found += 1
                for grant in grants:
                    with self.subTest(f"{folder.name}: {stack} and {grant}"):
                        self.assertTrue(grant in after[stack] or stack in after[grant], "neither waits for the other")
                # Grants of other modules on the alias come after it too.
                for alias in (item['"alias"'] for item in parsed(folder / "outputs.tf")["output"] if '"alias"' in item):
                    waiting += 1
                    self.assertIn(stack, str(alias["depends_on"]))
        self.assertGreaterEqual(found, 2)
        self.assertEqual(waiting, 1)

    def test_edges_grant_on_that_alias(self):
        (grant,) = (body for kind, _, body in named(INFRA / "edge.tf") if kind == '"aws_lambda_permission"')
        self.assertEqual(grant["qualifier"], "${module.function[each.key].alias}")

    def test_the_api_grants_on_that_alias(self):
        (grant,) = (body for kind, _, body in named(INFRA / "modules/api/integration.tf") if kind == '"aws_lambda_permission"')
        self.assertEqual(grant["qualifier"], "${var.functions[each.value].alias}")
        (api,) = (item['"api"'] for item in parsed(INFRA / "main.tf")["module"] if '"api"' in item)
        self.assertIn("function.alias", str(api["functions"]))


def named(path: Path) -> list[tuple[str, str, dict]]:
    """Kind, name and body of each resource in a file."""
    return [(kind, name, body) for item in parsed(path).get("resource", []) for kind, names in item.items() if not kind.startswith("__") for name, body in names.items()]


def reached(address: str, resources: dict[str, dict]) -> set[str]:
    """The resources that this one depends on, directly or through others."""
    seen, todo = set(), [address]
    while todo:
        for other in re.findall(r"\baws_\w+\.\w+", str(resources.get(todo.pop(), ""))):
            if other in resources and other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


class Throttles(unittest.TestCase):
    def test_routes_go_after_the_stage_has_forgotten_them(self):
        """API Gateway refuses to change a stage with settings of a missing route."""
        (route,) = (body for kind, _, body in named(INFRA / "modules/api/routes.tf") if kind == '"aws_apigatewayv2_route"')
        self.assertEqual([block["create_before_destroy"] for block in route.get("lifecycle", [])], [True])
        (stage,) = (body for kind, _, body in named(INFRA / "modules/api/api.tf") if kind == '"aws_apigatewayv2_stage"')
        self.assertIn("aws_apigatewayv2_route.this", str(stage["depends_on"]))


if __name__ == "__main__":
    unittest.main()
