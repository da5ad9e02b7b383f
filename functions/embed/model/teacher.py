"""MiniLM's vectors of texts and of single words, to train the small network. Cached in built/, since they take a while."""

from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

BATCH = 32


class Teacher:
    """MiniLM in fp32, as build.py makes it."""

    def __init__(self, folder: Path) -> None:
        self.session = onnxruntime.InferenceSession(folder / "minilm.onnx", providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def texts(self, ids: list[list[int]], say=lambda done: None) -> np.ndarray:
        """A vector for each list of ids."""
        vectors = np.zeros((len(ids), 384), np.float32)
        # Equal lengths side by side, so that little is padding.
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        for at in range(0, len(order), BATCH):
            rows = order[at : at + BATCH]
            vectors[rows] = self.run(padded([ids[row] for row in rows]))
            say(at + len(rows))
        return vectors

    def words(self) -> np.ndarray:
        """A vector for each id of the vocabulary, alone between [CLS] and [SEP]."""
        ids = np.arange(self.tokenizer.get_vocab_size())
        rows = np.stack([np.full_like(ids, 101), ids, np.full_like(ids, 102)], axis=1)
        return np.concatenate([self.run(rows[at : at + 256]) for at in range(0, len(rows), 256)])

    def run(self, ids: np.ndarray) -> np.ndarray:
        mask = (ids != PAD).astype(np.int64)
        mask[:, 0] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self.session.run(["sentence_embedding"], feed)[0]


def padded(rows: list[list[int]], length: int | None = None) -> np.ndarray:
    ids = np.zeros((len(rows), length or max(map(len, rows))), np.int64)
    for row, line in zip(ids, rows, strict=True):
        row[: len(line)] = line
    return ids


PAD = 0
