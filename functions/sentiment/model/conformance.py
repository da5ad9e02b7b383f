"""Writes golden.json and texts.json: the outputs of sentiment.onnx and words.txt in Python, as a reference for the service.

    python conformance.py              # test reviews through keras.datasets.imdb
    python conformance.py --data DIR   # test reviews from DIR

train.py runs it last, as a process of its own. It reads the two shipped files and never the trained model; probabilities
are ONNX Runtime's, one text a call, and ids are made by Keras' own text_to_word_sequence.

golden.json holds test reviews, but no text: behind the start id the ids of each are shuffled, so that no review can be read
back with words.txt. The network takes the mean over them and gives the shuffled ids the same probability.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it when imported

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

import encoding
import texts
from reviews import Reviews, source

HERE = Path(__file__).parent
GOLDEN_CASES = 64
GOLDEN_SEED = 0
PRODUCER = f"onnxruntime {onnxruntime.__version__} (Python), CPUExecutionProvider"
ATOL = 1e-6  # measured: on these cases ONNX Runtime called with one text or with all differs by up to 5.4e-7


class Network:
    """The exported graph in ONNX Runtime."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def probability(self, ids: np.ndarray) -> float:
        """The probability of one row of 256 ids, to the nine digits that give the same float32 back."""
        output = self.session.run(["probability"], {"input_ids": ids[np.newaxis]})[0]
        return float(f"{output[0, 0]:.9g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of raw reviews; without it, keras.datasets.imdb")
    parser.add_argument("--out", type=Path, default=HERE, help="folder with sentiment.onnx and words.txt")
    arguments = parser.parse_args()

    network = Network(arguments.out / "sentiment.onnx")
    words = (arguments.out / "words.txt").read_bytes().decode().split("\n")[:-1]
    write(arguments.out / "golden.json", "amaas.golden/1", golden_cases(network, source(arguments.data).load("test")))
    write(arguments.out / "texts.json", "amaas.texts/1", text_cases(network, words))


def golden_cases(network: Network, reviews: Reviews) -> list[dict]:
    """As many positive as negative test reviews, drawn by GOLDEN_SEED."""
    random = np.random.default_rng(GOLDEN_SEED)
    chosen = [random.choice(np.flatnonzero(reviews.labels == label), GOLDEN_CASES // 2, replace=False) for label in (0, 1)]
    return [golden_case(network, shuffled(reviews.ids[row], random)) for row in np.concatenate(chosen)]


def shuffled(ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """`ids` with its words in another order; the start id and the padding stay where they are."""
    ids = ids.copy()
    first = int(ids[0] == encoding.START)
    random.shuffle(ids[first : np.count_nonzero(ids)])
    return ids


def golden_case(network: Network, ids: np.ndarray) -> dict:
    probability = network.probability(ids)
    return {
        "inputs": [{"name": "input_ids", "datatype": "INT64", "shape": [1, encoding.LENGTH], "data": ids.tolist()}],
        "outputs": [{"name": "probability", "datatype": "FP32", "shape": [1, 1], "data": [probability]}],
    }


def text_cases(network: Network, words: list[str]) -> list[dict]:
    ids_of = encoding.word_ids(words)

    def case(name: str, form: dict, text: str) -> dict:
        ids = encoding.encode([text], ids_of)[0]
        return {"name": name} | form | {"ids": ids.tolist(), "probability": network.probability(ids)}

    plain = [case(name, {"text": text}, text) for name, text in (texts.plain() | texts.counted(words)).items()]
    repeated = [
        case(name, {"repeat": {"unit": unit, "times": times}}, unit * times)
        for name, (unit, times) in texts.repeated().items()
    ]
    return plain + repeated


def write(path: Path, schema: str, cases: list[dict]) -> None:
    """One case per line, in ASCII: an invisible character shows as its escape."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = f'"format":{json.dumps(schema)},"atol":{ATOL},"producer":{json.dumps(PRODUCER)}'
    path.write_text(f'{{{head},"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
