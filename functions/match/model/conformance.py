"""Writes matches.json: which texts digits.onnx and embed.onnx put first for an image in Python, as a reference for the service.

    python conformance.py

The images are those of the digits function that reach its network as they are. It reads the shipped files alone: Pillow
decodes, ONNX Runtime runs both networks, `tokenizers` reads the texts, and the formula of README.md is implemented here a second time.
"""

import base64
import io
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from tokenizers import Tokenizer

HERE = Path(__file__).parent
DIGITS, EMBED = HERE.parents[1] / "digits" / "model", HERE.parents[1] / "embed" / "model"
PRODUCER = f"onnxruntime {onnxruntime.__version__} (Python), CPUExecutionProvider"
ATOL = 1e-4  # scores are below 1; other sums move the vectors that they come from by 1e-6
TOP = 5
NAMES = "zero one two three four five six seven eight nine".split()
OTHERS = [
    "a tabby cat",
    "a golden retriever on the grass",
    "The film was a waste of two hours.",
    "",
    "🙂 ¿?",
    "the same word " * 60,
]


def main() -> None:
    labels = (HERE / "labels.txt").read_text().splitlines()
    encoder = Encoder()
    known = encoder.vectors(labels)
    digits = onnxruntime.InferenceSession(DIGITS / "digits.onnx", providers=["CPUExecutionProvider"])
    cases = []
    for image in json.loads((DIGITS / "images.json").read_text())["cases"]:
        if not image["what"].endswith("as it is"):
            continue
        pixels = np.array(Image.open(io.BytesIO(base64.b64decode(image["image"]))).convert("L"))
        probabilities = digits.run(["probabilities"], {"pixels": pixels[np.newaxis]})[0][0].astype(np.float64)
        texts = [f"a handwritten {name}" for name in NAMES] + OTHERS
        scores = encoder.vectors(texts) @ towards(probabilities, known)
        order = np.argsort(-scores, kind="stable")
        assert texts[order[0]] == f"a handwritten {NAMES[image['digit']]}", f"{image['what']}: {texts[order[0]]}"
        cases.append({"image": image["what"], "texts": texts, "scores": [float(f"{score:.9g}") for score in scores]})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = f'"format":"amaas.matches/1","atol":{ATOL},"producer":{json.dumps(PRODUCER)}'
    (HERE / "matches.json").write_text(f'{{{head},"cases":[\n{lines}\n]}}\n')


class Encoder:
    """Texts to vectors, one text in a run."""

    def __init__(self) -> None:
        self.tokenizer = Tokenizer.from_file(str(EMBED / "tokenizer.json"))
        self.session = onnxruntime.InferenceSession(EMBED / "embed.onnx", providers=["CPUExecutionProvider"])

    def vectors(self, texts: list[str]) -> np.ndarray:
        return np.array([self.vector(text) for text in texts])

    def vector(self, text: str) -> np.ndarray:
        encoding = self.tokenizer.encode(text)
        rows = {
            "input_ids": encoding.ids,
            "attention_mask": encoding.attention_mask,
            "token_type_ids": encoding.type_ids,
        }
        inputs = {name: np.array([row], np.int64) for name, row in rows.items()}
        return self.session.run(["sentence_embedding"], inputs)[0][0].astype(np.float64)


def towards(probabilities: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The direction of the sum of the most probable labels' vectors, weighted by probability."""
    places = np.argsort(-probabilities, kind="stable")[:TOP]
    total = (probabilities[places, np.newaxis] * known[places]).sum(0)
    return total / np.linalg.norm(total)


if __name__ == "__main__":
    main()
