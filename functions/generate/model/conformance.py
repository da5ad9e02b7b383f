"""Writes the outputs of Python's ONNX Runtime, as a reference for the service: golden.json, texts.json and the figures of metrics.json.

    python conformance.py --data DIR     # of the committed network; train.py runs it last

It reads the shipped files and never what they were made from.
"""

import argparse
import json
import lzma
import math
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).parent
PRODUCER = f"onnxruntime {onnxruntime.__version__} (Python), CPUExecutionProvider"
ATOL = 1e-3  # logits are some 10; another order of sums moves them by 1e-5
PROMPTS = [
    "ROMEO:\n", "JULIET:\nO ", "First Citizen:\n", "KING RICHARD III:\nNow is the", "The", "", "É “ça”",
    "MENENIUS:\nWhat work's, my countrymen, in hand? where go you\nWith bats and clubs? The matter? speak, I pray you.\n\n",
]
LONGEST = 48  # tokens of a continuation


def main(folder: Path, held_out: str, metrics: dict) -> None:
    decoder = Decoder(folder)
    (folder / "golden.json").write_text(lines("amaas.golden/1", ATOL, golden(decoder)))
    (folder / "texts.json").write_text(lines("amaas.texts/1", 0, [greedy(decoder, prompt) for prompt in PROMPTS]))
    metrics |= judged(decoder, held_out)
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(json.dumps(metrics))


class Decoder:
    """A network and its tokenizer; one row."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.context = json.loads((folder / "generate.json").read_text())["context"]
        self.session = onnxruntime.InferenceSession(folder / "generate.onnx", providers=["CPUExecutionProvider"])
        shape = next(entry.shape for entry in self.session.get_inputs() if entry.name == "past_key")
        self.nothing = np.zeros([shape[0], 1, shape[2], 0, shape[4]], np.float32)

    def step(self, ids: list[int], past=None) -> tuple[np.ndarray, tuple]:
        """The logits of each of `ids`, and the KV cache after them."""
        key, value = past or (self.nothing, self.nothing)
        logits, *past = self.session.run(None, {"input_ids": np.array([ids], np.int64), "past_key": key, "past_value": value})
        return logits[0], tuple(past)


def greedy(decoder: Decoder, prompt: str) -> dict:
    ids, out, past = decoder.tokenizer.encode(prompt).ids, [], None
    new = ids
    while len(out) < LONGEST:
        logits, past = decoder.step(new, past)
        new = [int(logits[-1].argmax())]
        out += new
    whole = decoder.tokenizer.decode(ids + out)
    return {"prompt": prompt, "ids": ids, "continuation": out, "text": whole[len(decoder.tokenizer.decode(ids)) :]}


def golden(decoder: Decoder) -> list[dict]:
    """A prompt with an empty KV cache, and a token after a short one."""
    cases = []
    for prompt in PROMPTS[:2]:
        ids = decoder.tokenizer.encode(prompt).ids[:3]
        cases.append(case(ids, (decoder.nothing, decoder.nothing), decoder.step(ids)[0]))
        _, past = decoder.step(ids[:1])
        cases.append(case(ids[1:2], past, decoder.step(ids[1:2], past)[0]))
    return cases


def case(ids: list[int], past: tuple, logits: np.ndarray) -> dict:
    inputs = [{"name": "input_ids", "datatype": "INT64", "shape": [1, len(ids)], "data": ids}]
    inputs += [tensor(name, value) for name, value in zip(("past_key", "past_value"), past, strict=True)]
    return {"inputs": inputs, "outputs": [tensor("logits", logits[None])]}


def tensor(name: str, value: np.ndarray) -> dict:
    # Nine digits give the same float32 back.
    data = [float(f"{value:.9g}") for value in value.ravel()]
    return {"name": name, "datatype": "FP32", "shape": list(value.shape), "data": data}


def judged(decoder: Decoder, text: str) -> dict:
    """The loss on a text: as many tokens as the network sees at once, then as many again, each time from the beginning of a text."""
    begin, *ids = decoder.tokenizer.encode(text).ids
    total = 0.0
    for at in range(0, len(ids), decoder.context - 1):
        row = ids[at : at + decoder.context - 1]
        logits = decoder.step([begin, *row[:-1]])[0].astype(np.float64)
        chances = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        total -= chances[np.arange(len(row)), row].sum()
    return {
        "held_out_characters": len(text),
        "held_out_tokens": len(ids),
        "loss_a_token": round(total / len(ids), 4),
        "perplexity_of_a_token": round(math.exp(total / len(ids)), 2),
        "loss_a_character": round(total / len(text), 4),
        "bits_a_character": round(total / len(text) / math.log(2), 4),
    }


def lines(schema: str, atol: float, cases: list[dict]) -> str:
    """One case per line, in ASCII: an invisible character shows as its escape."""
    body = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = f'"format":{json.dumps(schema)},"atol":{atol},"producer":{json.dumps(PRODUCER)}'
    return f'{{{head},"cases":[\n{body}\n]}}\n'


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=HERE)
    arguments = parser.parse_args()
    text = lzma.decompress((arguments.data / "input.txt.xz").read_bytes()).decode()
    figures = arguments.folder / "metrics.json"
    known = json.loads(figures.read_text()) if figures.exists() else {}
    main(arguments.folder, text[len(text) * 9 // 10 :], known)
