"""Checks names.onnx against golden.json and names.json with Python's ONNX Runtime; needs only numpy with it.

    python verify.py

Shares no code with what wrote the files. Exits 1 on any other id or language, on a probability further off than 1e-5, and
where names of many lengths in one call get other probabilities than alone.
"""

import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
TOLERANCE = 1e-5
TWO = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}
ONE = dict(zip("øđðħıłŧ‘’ʻʼʽ`´‐‑‒–—", "oddhilt'''''''-----", strict=True))
SPELLED = str.maketrans(TWO | ONE)


def main() -> None:
    session = onnxruntime.InferenceSession(HERE / "names.onnx", providers=["CPUExecutionProvider"])
    languages = (HERE / "languages.txt").read_text().splitlines()
    golden = json.loads((HERE / "golden.json").read_text())["cases"]
    names = json.loads((HERE / "names.json").read_text())["cases"]
    failures, furthest = [], 0.0

    def run(rows: list[list[int]]) -> np.ndarray:
        ids = np.array([row + [0] * (64 - len(row)) for row in rows], np.int64)
        return session.run(None, {"input_ids": ids, "lengths": np.array([len(row) for row in rows], np.int32)})[0]

    def near(what: str, actual: np.ndarray, expected: list[float]) -> None:
        nonlocal furthest
        off = float(np.abs(actual - np.array(expected)).max())
        furthest = max(furthest, off)
        if not off <= TOLERANCE:
            failures.append(f"{what}: off by {off}")

    for number, case in enumerate(golden):
        inputs = {tensor["name"]: tensor["data"] for tensor in case["inputs"]}
        near(f"golden {number}", run([inputs["input_ids"][: inputs["lengths"][0]]])[0], case["outputs"][0]["data"])
    taken = [case for case in names if "ids" in case]
    for case, together in zip(taken, run([case["ids"] for case in taken]), strict=True):
        alone = run([case["ids"]])[0]
        near(f"{case['what']}, alone", alone[[languages.index(name) for name, _ in case["top"]]], [p for _, p in case["top"]])
        near(f"{case['what']}, among others", together, alone.tolist())
        if [languages[label] for label in np.argsort(-alone, kind="stable")[:5]] != [name for name, _ in case["top"]]:
            failures.append(f"{case['what']}: other languages")
    for case in names:
        if encode(text_of(case)) != case.get("ids", case.get("refused")):
            failures.append(f"{case['what']}: other ids")

    print(f"{len(golden)} golden cases, {len(names)} names, furthest off {furthest:.1e}, {len(failures)} failures")
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures) or not golden or not names)


def text_of(case: dict) -> str:
    return case["name"] if "name" in case else case["repeat"]["unit"] * case["repeat"]["times"]


def encode(name: str) -> list[int] | str:
    name = unicodedata.normalize("NFKD", name.lower().translate(SPELLED))
    name = re.sub("[\u0300-\u036f]", "", name).lower().translate(SPELLED)
    name = re.sub(r"[^\S\x1c-\x1f]+", " ", name).strip(" ")
    if len(name) > 64:
        return "length"
    if not re.search("[a-z]", name):
        return "letters"
    return [" '-abcdefghijklmnopqrstuvwxyz".find(letter) + 2 if letter in " '-abcdefghijklmnopqrstuvwxyz" else 1 for letter in name]


if __name__ == "__main__":
    main()
