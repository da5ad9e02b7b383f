"""The texts of golden.json and texts.json, all written for them."""

SENTENCES = (
    "A wonderful film, funny and moving from the first scene to the last.",
    "A dreadful film, dull and tiresome from the first scene to the last.",
    "The cat sleeps on the warm roof.",
    "A kitten naps on top of the house.",
    "Interest rates rose by half a point in March.",
    "The central bank tightened its policy this spring.",
    "How do I reset my password?",
    "",
)


def plain() -> dict[str, str]:
    return {f"sentence {number}": text for number, text in enumerate(SENTENCES, 1)} | EDGES


def repeated() -> dict[str, tuple[str, int]]:
    """Texts too long to store."""
    return {
        "126 tokens": ("film ", 126),
        "127 tokens": ("film ", 127),
        "510 tokens": ("film ", 510),
        "511 tokens": ("film ", 511),
        "600 emoji": ("\U0001f600", 600),
        "one word of 100 letters": ("a", 100),
        "one word of 101 letters": ("a", 101),
        "100,000 characters, 20,000 words": ("dull ", 20_000),
        "100,000 characters, one word": ("a", 100_000),
        "one million characters, 200,000 words": ("dull ", 200_000),
        "100,000 characters of punctuation": ("?!", 50_000),
        "100,000 ideographs": ("\u96fb\u5f71", 50_000),
        "20,000 spaces": (" ", 20_000),
        "100,000 control characters and a word at times": ("\x01\x02\x03\x04\x05\x06\x07\x0e\x0f film", 7_000),
        "combining marks": ("e\u0301", 5_000),
    }


EDGES = {
    "one space": " ",
    "white space": "  \t \n\r\n ",
    "one word": "wonderful",
    "no words of the vocabulary": "zxqv blorptang quuxly",
    "upper case": "THE BEST FILM OF THE YEAR",
    "emoji between spaces": "great film \U0001f600 \U0001f44d\U0001f3fd \u2764\ufe0f",
    "emoji against a word": "great\U0001f600film",
    "emoji of several code points": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 film",
    "flags": "\U0001f1e9\U0001f1ea \U0001f1eb\U0001f1f7",
    "Chinese": "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d",
    "Japanese": "\u7d20\u6674\u3089\u3057\u3044\u6620\u753b\u3067\u3059\u3002",
    "Korean": "\uc601\ud654\uac00 \uc88b\uc544\uc694",
    "Chinese and English": "\u8fd9\u90e8film\u5f88\u597d",
    "ideographs beyond the first plane": "\U00020000\U0002a6d6 film",
    "Cyrillic": "\u041e\u0442\u043b\u0438\u0447\u043d\u044b\u0439 \u0444\u0438\u043b\u044c\u043c",
    "Arabic and Hebrew": "\u0641\u064a\u0644\u0645 \u0637\u064a\u0628 \u05e1\u05e8\u05d8 \u05d8\u05d5\u05d1",
    "Hindi": "\u0905\u091a\u094d\u091b\u0940 \u092b\u093f\u0932\u094d\u092e",
    "Thai": "\u0e2b\u0e19\u0e31\u0e07\u0e14\u0e35",
    "control characters": "great\x00film \x01\x02\x1f good\x7f \x9ffilm",
    "only control characters": "\x01\x02\x03",
    "null alone": "\x00",
    "carriage return and tab": "great\rfilm\tgood\r\nfilm",
    "vertical tab and form feed": "great\x0bfilm\x0cgood",
    "replacement character": "great \ufffd film\ufffd",
    "no-break space": "great\u00a0film\u202fgood",
    "ideographic space": "great\u3000film",
    "line and paragraph separator": "great\u2028film\u2029good",
    "zero-width space, joiner and byte-order mark": "\ufeffgreat fi\u200blm fi\u200dlm",
    "soft hyphen": "won\u00adder\u00adful",
    "accents precomposed": "a CLICH\u00c9 of a fianc\u00e9e",
    "accents as combining marks": "a CLICHE\u0301 of a fiance\u0301e",
    "combining marks after a space": "film \u0301\u0302 film",
    "Turkish dotted capital I": "\u0130stanbul \u0131s",
    "German sharp s": "STRASSE stra\u00dfe STRA\u1e9eE",
    "Greek final sigma": "\u039f\u0394\u039f\u03a3 \u039f\u0394\u039f\u03a3. \u03a3",
    "ligature and full-width letters": "\ufb01lm \uff26\uff29\uff2c\uff2d",
    "Kelvin sign": "\u212aing",
    "punctuation": '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    "typographic punctuation": "\u201cgreat\u201d \u2013 film \u2014 bad\u2026 don\u2019t",
    "symbols": "\u20ac5 \u00b15\u00b0 \u00bd \u2122 \u2192 \u221e",
    "apostrophes": "I don't think it's bad",
    "special tokens as text": "[CLS] great [SEP] film [MASK] [PAD] [UNK]",
    "special tokens in lower case": "[cls] great [sep]",
    "special token inside a word": "great[SEP]film",
    "word pieces as text": "##ing un##believ ##able",
    "mark-up": "<p>Tom &amp; Anna&#39;s <b>best</b> film</p>",
    "address": "see https://example.org/films?id=7&lang=en now",
    "numbers": "10 of 10, 3.5 stars, 1,000,000 and 0x1F",
    "private use and unassigned": "film \ue000\uf8ff \u0378 film",
}
