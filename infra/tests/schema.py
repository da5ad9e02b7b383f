#!/usr/bin/env python3
"""Compares the Terraform code with the schema of AWS provider 6, which is not run here.

The schema must have each argument, block and attribute that the code uses. The code must set what the provider requires, and must not use what it
deprecates. The npm package @cdktf/provider-aws was generated from the schema. npm fetches the package once; its digest is checked, and it is kept in
target/.

Use: schema.py [FOLDER]  (default: infra/); exits with 0 and a message if npm cannot fetch the package
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import hcl2

INFRA = Path(__file__).resolve().parents[1]
CACHE = INFRA.parent / "target" / "provider-schema"
PACKAGE = "@cdktf/provider-aws@21.22.1"  # generated from provider 6.25.0
ARCHIVE = "cdktf-provider-aws-21.22.1.tgz"
INTEGRITY = "sha512-BuSHeaQFUL9l33pBzIMRT7cTQ69AM2mLtijjteCPhVQRmvuhuj9Lvfymf7knAMhYqAT6+Lrls9jiGVW/Us3zrQ=="

# The package has no deprecations. This is the part of the provider's guide to version 6 that the code might use.
# https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/version-6-upgrade
DEPRECATED = {("data", "aws_region", "name"): "id"}

META = {"count", "for_each", "provider", "depends_on", "lifecycle", "provisioner", "connection"}


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else INFRA
    archive = fetch(CACHE)
    if isinstance(archive, str):
        print(f"schema.py: skipped: {archive}")
        return 0
    with Schema(archive) as schema:
        code = Code(folder)
        faults = code.faults(schema)
    for fault in faults:
        print(f"schema.py: {fault}", file=sys.stderr)
    if faults:
        print(f"schema.py: FAILED: {len(faults)} faults against {PACKAGE}", file=sys.stderr)
        return 1
    print(f"schema.py: ok: {code.counted} of {len(code.types)} types are in {PACKAGE}")
    return 0


def fetch(cache: Path) -> Path | str:
    """The package's archive, or the reason why there is none. Another digest is an error, not a reason to skip."""
    archive = cache / ARCHIVE
    if not archive.exists():
        if shutil.which("npm") is None:
            return "npm is not installed"
        cache.mkdir(parents=True, exist_ok=True)
        try:
            packed = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=cache, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            return f"npm did not fetch {PACKAGE} within five minutes"
        if packed.returncode != 0 or not archive.exists():
            return f"npm cannot fetch {PACKAGE}: {packed.stderr.strip()[-300:]}"
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != INTEGRITY:
        archive.unlink()
        raise SystemExit(f"schema.py: {ARCHIVE} has the digest {digest}, expected {INTEGRITY}; it was removed")
    return archive


@dataclass
class Attribute:
    settable: bool
    required: bool
    block: "Block | None" = None


def access(member: str, body: str) -> tuple[bool, bool]:
    """Whether a generated class can set a member, and whether it must: only optional members have a reset."""
    name = member[0].upper() + member[1:]
    settable = re.search(rf"^    (set {member}|put{name})\(", body, re.M) is not None
    return settable, settable and re.search(rf"^    reset{name}\(", body, re.M) is None


@dataclass
class Block:
    """The attributes and nested blocks of a resource, a data source or a block."""

    attributes: dict[str, Attribute] = field(default_factory=dict)
    typed: bool = True  # false if the generated class has no members


class Schema:
    """Reads blocks from the generated classes in the archive: a folder for each type, a class for each block."""

    def __init__(self, archive: Path):
        self.archive = tarfile.open(archive)
        self.blocks: dict[tuple[str, str], Block | None] = {}

    def __enter__(self):
        # One pass over the compressed archive instead of one for each look-up.
        self.files = {}
        for member in self.archive:
            if member.name.endswith("/index.js"):
                self.files[member.name.split("/")[-2]] = self.archive.extractfile(member).read()
        return self

    def __exit__(self, *_):
        self.archive.close()

    def block(self, kind: str, name: str) -> Block | None:
        """The block of `kind` (resource or data) `name`, or None if the provider does not have it."""
        if (kind, name) not in self.blocks:
            folder = ("data-" if kind == "data" else "") + name.replace("_", "-")
            source = self.files.get(folder) or self.files.get(folder.replace("aws-", "", 1) if kind == "resource" else folder)
            self.blocks[kind, name] = None if source is None else self.parse(source.decode(), name)
        return self.blocks[kind, name]

    def parse(self, source: str, name: str) -> Block | None:
        bodies = dict(re.findall(r"^class (\w+) extends [^{]+\{\n(.*?)^\}", source, re.M | re.S))
        found = re.search(rf'^(\w+)\.tfResourceType = "{name}";', source, re.M)
        return self.of_class(found[1], bodies, {}) if found else None

    def of_class(self, name: str, bodies: dict[str, str], done: dict[str, Block]) -> Block:
        name = re.sub(r"(List|Map)$", "OutputReference", name)
        if name in done:
            return done[name]
        block = done[name] = Block()
        body = bodies.get(name)
        if body is None:
            block.typed = False
            return block
        plain = re.findall(r"^    get (\w+)\(\) \{\n[^}]*?(\w+Attribute)\('(\w+)'\)", body, re.M)
        # A read-only map or list of plain values is one of the library's classes, `cdktf.StringMap`, without members.
        nested = re.findall(r"this\._(\w+) = new ((?:cdktf\.)?\w+)\(this, \"(\w+)\"", body)
        for member, read, attribute in plain:
            untyped = read in ("interpolationForAttribute", "getAnyMapAttribute")  # such as a web ACL's statement, which is recursive
            block.attributes[attribute] = Attribute(*access(member, body), block=Block(typed=False) if untyped else None)
        for member, cls, attribute in nested:
            block.attributes[attribute] = Attribute(*access(member, body), block=self.of_class(cls, bodies, done))
        return block


class Code:
    """The resources, data sources and references of every .tf file below a folder."""

    def __init__(self, folder: Path):
        self.files = sorted(path for path in folder.rglob("*.tf") if ".terraform" not in path.parts)
        self.types: set[tuple[str, str]] = set()
        self.counted = 0
        self.folder = folder

    def faults(self, schema: Schema) -> list[str]:
        faults = []
        for path in self.files:
            text, where = path.read_text(), path.relative_to(self.folder)
            parsed = hcl2.loads(text)
            for kind in ("resource", "data"):
                for item in parsed.get(kind, []):
                    ((quoted, named),) = item.items()
                    for label, body in named.items():
                        faults += self.instance(schema, kind, quoted.strip('"'), body, f"{where}: {'data ' if kind == 'data' else ''}{quoted}.{label}".replace('"', ""))
            faults += [f"{where}: {fault}" for fault in references(without_comments(text), schema)]
        self.counted = sum(schema.block(*key) is not None for key in self.types)
        return faults

    def instance(self, schema: Schema, kind: str, name: str, body: dict, where: str) -> list[str]:
        if not name.startswith("aws_"):
            return []
        self.types.add((kind, name))
        block = schema.block(kind, name)
        if block is None:
            return [f"{where}: the provider has no such {kind}"]
        return arguments(block, body, where, META)


def arguments(block: Block, body: dict, where: str, meta: set[str]) -> list[str]:
    """Arguments of `body` that the block does not have, and required ones that are missing."""
    if not block.typed:
        return []
    given, faults = [], []
    for name, value in body.items():
        if name.startswith("__") or name in meta:
            continue
        if name == "dynamic":
            for dynamic in value:
                ((label, inner),) = ((key, entry) for key, entry in dynamic.items() if not key.startswith("__"))
                given += [(label.strip('"'), content) for content in inner["content"]]
        elif isinstance(value, list) and value and all(isinstance(entry, dict) and entry.get("__is_block__") for entry in value):
            given += [(name, entry) for entry in value]
        else:
            given.append((name, None))
    for name, inner in given:
        attribute = block.attributes.get(name)
        if attribute is None or not attribute.settable:
            faults.append(f"{where}: {name} is {'unknown' if attribute is None else 'read-only'}")
        elif inner is not None and attribute.block is not None:
            faults += arguments(attribute.block, inner, f"{where}.{name}", set())
        elif inner is not None:
            faults.append(f"{where}: {name} is an attribute, not a block")
    missing = {name for name, attribute in block.attributes.items() if attribute.required} - {name for name, _ in given}
    return faults + [f"{where}: {name} is required" for name in sorted(missing)]


STEP = r"(?:\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\])?"
REFERENCE = re.compile(rf"(?<![\w.-])(data\.)?(aws_\w+)\.(\w+){STEP}((?:\.\w+{STEP})*)")
LOOP = re.compile(r"\bfor (?:\w+, )?(\w+) in (?:values\()?(data\.)?(aws_\w+)\.(\w+)\)?(?:\[\*\])?\s*:")
EACH = re.compile(r"for_each\s*=\s*(data\.)?(aws_\w+)\.(\w+)\s*\n(.*?)^}", re.M | re.S)


def references(text: str, schema: Schema) -> list[str]:
    """References to attributes that the provider does not have: by name, in loops and by each.value."""
    read = [(data, name, path) for data, name, _, path in REFERENCE.findall(text)]
    for found in LOOP.finditer(text):
        rest = text[found.end():].split("\n\n")[0]
        read += [(found[2], found[3], path) for path in re.findall(rf"\b{found[1]}((?:\.\w+{STEP})+)", rest)]
    for data, name, _, body in EACH.findall(text):
        read += [(data, name, path) for path in re.findall(rf"\beach\.value((?:\.\w+{STEP})+)", body)]
    return sorted({fault for data, name, path in read for fault in reading(schema, "data" if data else "resource", name, path)})


def reading(schema: Schema, kind: str, name: str, path: str) -> list[str]:
    block, steps = schema.block(kind, name), re.findall(r"\.(\w+)", path)
    where = ("data." if kind == "data" else "") + name
    if block is None:
        return [f"{where}: the provider has no such {kind}"]
    if steps and (kind, name, steps[0]) in DEPRECATED:
        return [f"{where}.{steps[0]} is deprecated: read {DEPRECATED[kind, name, steps[0]]}"]
    for step in steps:
        if block is None or not block.typed:
            break
        if step not in block.attributes:
            return [f"{where}: {step} of {path} is unknown"]
        block = block.attributes[step].block
    return []


def without_comments(text: str) -> str:
    """The text without comments on their own line, or after two spaces or more."""
    return re.sub(r"^\s*#.*$|\s{2,}#.*$| # .*$", "", text, flags=re.M)


if __name__ == "__main__":
    sys.exit(main())
