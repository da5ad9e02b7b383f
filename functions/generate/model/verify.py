"""Checks the committed network against its golden cases, and network and tokenizer by the continuations in texts.json, in Python.

    python verify.py

Needs numpy, onnxruntime and tokenizers; shares no code with what wrote the files. Continuations are made without the cache, all
tokens anew for each: that the cache changes nothing is judged too. Exits 1 where something is off.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).parent


def main() -> None:
    golden, texts = (json.loads((HERE / name).read_text()) for name in ("golden.json", "texts.json"))
    session = onnxruntime.InferenceSession(HERE / "generate.onnx", providers=["CPUExecutionProvider"])
    failures, furthest = [], 0.0
    for number, case in enumerate(golden["cases"]):
        (expected,) = case["outputs"]
        (logits,) = session.run([expected["name"]], {entry["name"]: array(entry) for entry in case["inputs"]})
        apart = float(np.abs(logits - array(expected)).max())
        furthest = max(furthest, apart)
        if not apart <= golden["atol"]:
            failures.append(f"golden {number}: {apart} apart")
    tokenizer = Tokenizer.from_file(str(HERE / "tokenizer.json"))
    layers, _, heads, _, size = next(entry.shape for entry in session.get_inputs() if entry.name == "past_key")
    past = np.zeros([layers, 1, heads, 0, size], np.float32)
    for case in texts["cases"]:
        ids = tokenizer.encode(case["prompt"]).ids
        row = np.array([ids + case["continuation"][:-1]], np.int64)
        (logits,) = session.run(["logits"], {"input_ids": row, "past_key": past, "past_value": past})
        if ids != case["ids"] or logits[0, len(ids) - 1 :].argmax(axis=-1).tolist() != case["continuation"]:
            failures.append(f"text {case['prompt']!r}: other ids")
        whole = tokenizer.decode(ids + case["continuation"])
        if whole != tokenizer.decode(ids) + case["text"]:
            failures.append(f"text {case['prompt']!r}: another text")
    print(f"{len(golden['cases'])} golden cases, {len(texts['cases'])} texts, furthest off {furthest:.1e}, {len(failures)} failures")
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures))


def array(tensor: dict) -> np.ndarray:
    dtype = {"INT64": np.int64, "FP32": np.float32}[tensor["datatype"]]
    return np.array(tensor["data"], dtype).reshape(tensor["shape"])


if __name__ == "__main__":
    main()
