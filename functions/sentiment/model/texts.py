"""The texts of texts.json, all written for it: every edge of the tokenizer, and a few reviews.

`plain` holds texts as they are. `repeated` holds a unit and a count, for texts too long to store. `counted` makes texts of
many different words, so that an id cut off at the wrong end shows.
"""


def plain() -> dict[str, str]:
    return EDGES | REVIEWS


def repeated() -> dict[str, tuple[str, int]]:
    return {
        "one million characters, 200,000 words": ("dull ", 200_000),
        "one million characters, one word": ("a", 1_000_000),
        "one million spaces": (" ", 1_000_000),
        "one million characters of mark-up": ("<br />\n\t", 125_000),
        "one million astral characters": ("\U0001f3ac", 1_000_000),
    }


def counted(words: list[str]) -> dict[str, str]:
    """Texts of the first words of the vocabulary, in rank order, around the length where the start id is lost."""
    return {f"{count} words": " ".join(words[:count]) for count in (254, 255, 256, 257, 400)}


EDGES = {
    "empty": "",
    "one space": " ",
    "white space that is filtered": "  \t \n\n ",
    "one word": "wonderful",
    "only unknown words": "zxqv blorptang quuxly",
    "known and unknown words": "a wonderful zxqv film",
    "emoji between spaces": "great film \U0001f600 \U0001f44d\U0001f3fd \u2764\ufe0f",
    "emoji against a word": "great\U0001f600 film",
    "emoji of several code points": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 film",
    "line break mark-up": "A fine start.<br /><br />A weak end.",
    "paragraph mark-up and entities": '<p class="lead">Tom &amp; Anna&#39;s <b>best</b> film</p>',
    "punctuation only": '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~',
    "apostrophe only": "'",
    "apostrophes inside words": "I don't think it's bad, and I can't say why I'd see it",
    "apostrophes as quotes": "he called it 'great' and 'the best'",
    "typographic apostrophe": "I don\u2019t think it\u2019s bad",
    "acute accent as apostrophe": "it\u00b4s good",
    "typographic quotes": "\u201cgreat\u201d film",
    "upper case": "THE BEST FILM OF THE YEAR",
    "tab and line feed": "great\tfilm\ngreat film",
    "carriage return is no filter": "great\rfilm great film",
    "carriage return and line feed": "great film\r\nbad film\r\n",
    "vertical tab and form feed are no filters": "great\x0bfilm bad\x0cfilm good film",
    "null is no filter": "great\x00film good film",
    "no-break space is no filter": "great\u00a0film good film",
    "ideographic space is no filter": "great\u3000film good film",
    "zero-width space and byte-order mark": "\ufeffgreat fi\u200blm good film",
    "next line, a word of the vocabulary": "great \x85 film",
    "next line against a word": "great\x85 film",
    "C1 dashes, words of the vocabulary": "great \x96 film \x97 bad",
    "en dash and em dash": "great \u2013 film \u2014 bad",
    "ellipsis character": "great\u2026 film",
    "Turkish dotted capital I gains a code point": "\u0130T \u0130S good",
    "Turkish dotless i": "\u0131t is good",
    "Kelvin sign lower-cases to k": "\u212aing \u212aong",
    "Greek final sigma": "\u039f\u0394\u039f\u03a3 \u039f\u0394\u039f\u03a3. \u03a3",
    "German sharp s": "STRASSE stra\u00dfe STRA\u1e9eE film",
    "accents precomposed": "a CLICH\u00c9 of a fianc\u00e9e",
    "accents as combining marks": "a CLICHE\u0301 of a fiance\u0301e",
    "ligature and full-width letters": "\ufb01lm \uff26\uff29\uff2c\uff2d film",
    "Chinese, Japanese and Korean": "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d \u7d20\u6674\u3089\u3057\u3044 \uc601\ud654",
    "right-to-left script": "\u05e1\u05e8\u05d8 \u0637\u064a\u0628 film",
    "digits": "10 out of 10, made in 1999, 3.5 stars, 100% real, no 4823",
    "hyphens": "a well-made, low-budget, edge-of-your-seat film--really",
    "address of a page": "see https://example.org/films?id=7&lang=en now",
}

REVIEWS = {
    "clearly positive": (
        "A wonderful film from the first scene to the last. The two leads are superb together, the music is beautiful, "
        "and the ending moved me to tears. One of the best things I have seen in years."
    ),
    "clearly negative": (
        "What a waste of an evening. The plot makes no sense, the acting is terrible, and every joke falls flat. "
        "By the end I was bored and annoyed. Avoid this awful mess."
    ),
    "mixed": (
        "The camera work is excellent and the town looks lovely, but the story is thin and the dialogue is often poor. "
        "I liked the first half and was bored by the second."
    ),
    "negated praise": "Not good. Not funny. I did not enjoy it, and nobody I know did.",
    "negated blame": "Not bad at all! I was never bored, and there is nothing here I would call a failure.",
    "two paragraphs": (
        "I went in expecting little.<br /><br />What I got was a warm, clever and perfectly cast comedy; "
        "my whole family loved it (even grandma)."
    ),
}
