"""English training texts without labels: sentences of the film reviews that the sentiment model has too."""

import json
import lzma
import random
import re
from pathlib import Path

from tokenizers import Tokenizer

FILES = ("imdb_train.jsonl.xz", "imdb_test.jsonl.xz")
END = re.compile(r"(?<=[.!?])\s+|(?:<br\s*/?>\s*)+")
LONGEST_WORDS = 100


def sentences(data: Path, count: int, seed: int) -> list[str]:
    """`count` texts in an order drawn by `seed`: two thirds single sentences, the rest two to four in a row."""
    draw = random.Random(seed)
    found = set()
    for file in FILES:
        with lzma.open(data / file, "rt", encoding="utf-8") as lines:
            for line in lines:
                found.update(passages(json.loads(line)["text"], draw))
    texts = sorted(found)
    draw.shuffle(texts)
    return texts[:count]


def passages(review: str, draw: random.Random) -> list[str]:
    parts = [part.strip() for part in END.split(review)]
    parts = [part for part in parts if len(part.split()) >= 2]
    taken, at = [], 0
    while at < len(parts):
        length = 1 if draw.random() < 2 / 3 else draw.randint(2, 4)
        text = " ".join(parts[at : at + length])
        at += length
        if len(text.split()) <= LONGEST_WORDS:
            taken.append(text)
    return taken


def salads(tokenizer: Tokenizer, count: int, seed: int) -> list[str]:
    """`count` rows of 3 to 12 words of the vocabulary in no order, frequent words more often: reviews have words of films only."""
    draw = random.Random(seed)
    # The vocabulary is sorted by how frequent words are, but for its first thousand entries.
    words = [word for word, id in sorted(tokenizer.get_vocab().items(), key=lambda it: it[1]) if id >= 1996 and word.isalpha()]
    word = lambda: words[int(len(words) ** draw.random()) - 1]
    return [" ".join(word() for _ in range(draw.randint(3, 12))) for _ in range(count)]
