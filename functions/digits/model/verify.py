"""Checks digits.onnx against golden.json and images.json with Python's ONNX Runtime; needs only numpy with it.

    python verify.py

Shares no code with what wrote the files. Of the images it reads those that lie in a plain PNG of 28 by 28 levels, which
takes zlib alone. Exits 1 on a probability further off than 1e-5, and where images in one call get others than alone.
"""

import base64
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).parent
TOLERANCE = 1e-5


def main() -> None:
    session = onnxruntime.InferenceSession(HERE / "digits.onnx", providers=["CPUExecutionProvider"])
    golden = json.loads((HERE / "golden.json").read_text())["cases"]
    images = json.loads((HERE / "images.json").read_text())["cases"]
    plain = [(case, pixels) for case in images if (pixels := plain_png(base64.b64decode(case["image"]))) is not None]
    failures, furthest = [], 0.0

    def judge(what: str, actual: np.ndarray, expected: list[float]) -> None:
        nonlocal furthest
        off = float(np.abs(actual - np.array(expected)).max())
        furthest = max(furthest, off)
        if not off <= TOLERANCE:
            failures.append(f"{what}: off by {off}")

    cases = [
        (f"golden {number}", np.array(case["inputs"][0]["data"], np.uint8).reshape(28, 28), case["outputs"][0]["data"])
        for number, case in enumerate(golden)
    ] + [(case["what"], pixels, case["probabilities"]) for case, pixels in plain]
    together = session.run(None, {"pixels": np.stack([pixels for _, pixels, _ in cases])})[0]
    for (what, pixels, expected), among_others in zip(cases, together, strict=True):
        judge(f"{what}, alone", session.run(None, {"pixels": pixels[np.newaxis]})[0][0], expected)
        judge(f"{what}, among others", among_others, expected)
    for case, pixels in plain:
        if np.argmax(session.run(None, {"pixels": pixels[np.newaxis]})[0]) != case["digit"]:
            failures.append(f"{case['what']}: another digit")

    print(f"{len(golden)} golden cases, {len(plain)} images, furthest off {furthest:.1e}, {len(failures)} failures")
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures) or not golden or not plain)


def plain_png(file: bytes) -> np.ndarray | None:
    """The levels of a PNG of 28 by 28 pixels on black, of eight bits each; `None` for any other file."""
    if file[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">IIBBBBB", file[16:29]) != (28, 28, 8, 0, 0, 0, 0):
        return None
    packed, at = b"", 8
    while at < len(file):
        (length,), kind = struct.unpack(">I", file[at : at + 4]), file[at + 4 : at + 8]
        packed += file[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(28, 29)
    levels = np.zeros((29, 29), np.int64)  # a row and a column of zeros in front, as the filters want it
    for y, line in enumerate(lines.tolist()):
        for x, level in enumerate(line[1:]):
            left, above, corner = int(levels[y + 1, x]), int(levels[y, x + 1]), int(levels[y, x])
            nearest = min((left, above, corner), key=lambda value: abs(left + above - corner - value))  # Paeth
            levels[y + 1, x + 1] = (level + (0, left, above, (left + above) // 2, nearest)[line[0]]) % 256
    pixels = levels[1:, 1:].astype(np.uint8)
    return pixels if pixels[0, 0] == 0 else None


if __name__ == "__main__":
    main()
