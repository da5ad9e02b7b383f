"""Checks labels.txt, image.json, both networks and the tokenizer against matches.json, in Python.

    python verify.py

Needs numpy, onnxruntime and tokenizers; shares no code with what wrote the file: PNG is unpacked with zlib alone, and all texts of a
case go through the encoder in one run, padded. Exits 1 where a score is further off than the file allows or the order is another.
"""

import base64
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).parent
FUNCTIONS = HERE.parent.parent


def main() -> None:
    matches = json.loads((HERE / "matches.json").read_text())
    picture = json.loads((HERE / "image.json").read_text())
    images = {case["what"]: case for case in json.loads((FUNCTIONS / "digits/model/images.json").read_text())["cases"]}
    network = onnxruntime.InferenceSession(FUNCTIONS / "digits/model/digits.onnx", providers=["CPUExecutionProvider"])
    encoder = onnxruntime.InferenceSession(FUNCTIONS / "embed/model/embed.onnx", providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(FUNCTIONS / "embed/model/tokenizer.json"))
    tokenizer.enable_padding()

    def embed(texts: list[str]) -> np.ndarray:
        rows = tokenizer.encode_batch(texts)
        feed = {
            "input_ids": np.array([row.ids for row in rows]),
            "attention_mask": np.array([row.attention_mask for row in rows]),
            "token_type_ids": np.zeros((len(rows), len(rows[0].ids)), np.int64),
        }
        return encoder.run(None, feed)[0]

    labels = embed([line.strip() for line in (HERE / "labels.txt").open()])
    failures, furthest, first = [], 0.0, 0
    for case in matches["cases"]:
        image = images[case["image"]]
        pixels = plain_png(base64.b64decode(image["image"]))
        (output,) = network.run([picture["output"]], {picture["input"]: pixels[np.newaxis]})
        if output.size != len(labels):
            failures.append(f"{case['image']}: {output.size} outputs, {len(labels)} labels")
            continue
        weights = np.where(output[0] >= np.sort(output[0])[-5], output[0], 0)
        direction = weights @ labels
        scores = embed(case["texts"]) @ (direction / np.sqrt(direction @ direction))
        expected = np.array(case["scores"])
        off = float(np.abs(scores - expected).max())
        furthest = max(furthest, off)
        if not off <= matches["atol"]:
            failures.append(f"{case['image']}: off by {off}")
        if scores.argmax() != expected.argmax():
            failures.append(f"{case['image']}: another text comes first")
        first += int(scores.argmax() == image["digit"])  # the texts of the ten digits come first, in their order
    if first != len(matches["cases"]):
        failures.append(f"the right text comes first {first} times only")
    print(f"{len(matches['cases'])} images with texts, furthest off {furthest:.1e}, {len(failures)} failures")
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures) or not matches["cases"])


def plain_png(file: bytes) -> np.ndarray:
    """The levels of a PNG of 28 by 28 pixels of eight bits, each line filtered on its own (PNG, section 9)."""
    if file[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">IIBBBBB", file[16:29]) != (28, 28, 8, 0, 0, 0, 0):
        sys.exit("an image is no plain PNG of 28 by 28 pixels")
    data, rest = b"", file[8:]
    while rest:
        size = int.from_bytes(rest[:4], "big")
        if rest[4:8] == b"IDAT":
            data += rest[8 : 8 + size]
        rest = rest[12 + size :]
    unpacked, before, lines = zlib.decompress(data), [0] * 28, []
    for start in range(0, 28 * 29, 29):
        kind, line = unpacked[start], []
        for x, byte in enumerate(unpacked[start + 1 : start + 29]):
            a, b, c = line[x - 1] if x else 0, before[x], before[x - 1] if x else 0
            match kind:
                case 0: guess = 0
                case 1: guess = a
                case 2: guess = b
                case 3: guess = (a + b) // 2
                case _: guess = min((a, b, c), key=lambda level: abs(a + b - c - level))
            line.append((byte + guess) & 255)
        lines.append(line)
        before = line
    return np.array(lines, np.uint8)


if __name__ == "__main__":
    main()
