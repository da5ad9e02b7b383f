"""The names and their split: a fifth of each language for the test, a tenth for validation, the rest for training."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import encoding

# Added to the 19 others by who published this variant; holds names of communities as well.
LEFT_OUT = {"Indian"}
SPLIT_SEED = 0


@dataclass(frozen=True)
class Surnames:
    """Folded names and the number of the language of each."""

    names: list[str]
    labels: np.ndarray

    def encoded(self) -> tuple[np.ndarray, np.ndarray]:
        return encoding.encode(self.names)

    def __add__(self, other: "Surnames") -> "Surnames":
        return Surnames(self.names + other.names, np.concatenate([self.labels, other.labels]))


def load(folder: Path) -> tuple[list[str], Surnames, Surnames, Surnames]:
    """The languages, and the names for training, validation and test."""
    files = sorted(path for path in folder.glob("*.txt") if path.stem not in LEFT_OUT)
    parts = ([], [], [])
    for label, path in enumerate(files):
        names = sorted({encoding.fold(line) for line in path.read_text(encoding="utf-8").splitlines()} - {""})
        order = np.random.default_rng([SPLIT_SEED, label]).permutation(len(names))
        test, validation = len(names) // 5, len(names) // 10
        for part, chosen in zip(parts, np.split(order, [len(names) - test - validation, len(names) - test])):
            part += [(names[index], label) for index in chosen]
    made = [Surnames([name for name, _ in part], np.array([label for _, label in part])) for part in parts]
    return [path.stem for path in files], *made


def main() -> None:
    """python surnames.py DIR > test.tsv: the language and name of each test name, for examples/evaluate.rs."""
    languages, _, _, test = load(Path(sys.argv[1]))
    for name, label in zip(test.names, test.labels, strict=True):
        print(languages[label], name, sep="\t")


if __name__ == "__main__":
    main()
