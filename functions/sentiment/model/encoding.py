"""Text to 256 ids, as Keras' IMDB data set has it.

Invariants: id 0 pads after the text, id 1 starts it, id 2 is every word outside the vocabulary, and a word of
rank r has id r + 3. The start id is put in front before the text is cut, so a text of more than 255 words loses it.
"""

import numpy as np
from keras.src.legacy.preprocessing.text import text_to_word_sequence
from keras.utils import pad_sequences

LENGTH = 256
VOCABULARY = 10_000  # ids 0 to 9,999
PADDING, START, UNKNOWN = 0, 1, 2
RANK_OFFSET = 3  # keras.datasets.imdb.load_data(index_from=3)


def vocabulary(word_index: dict[str, int]) -> list[str]:
    """The words whose id is below VOCABULARY, in rank order: item n (from 1) has id n + 3."""
    words = sorted(word_index, key=word_index.__getitem__)[: VOCABULARY - 1 - RANK_OFFSET]
    assert [word_index[word] for word in words] == list(range(1, len(words) + 1)), "ranks have gaps"
    return words


def word_ids(words: list[str]) -> dict[str, int]:
    """The id of each word of the vocabulary."""
    return {word: rank + RANK_OFFSET for rank, word in enumerate(words, start=1)}


def encode(texts: list[str], ids: dict[str, int]) -> np.ndarray:
    """The ids of each text, int64 `[len(texts), LENGTH]`."""
    sequences = [[START] + [ids.get(word, UNKNOWN) for word in text_to_word_sequence(text)] for text in texts]
    return fit_length(sequences)


def fit_length(sequences: list[list[int]]) -> np.ndarray:
    """Keeps the last LENGTH ids of each sequence and pads after them, int64 `[len(sequences), LENGTH]`."""
    return pad_sequences(
        sequences, maxlen=LENGTH, dtype="int64", padding="post", truncating="pre", value=PADDING
    )
