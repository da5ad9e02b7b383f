"""Validates the OpenAPI documents in the given files. `tests/it/openapi/validator.rs` starts it.

Ends with 77 where a package is not installed.
"""

import copy
import json
import pathlib
import sys
from importlib.metadata import version

try:
    from jsonschema import Draft202012Validator
    from openapi_spec_validator import OpenAPIV31SpecValidator
except ImportError as error:
    print(f"{sys.executable} has no package that this needs: {error}")
    sys.exit(77)


def main(files: list) -> None:
    for file in files:
        document = json.loads(pathlib.Path(file).read_text())
        assert document["openapi"].startswith("3.1."), document["openapi"]
        assert faults(document) == [], f"{file}: {faults(document)}"
        examples(document, file)
        refused(document, file)
    print(f"openapi-spec-validator {version('openapi-spec-validator')}: {len(files)} documents are OpenAPI 3.1")


def faults(document: dict) -> list:
    return [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]


def examples(document: dict, file: str) -> None:
    """Every example conforms to its schema, by an independent validator."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if "example" in media:
                    schema = {**media["schema"], "components": document["components"]}
                    found = [error.message for error in Draft202012Validator(schema).iter_errors(media["example"])]
                    assert found == [], f"{file}: {path}: {found}"


def refused(document: dict, file: str) -> None:
    """Alterations are detected, so the validation is not vacuous."""
    path, operations = next(iter(document["paths"].items()))
    method = next(iter(operations))

    def altered(change) -> list:
        other = copy.deepcopy(document)
        change(other)
        return faults(other)

    changes = {
        "no version": lambda other: other["info"].pop("version"),
        "parameters that are none": lambda other: other["paths"][path][method].update(parameters=[{"name": "x"}]),
        "a type that is none": lambda other: other["components"]["schemas"]["Problem"].update(type="text"),
        "a reference that leads nowhere": lambda other: other["components"]["schemas"].pop("Problem"),
        "a path without its parameter": lambda other: other["paths"].update({"/v9/{other}": other["paths"][path]}),
    }
    for name, change in changes.items():
        try:
            found = altered(change)
        except Exception as error:  # a reference that leads nowhere ends the validator
            found = [str(error)]
        assert found, f"{file}: {name} was not found"


if __name__ == "__main__":
    main(sys.argv[1:])
