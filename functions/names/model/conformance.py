"""Writes golden.json and names.json: the outputs of names.onnx in Python, as a reference for the service.

    python conformance.py

train.py runs it last, as a process of its own. It reads the shipped files and never the trained model; probabilities are
ONNX Runtime's, one name a call. The names were written for this, none is taken from the data.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime

import encoding

HERE = Path(__file__).parent
PRODUCER = f"onnxruntime {onnxruntime.__version__} (Python), CPUExecutionProvider"
ATOL = 1e-5  # an LSTM sums over some hundred terms a step, and another machine sums in another order
TOP = 5

GOLDEN = (
    "Okafor Yamamoto Kowalczyk Papadopoulos O'Sullivan MacGregor Nguyen Dvorak Rossi Schneider Fernandes Haddad "
    "Van der Berg Petrovsky Zhang Park Llewellyn Lefebvre Smith Gutierrez X Li Wolfeschlegelsteinhausenbergerdorff"
)

# The name of each case, and the surname.
ODD = {
    "one letter": "O",
    "64 letters": "a" * 64,
    "65 letters": "a" * 65,
    "64 letters and marks": "a\u0301" * 64,
    "a million letters": ("a", 1_000_000),
    "a million spaces": (" ", 1_000_000),
    "a million marks": ("\u0301", 1_000_000),
    "empty": "",
    "white space": " \t\n\u00a0\u3000",
    "capitals": "KOWALCZYK",
    "composed marks": "Dvo\u0159\u00e1k",
    "decomposed marks": "Dvor\u030ca\u0301k",
    "Vietnamese": "Nguy\u1ec5n",
    "Polish": "\u0141ukasi\u0144ski",
    "sharp s": "Gro\u00df",
    "capital sharp s": "GRO\u1e9e",
    "ligatures": "\u00c6gidius \u0153uvre",
    "Icelandic": "\u00deorsteinsd\u00f3ttir \u00d0",
    "Turkish dotted I": "\u0130nan Y\u0131ld\u0131z",
    "a ligature of type": "Gri\ufb03n",
    "full width": "\uff33\uff4d\uff49\uff54\uff48",
    "a trade mark": "Smith\u2122",
    "a name with a curved apostrophe": "O\u2019Brien",
    "an \u02bbokina": "Ka\u02bbahumanu",
    "an acute accent for an apostrophe": "O\u00b4Brien",
    "a backquote for an apostrophe": "O`Brien",
    "a dash for a hyphen": "Smith\u2013Jones",
    "spaces around and between": "  van  der\u00a0\u2003Berg ",
    "digits": "Smith 3",
    "digits alone": "1234",
    "punctuation alone": "'-'",
    "a comma and a full stop": "Smith, Jr.",
    "an emoji": "Smith \U0001f600",
    "emoji alone": "\U0001f600\U0001f600",
    "Cyrillic": "\u0418\u0432\u0430\u043d\u043e\u0432",
    "Cyrillic with a Latin letter": "\u0418\u0432\u0430\u043do\u0432",
    "Chinese": "\u738b",
    "Korean": "\uae40",
    "Arabic": "\u062d\u062f\u0627\u062f",
    "Greek": "\u03a0\u03b1\u03c0\u03b1\u03b4\u03cc\u03c0\u03bf\u03c5\u03bb\u03bf\u03c2",
    "a null character": "Smi\0th",
    "a control character that Python takes for a space": "Smi\x1cth",
    "a zero-width joiner": "Smi\u200dth",
    "right to left": "\u202eSmith",
    "one character that becomes eighteen": "\ufdfaa",
    "the last code point": "Smith\U0010ffff",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="folder with names.onnx and languages.txt")
    folder = parser.parse_args().out

    session = onnxruntime.InferenceSession(folder / "names.onnx", providers=["CPUExecutionProvider"])
    languages = (folder / "languages.txt").read_text().splitlines()

    def probabilities(folded: str) -> list[float]:
        ids, lengths = encoding.encode([folded])
        output = session.run(["probabilities"], {"input_ids": ids, "lengths": lengths})[0][0]
        return [float(f"{value:.9g}") for value in output]  # nine digits give the same float32 back

    golden = [golden_case(name, probabilities(name)) for name in map(encoding.fold, GOLDEN.split())]
    write(folder / "golden.json", "amaas.golden/1", golden)
    plain = dict.fromkeys(GOLDEN.split())
    cases = {name: name for name in plain} | ODD
    write(folder / "names.json", "amaas.names/1", [odd_case(what, of, probabilities, languages) for what, of in cases.items()])


def golden_case(folded: str, probabilities: list[float]) -> dict:
    ids, lengths = encoding.encode([folded])
    return {
        "inputs": [
            {"name": "input_ids", "datatype": "INT64", "shape": [1, encoding.LENGTH], "data": ids[0].tolist()},
            {"name": "lengths", "datatype": "INT32", "shape": [1], "data": lengths.tolist()},
        ],
        "outputs": [
            {"name": "probabilities", "datatype": "FP32", "shape": [1, len(probabilities)], "data": probabilities}
        ],
    }


def odd_case(what: str, of, probabilities, languages: list[str]) -> dict:
    """`name`, or `repeat` if it is too long to store; its ids and the most probable languages, or why it is refused."""
    form = {"name": of} if isinstance(of, str) else {"repeat": {"unit": of[0], "times": of[1]}}
    folded = encoding.fold(of if isinstance(of, str) else of[0] * of[1])
    if len(folded) > encoding.LENGTH:
        return {"what": what} | form | {"refused": "length"}
    if not any(letter in encoding.ALPHABET[3:] for letter in folded):
        return {"what": what} | form | {"refused": "letters"}
    given = probabilities(folded)
    order = np.argsort(-np.array(given), kind="stable")[:TOP]
    return {"what": what} | form | {"ids": encoding.ids(folded), "top": [[languages[label], given[label]] for label in order]}


def write(path: Path, schema: str, cases: list[dict]) -> None:
    """One case per line, in ASCII: an invisible character shows as its escape."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = f'"format":{json.dumps(schema)},"atol":{ATOL},"producer":{json.dumps(PRODUCER)}'
    path.write_text(f'{{{head},"cases":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
