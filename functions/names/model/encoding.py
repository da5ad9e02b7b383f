"""Names as the network reads them: letters folded to an alphabet of 29, as ids of a fixed length."""

import re
import unicodedata

import numpy as np

ALPHABET = " '-abcdefghijklmnopqrstuvwxyz"
LENGTH = 64
PADDING = 0
UNKNOWN = 1
FIRST = 2  # id of the alphabet's first character
IDS = FIRST + len(ALPHABET)

# Letters that Unicode does not decompose, and variants of the apostrophe and the hyphen.
SPELLED = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ł": "l", "ŧ": "t",
    "\u2018": "'", "\u2019": "'", "\u02bb": "'", "\u02bc": "'", "\u02bd": "'", "`": "'", "\u00b4": "'",
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-",
}  # fmt: skip


def fold(name: str) -> str:
    """`name` in the alphabet; a character outside it is kept."""
    spelled = "".join(SPELLED.get(character, character) for character in name.lower())
    taken_apart = unicodedata.normalize("NFKD", spelled)
    bare = "".join(character for character in taken_apart if not "\u0300" <= character <= "\u036f")
    # The result of decomposition: a capital or a ligature's letter.
    folded = "".join(SPELLED.get(character, character) for character in bare.lower())
    # Unicode's white space; Python counts four control characters too.
    return re.sub(r"[^\S\x1c-\x1f]+", " ", folded).strip(" ")


def ids(folded: str) -> list[int]:
    """One id for each character, without padding."""
    return [ALPHABET.find(character) + FIRST if character in ALPHABET else UNKNOWN for character in folded]


def encode(folded: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """`input_ids` and `lengths` of folded names."""
    rows = np.full((len(folded), LENGTH), PADDING, np.int64)
    lengths = np.array([len(name) for name in folded], np.int32)
    for row, name in zip(rows, folded, strict=True):
        row[: len(name)] = ids(name)
    return rows, lengths
