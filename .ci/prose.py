"""The prose of a source file: comments, messages and Markdown, a block of text with the line on which each of its parts begins."""

import io
import pathlib
import re
import subprocess
import tokenize

ROOT = pathlib.Path(__file__).resolve().parent.parent

RUST = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*")|b?'(?:\\[^\n]+?|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)
# Attributes and macros whose string literals are read by people.
RUST_MESSAGE = re.compile(r"#!?\[(?:error|arg|command|clap)\s*\(|\b(?:tracing::)?(?:trace|debug|info|warn|error)!\s*\(")
HCL = re.compile(r"""(?P<comment>(?:#|//)[^\n]*)|<<[-~]?(?P<end>\w+)\n(?P<heredoc>.*?)\n\s*(?P=end)\b|(?P<string>"(?:\\.|[^"\\\n])*")""", re.DOTALL)
SHELL_COMMENT = re.compile(r"(?:^|(?<=\s))#(?!!)[^\n]*", re.MULTILINE)
FENCE = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.MULTILINE | re.DOTALL)


def files():
    """Every file of the repository that holds prose: tracked, or new and not ignored."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True)
    present = sorted({ROOT / name for name in listed.stdout.splitlines()})
    return [path for path in present if path.is_file() and kind(path)]


def kind(path):
    """The function that reads the prose of `path`, or `None` if it holds none."""
    by_suffix = {".rs": rust, ".py": python, ".sh": shell, ".tf": hcl, ".hcl": hcl, ".md": markdown}
    if path.suffix or path.parent.name != ".ci":
        return by_suffix.get(path.suffix)
    return python if path.read_text().startswith("#!/usr/bin/env python3") else shell


def blocks(path):
    """The prose of `path`: lists of `(line, text)`, joined where comments go on from line to line."""
    joined = []
    for line, text in kind(path)(path.read_text()):
        for offset, part in enumerate(text.split("\n")):
            part = part.strip().lstrip("/!#*").strip()
            if joined and part and joined[-1][-1][0] == line + offset - 1:
                joined[-1].append((line + offset, part))
            elif part:
                joined.append([(line + offset, part)])
    return joined


def rust(source):
    """Comments, and the string literals of error, log and help texts."""
    found = list(RUST.finditer(source))
    code = RUST.sub(lambda match: " " * len(match[0]), source)
    messages = []
    for start in RUST_MESSAGE.finditer(code):
        depth, end = 1, start.end()
        while depth and end < len(code):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        messages.append((start.start(), end))
    for match in found:
        if match["comment"] or (match["string"] and any(start < match.start() < end for start, end in messages)):
            yield line_of(source, match.start()), match[0].strip("\"'#r")


def python(source):
    """Comments and docstrings."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
            yield token.start[0], token.string.strip('"')


def shell(source):
    """Comments."""
    for match in SHELL_COMMENT.finditer(source):
        yield line_of(source, match.start()), match[0]


def hcl(source):
    """Comments, and strings that are sentences: descriptions and messages."""
    for match in HCL.finditer(source):
        part = match.lastgroup
        if part != "string" or match[part].count(" ") > 2:
            yield line_of(source, match.start(part)), match[part].strip('"')


def markdown(source):
    """All but code."""
    yield from enumerate(re.sub(r"`[^`\n]+`", "`", unfenced(source)).split("\n"), 1)


def unfenced(source):
    """Markdown with blank lines in the place of its blocks of code."""
    return FENCE.sub(lambda match: "\n" * match[0].count("\n"), source)


def line_of(source, offset):
    """The number of the line in which `offset` is, from 1."""
    return source.count("\n", 0, offset) + 1
