"""Checks a network and its tokenizer against their golden cases, and the committed tokenizer by texts.json, in Python.

    python verify.py                             # the committed ones
    python verify.py built/minilm-int8.onnx      # with built/minilm-int8.golden.json

Needs numpy, onnxruntime and tokenizers; shares no code with what wrote the files. Exits 1 where something is off.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).parent


def main() -> None:
    network = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "embed.onnx"
    shipped = network.parent.resolve() == HERE.resolve()
    golden = json.loads((HERE / "golden.json" if shipped else network.with_suffix(".golden.json")).read_text())
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    failures, furthest = [], 0.0
    for number, case in enumerate(golden["cases"]):
        rows = {tensor["name"]: np.array(tensor["data"], np.int64).reshape(tensor["shape"]) for tensor in case["inputs"]}
        (expected,) = case["outputs"]
        (vector,) = session.run([expected["name"]], rows)[0]
        apart = float(np.abs(vector - np.array(expected["data"], np.float32)).max())
        furthest = max(furthest, apart)
        if not apart <= golden["atol"] or not abs(float(vector @ vector) - 1) < 1e-5:
            failures.append(f"golden {number}: {apart} apart")
    texts = json.loads((HERE / "texts.json").read_text())["cases"] if shipped else []
    tokenizer = Tokenizer.from_file(str(network.parent / "tokenizer.json"))
    for case in texts:
        text = case["text"] if "text" in case else case["repeat"]["unit"] * case["repeat"]["times"]
        encoding = tokenizer.encode(text)
        if (encoding.ids, bool(encoding.overflowing)) != (case["ids"], case["truncated"]):
            failures.append(f"text {case['name']}: other ids")
    print(f"{len(golden['cases'])} golden cases, {len(texts)} texts, furthest off {furthest:.1e}, {len(failures)} failures")
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
