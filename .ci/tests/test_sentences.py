"""The check of sentences counts as a reader does."""

import unittest

from . import script

sentences = script("sentences")


def lengths(source):
    return [len(words) for words in sentences.sentences(source)]


class Sentences(unittest.TestCase):
    def test_sentences_are_counted(self):
        for source, expected in [
            ("One two three four. Five six\nseven eight nine.", [4, 5]),
            ("Is this a question? Yes, it is one!", [4, 4]),
            ("It is version 1.2 of it (see e.g. this): on it goes; and on.", [14]),
            ("The command `a b c` is here.", [7]),
            ("See [the page of it](docs/a.md) for it.", [7]),
            ("It ends \"here.\" And then it goes on.", [3, 5]),
            ("Two words.", []),
        ]:
            self.assertEqual(lengths(source), [length for length in expected if length >= sentences.SHORTEST], source)

    def test_headings_tables_and_code_are_left_out(self):
        left_out = "# A heading of five words\n\n| a | table of words here |\n```sh\nsome code of five words\n```\n"
        items = "- An item of four\n  lines.\n- And another one here\n1. A first of them\n"
        self.assertEqual(lengths(left_out + items), [5, 4, 4])


class Judge(unittest.TestCase):
    def test_the_limit_holds_and_a_mean_may_only_fall(self):
        judge = lambda means, allowed={}: list(sentences.judge(means, allowed))  # noqa: E731
        self.assertEqual(judge({"a.md": 22.0}), [])
        self.assertIn("22.1 words", judge({"a.md": 22.1})[0])
        self.assertEqual(judge({"a.md": 30.0}, {"a.md": 30.0}), [])
        self.assertIn("more than 30.0", judge({"a.md": 30.1}, {"a.md": 30.0})[0])
        self.assertIn("lower it", judge({"a.md": 29.9}, {"a.md": 30.0})[0])
        self.assertIn("not measured", judge({}, {"a.md": 30.0})[0])
