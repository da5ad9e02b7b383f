"""Golden cases and tokens of Python's `tokenizers` and ONNX Runtime, as a reference for the service.

    python conformance.py     # golden.json and texts.json of the committed network

build.py and train.py run it last. It reads the shipped files and never what they were made from.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import texts
from network import INPUTS, OUTPUT

HERE = Path(__file__).parent
PRODUCER = f"onnxruntime {onnxruntime.__version__} (Python), CPUExecutionProvider"
ATOL = 1e-5  # values are some 0.05; another order of sums moves them by 1e-7


def main(folder: Path = HERE) -> None:
    network, tokenizer = folder / "embed.onnx", folder / "tokenizer.json"
    write(folder / "golden.json", "amaas.golden/1", golden(network, tokenizer), ATOL)
    write(folder / "texts.json", "amaas.texts/1", tokens(tokenizer), 0)


def golden(network: Path, tokenizer: Path) -> list[dict]:
    """Each of a few sentences alone; some are of equal length, so that publishing can try two in one run."""
    tokenizer = Tokenizer.from_file(str(tokenizer))
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    return [golden_case(session, tokenizer.encode(text)) for text in texts.SENTENCES]


def golden_case(session: onnxruntime.InferenceSession, encoding) -> dict:
    rows = dict(zip(INPUTS, (encoding.ids, encoding.attention_mask, encoding.type_ids), strict=True))
    vector = session.run([OUTPUT], {name: np.array([row], np.int64) for name, row in rows.items()})[0]
    shape = [1, len(encoding.ids)]
    return {
        "inputs": [{"name": name, "datatype": "INT64", "shape": shape, "data": row} for name, row in rows.items()],
        "outputs": [
            {
                "name": OUTPUT,
                "datatype": "FP32",
                "shape": list(vector.shape),
                # Nine digits give the same float32 back.
                "data": [float(f"{value:.9g}") for value in vector[0]],
            }
        ],
    }


def tokens(tokenizer: Path) -> list[dict]:
    """The ids of every odd text, cut as the tokenizer's file says."""
    tokenizer = Tokenizer.from_file(str(tokenizer))
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()

    def case(name: str, form: dict, text: str) -> dict:
        ids = tokenizer.encode(text).ids
        return {"name": name} | form | {"ids": ids, "truncated": len(whole.encode(text).ids) > len(ids)}

    plain = [case(name, {"text": text}, text) for name, text in texts.plain().items()]
    repeated = [
        case(name, {"repeat": {"unit": unit, "times": times}}, unit * times)
        for name, (unit, times) in texts.repeated().items()
    ]
    return plain + repeated


def write(path: Path, schema: str, cases: list[dict], atol: float) -> None:
    """One case per line, in ASCII: an invisible character shows as its escape."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = f'"format":{json.dumps(schema)},"atol":{atol},"producer":{json.dumps(PRODUCER)}'
    path.write_text(f'{{{head},"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
