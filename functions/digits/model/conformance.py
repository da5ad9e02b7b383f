"""Writes golden.json and images.json: the outputs of digits.onnx in Python, as a reference for the service.

    python conformance.py

train.py runs it last, as a process of its own. It reads the network and never the trained model; probabilities are ONNX
Runtime's, one image a call. The digits are drawn here, none is MNIST's. What the service does to an image before the
network sees it is written here a second time, with Pillow, which decodes and shrinks on its own.
"""

import argparse
import base64
import io
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
PRODUCER = f"onnxruntime {onnxruntime.__version__} (Python), CPUExecutionProvider"
ATOL = 1e-5  # another machine sums in another order
SHRUNK_ATOL = 0.05  # two programs that shrink an image round to levels that differ by one or two

# The strokes of each digit, in a box of 1 by 1: x to the right, y down.
STROKES = {
    0: [[(0.5, 0), (0.2, 0.15), (0.1, 0.5), (0.2, 0.85), (0.5, 1), (0.8, 0.85), (0.9, 0.5), (0.8, 0.15), (0.5, 0)]],
    1: [[(0.5, 0), (0.5, 1)]],
    2: [[(0.1, 0.2), (0.3, 0), (0.7, 0), (0.9, 0.25), (0.7, 0.55), (0.1, 1), (0.9, 1)]],
    3: [[(0.15, 0.05), (0.7, 0), (0.85, 0.2), (0.7, 0.42), (0.4, 0.48), (0.75, 0.55), (0.9, 0.78), (0.6, 1), (0.1, 0.95)]],
    4: [[(0.3, 0), (0.1, 0.55), (0.9, 0.55)], [(0.75, 0.1), (0.7, 1)]],
    5: [[(0.85, 0), (0.25, 0), (0.2, 0.42), (0.65, 0.42), (0.85, 0.7), (0.6, 1), (0.15, 0.95)]],
    6: [[(0.65, 0), (0.3, 0.35), (0.15, 0.75), (0.4, 1), (0.75, 0.9), (0.8, 0.65), (0.5, 0.52), (0.2, 0.7)]],
    7: [[(0.1, 0.05), (0.9, 0.05), (0.4, 1)]],
    8: [[(0.5, 0), (0.2, 0.2), (0.5, 0.45), (0.85, 0.75), (0.5, 1), (0.15, 0.75), (0.5, 0.45), (0.8, 0.2), (0.5, 0)]],
    9: [[(0.8, 0.25), (0.5, 0), (0.2, 0.2), (0.35, 0.48), (0.75, 0.4), (0.8, 0.2), (0.75, 0.6), (0.6, 1)]],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="folder with digits.onnx")
    folder = parser.parse_args().out
    session = onnxruntime.InferenceSession(folder / "digits.onnx", providers=["CPUExecutionProvider"])

    def probabilities(pixels: np.ndarray) -> list[float]:
        output = session.run(["probabilities"], {"pixels": pixels[np.newaxis]})[0][0]
        return [float(f"{value:.9g}") for value in output]  # nine digits give the same float32 back

    random = np.random.default_rng(0)
    drawn = [np.array(normal(width)[digit]) for width in (2, 3) for digit in STROKES]
    noise = [random.integers(0, 256, (28, 28), np.uint8), np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)]
    write(folder / "golden.json", "amaas.golden/1", [golden_case(pixels, probabilities(pixels)) for pixels in drawn + noise])
    write(folder / "images.json", "amaas.images/1", [image_case(*image, probabilities) for image in images()])


def draw(digit: int, size: int, box: int, width: int, mode: str, ink, paper, at: tuple[int, int] | None = None) -> Image.Image:
    """A digit `box` pixels high on an image `size` pixels a side, in the middle or `at` a place."""
    left, top = at or ((size - box) // 2, (size - box) // 2)
    image = Image.new(mode, (size, size), paper)
    for stroke in STROKES[digit]:
        places = [(left + x * box * 0.8 + box * 0.1, top + y * box) for x, y in stroke]
        ImageDraw.Draw(image).line(places, ink, width, joint="curve")
    return image


def normal(width: int) -> dict[int, Image.Image]:
    """Each digit as MNIST has them: white on black, soft at the edges."""
    large = {digit: draw(digit, 224, 152, width * 8, "L", 255, 0) for digit in STROKES}
    return {digit: image.resize((28, 28), Image.Resampling.BOX) for digit, image in large.items()}


def images():
    """Name of the case, digit, file, whether its decoding is lossless, and the image."""
    for digit, image in normal(2).items():
        yield f"{digit} as it is", digit, packed(image, "PNG"), True, image
    four = normal(2)[4]
    inverted = Image.eval(four, lambda level: 255 - level)
    yield "inverted", 4, packed(inverted, "PNG"), True, inverted
    for mode in ("RGB", "RGBA", "LA"):
        yield f"as {mode}", 4, packed(four.convert(mode), "PNG"), True, four
    yield "a palette", 4, packed(four.convert("P"), "PNG"), True, four
    deep = Image.fromarray(np.array(four).astype(np.uint16) * 257)
    yield "16 bits a level", 4, packed(deep, "PNG"), True, four
    yield "lossless WebP", 4, packed(four.convert("RGB"), "WEBP", lossless=True), True, four
    # A digit in black on nothing, as a browser's canvas gives it.
    canvas = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    canvas.putalpha(four)
    yield "black on transparent", 4, packed(canvas, "PNG"), True, inverted
    for digit in STROKES:
        paper = draw(digit, 200, 110, 12, "L", 20, 240)
        yield f"{digit} in ink on paper", digit, packed(paper, "PNG"), False, paper
    chalk = draw(2, 300, 90, 10, "L", 220, 60, (190, 20))
    yield "chalk in a corner", 2, packed(chalk, "PNG"), False, chalk
    blue = draw(3, 160, 100, 9, "RGB", (20, 40, 200), (250, 245, 230))
    yield "blue ink on yellow paper", 3, packed(blue, "PNG"), False, None
    yield "JPEG", 5, packed(draw(5, 200, 120, 12, "L", 10, 250), "JPEG", quality=85), False, None
    yield "WebP", 6, packed(draw(6, 200, 120, 12, "RGB", (10, 10, 10), (250, 250, 250)), "WEBP", quality=85), False, None
    wide = draw(7, 200, 120, 12, "L", 10, 250).resize((400, 200))
    yield "wider than high", 7, packed(wide, "PNG"), False, wide
    small = draw(7, 14, 10, 1, "1", 0, 1)
    yield "14 pixels, black or white", 7, packed(small, "PNG"), False, small.convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees to the right
    turned = draw(4, 200, 120, 12, "L", 10, 250).transpose(Image.Transpose.ROTATE_90)
    yield "turned, and Exif says so", 4, packed(turned, "JPEG", exif=exif, quality=90), False, None


def packed(image: Image.Image, kind: str, **options) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return base64.b64encode(file.getvalue()).decode()


def image_case(what: str, digit: int, file: str, exact: bool, image: Image.Image | None, probabilities) -> dict:
    """An image and its digit; the probabilities too, if both programs decode to the same levels."""
    case = {"what": what, "digit": digit, "image": file}
    if image is None:
        return case
    given = probabilities(pixels_of(np.array(image.convert("L"))))
    assert int(np.argmax(given)) == digit, f"{what}: the network says {np.argmax(given)}"
    return case | {"atol": ATOL if exact else SHRUNK_ATOL, "probabilities": given}


def pixels_of(levels: np.ndarray) -> np.ndarray:
    """The network's input for an image; see "From an image to pixels" in README.md."""
    border = np.sort(np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]]))
    background = int(border[len(border) // 2])
    if background - int(levels.min()) > int(levels.max()) - background:
        levels, background = 255 - levels, 255 - background
    if levels.shape == (28, 28) and background <= 16:
        return levels
    levels = stretched(levels, background)
    rows, columns = np.nonzero((levels >= 128).any(1))[0], np.nonzero((levels >= 128).any(0))[0]
    ink = levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longer = max(ink.shape)
    high, wide = [max(1, (side * 20 + longer // 2) // longer) for side in ink.shape]
    small = stretched(np.array(Image.fromarray(ink).resize((wide, high), Image.Resampling.BILINEAR)), 0)
    mass = small.sum(dtype=np.int64)
    top, left = [
        int(np.clip(14 - int(moment / mass + 0.5), 0, 28 - side))
        for moment, side in ((small.sum(1) @ np.arange(high), high), (small.sum(0) @ np.arange(wide), wide))
    ]
    whole = np.zeros((28, 28), np.uint8)
    whole[top : top + high, left : left + wide] = small
    return whole


def stretched(levels: np.ndarray, background: int) -> np.ndarray:
    above = np.maximum(levels.astype(np.int64) - background, 0)
    return (above * 255 // max(1, int(levels.max()) - background)).astype(np.uint8)


def golden_case(pixels: np.ndarray, probabilities: list[float]) -> dict:
    return {
        "inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [1, 28, 28], "data": pixels.reshape(-1).tolist()}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": probabilities}],
    }


def write(path: Path, schema: str, cases: list[dict]) -> None:
    """One case per line."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = f'"format":{json.dumps(schema)},"atol":{ATOL},"producer":{json.dumps(PRODUCER)}'
    path.write_text(f'{{{head},"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
