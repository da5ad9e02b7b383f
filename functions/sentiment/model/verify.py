"""Checks sentiment.onnx and words.txt against golden.json and texts.json with Python's ONNX Runtime; needs only numpy with it.

    python verify.py

Shares no code with what wrote the files. Exits 1 on any other id, or on a probability further off than 1e-6.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
TOLERANCE = 1e-6
FILTERS = str.maketrans({character: " " for character in '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'})


def main() -> None:
    session = onnxruntime.InferenceSession(HERE / "sentiment.onnx", providers=["CPUExecutionProvider"])
    # Only \n ends a line: U+0085 is a word here, and str.splitlines would break on it.
    words = (HERE / "words.txt").read_bytes().decode().split("\n")[:-1]
    ids_of = {word: number + 3 for number, word in enumerate(words, start=1)}
    golden = json.loads((HERE / "golden.json").read_text())["cases"]
    texts = json.loads((HERE / "texts.json").read_text())["cases"]
    failures, furthest = [], 0.0

    def judge(name: str, ids: list[int], expected: float) -> None:
        nonlocal furthest
        actual = float(session.run(["probability"], {"input_ids": np.array([ids], np.int64)})[0][0, 0])
        furthest = max(furthest, abs(actual - expected))
        if not abs(actual - expected) <= TOLERANCE:
            failures.append(f"{name}: probability {actual}, expected {expected}")

    for number, case in enumerate(golden):
        judge(f"golden {number}", case["inputs"][0]["data"], case["outputs"][0]["data"][0])
    for case in texts:
        judge(f"text {case['name']}", case["ids"], case["probability"])
        if encode(text_of(case), ids_of) != case["ids"]:
            failures.append(f"text {case['name']}: words.txt gives other ids")

    print(f"{len(golden)} golden cases, {len(texts)} texts, furthest off {furthest:.1e}, {len(failures)} failures")
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures) or not golden or not texts)


def text_of(case: dict) -> str:
    return case["text"] if "text" in case else case["repeat"]["unit"] * case["repeat"]["times"]


def encode(text: str, ids_of: dict[str, int]) -> list[int]:
    words = [word for word in text.lower().translate(FILTERS).split(" ") if word]
    ids = ([1] + [ids_of.get(word, 2) for word in words])[-256:]
    return ids + [0] * (256 - len(ids))


if __name__ == "__main__":
    main()
