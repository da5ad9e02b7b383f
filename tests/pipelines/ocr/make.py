"""Draws the images of `images/`, and writes what `rapidocr` reads in them to `cases.json`.

    python3 -m pip install -r requirements.txt
    python3 make.py
"""

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from rapidocr_onnxruntime import RapidOCR

FOLDER = Path(__file__).resolve().parent


def blank(width, height, level=255):
    return Image.new("RGB", (width, height), (level, level, level))


def write(image, x, y, text, size, colour=(0, 0, 0)):
    ImageDraw.Draw(image).text((x, y), text, fill=colour, font=ImageFont.load_default(size))


def line():
    image = blank(620, 60)
    write(image, 14, 12, "Invoice 2031-08: total 977.35 EUR", 32)
    return image


def page():
    image = blank(760, 520, 245)
    for row, text in enumerate(["Meeting notes, 4 March", "The pump runs at 1,450 rpm.", "Order 36 valves by Friday!", "Total: $8,204.17"]):
        write(image, 40, 40 + 70 * row, text, 34 - 3 * row, (20 * row, 10, 60))
    # Two columns, the right one a little higher.
    write(image, 40, 330, "Depart 07:45", 28)
    write(image, 420, 324, "Arrive 11:20", 28)
    write(image, 40, 430, "fine print (see page 12)", 15)
    return image


def tilted(angle):
    image = blank(640, 420)
    write(image, 60, 120, "Fragile: this side up", 40)
    write(image, 60, 220, "Weight 12.5 kg", 40, (150, 20, 20))
    return image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))


def flat():
    image = blank(900, 28)
    write(image, 6, 3, "A single long line of text that leaves no margin above or below it", 19)
    return image


def inverted():
    image = blank(480, 200, 30)
    write(image, 30, 40, "Night mode", 44, (250, 250, 120))
    write(image, 30, 120, "battery 63%", 44, (120, 220, 250))
    return image


def large():
    image = blank(2600, 1800)
    for row in range(12):
        write(image, 120, 100 + 130 * row, f"Row {row + 1}: reading {row * row * 37 + 1005} units", 64)
    return image


def high():
    image = blank(90, 700)
    for row in range(8):
        write(image, 12, 20 + 84 * row, f"A{row}7", 34)
    return image


def images():
    yield "line", line()
    yield "page", page()
    yield "tilted-left", tilted(9)
    yield "tilted-right", tilted(-14)
    yield "upside-down", tilted(0).rotate(180)
    yield "upright", tilted(0).rotate(90, expand=True)
    yield "flat", flat()
    yield "inverted", inverted()
    yield "large", large().convert("1", dither=Image.Dither.NONE).convert("L")
    yield "high", high()
    yield "empty", blank(200, 150)


def lines(ocr, path, **use):
    found, _ = ocr(str(path), **use)
    return [{"text": text, "score": round(score, 5), "box": box} for box, text, score in found or []]


def main():
    ocr = RapidOCR()
    cases = []
    for name, image in images():
        path = FOLDER / "images" / f"{name}.png"
        image.save(path, optimize=True)
        case = {"image": name, "lines": lines(ocr, path), "without_direction": lines(ocr, path, use_cls=False)}
        if name in ("line", "flat"):
            found, _ = ocr(str(path), use_det=False, use_cls=False)
            case["as_line"] = {"text": found[0][0], "score": round(found[0][1], 5)}
        cases.append(case)
    text = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    (FOLDER / "cases.json").write_text(f'{{\n "rapidocr": "1.4.4",\n "cases": [\n{text}\n ]\n}}\n')


main()
