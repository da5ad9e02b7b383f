"""The 25,000 training and 25,000 test reviews of Maas et al. (2011), as ids and labels.

Two sources. `KerasReviews` is what `keras.datasets.imdb` downloads. `RawReviews` reads the review texts themselves from a
folder. They differ in one point: Keras' file has lost the words outside its 88,584-word index, the raw reader gives each of
them the unknown id, as the service does. The order of the reviews differs too, so the trained weights do.
"""

import json
import lzma
from pathlib import Path
from typing import Literal, NamedTuple

import keras
import numpy as np

import encoding

Split = Literal["train", "test"]


class Reviews(NamedTuple):
    """One split."""

    ids: np.ndarray  # int64 [reviews, 256]
    labels: np.ndarray  # float32 [reviews], 1 is positive


class KerasReviews:
    """The encoded reviews that `keras.datasets.imdb` downloads and caches."""

    name = "keras.datasets.imdb"

    def words(self) -> list[str]:
        return encoding.vocabulary(keras.datasets.imdb.get_word_index())

    def load(self, split: Split) -> Reviews:
        train, test = keras.datasets.imdb.load_data(
            num_words=encoding.VOCABULARY,
            start_char=encoding.START,
            oov_char=encoding.UNKNOWN,
            index_from=encoding.RANK_OFFSET,
        )
        sequences, labels = train if split == "train" else test
        return Reviews(encoding.fit_length(sequences), np.asarray(labels, np.float32))


class RawReviews:
    """A folder with imdb_train.jsonl.xz, imdb_test.jsonl.xz (`{"text", "label"}` a line) and imdb_word_index.json.xz."""

    name = "raw reviews"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def words(self) -> list[str]:
        with lzma.open(self.folder / "imdb_word_index.json.xz", "rt", encoding="utf-8") as file:
            return encoding.vocabulary(json.load(file))

    def load(self, split: Split) -> Reviews:
        with lzma.open(self.folder / f"imdb_{split}.jsonl.xz", "rt", encoding="utf-8", newline="\n") as file:
            reviews = [json.loads(line) for line in file]
        ids = encoding.encode([review["text"] for review in reviews], encoding.word_ids(self.words()))
        return Reviews(ids, np.array([review["label"] for review in reviews], np.float32))


def source(folder: Path | None) -> KerasReviews | RawReviews:
    """The source behind the `--data` argument."""
    return KerasReviews() if folder is None else RawReviews(folder)
