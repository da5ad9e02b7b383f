"""The check of words finds what it is for, and only in prose."""

import contextlib
import io
import pathlib
import tempfile
import unittest
from unittest import mock

from . import script

words = script("words")
prose = words.prose


def found(suffix, source):
    """The idioms in a file with that suffix, as `(idiom, line)`."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"file{suffix}"
        path.write_text(source)
        return [(idiom, line) for block in prose.blocks(path) for idiom, line in words.idioms(block)]


class Idioms(unittest.TestCase):
    def test_each_is_found_once(self):
        for text, idiom in [
            ("Whoever runs it pays", "whoever"),
            ("read by whomever", "whoever"),
            ("nobody asked", "nobody"),
            ("Somebody else's key", "somebody"),
            ("it stands below", "stands"),
            ("it lies in memory", "lies"),
            ("the log tells which", "told"),
            ("made-up values", "made-up"),
            ("a year of which half is", "of-which"),
            ("What is retried is in a table", "what-is"),
            ("what comes late is refused", "what-is"),
            ("the default where not set", "where-if"),
            ("fails where there is no key", "where-if"),
        ]:
            self.assertEqual(found(".md", text), [(idiom, 1)], text)

    def test_plain_sentences_are_free(self):
        for text in [
            "It understands the body, and withstands it.",
            "Clients and families of models.",
            "What is it?",
            "Say what is wrong: the ledger is down.",
            "The folder where models are stored.",
            "`nobody` is a user, and ```stands``` code.",
        ]:
            self.assertEqual(found(".md", text), [], text)

    def test_lines_that_go_on_are_one_text(self):
        self.assertEqual(found(".rs", "fn a() {}\n/// A year of\n/// which half\nfn b() {}\n/// which of\n"), [("of-which", 2)])
        self.assertEqual(found(".rs", "// a year of\n\n// which half\n"), [])


class Kinds(unittest.TestCase):
    def test_only_prose_is_read(self):
        for suffix, source, lines in [
            (".rs", 'let nobody = "nobody";\n// nobody\n/// nobody\n/* x\nnobody */\n', [2, 3, 5]),
            (".rs", '#[error("{0}: nobody", self.nobody(")"))]\nA,\n#[doc(alias = "nobody")]\n', [1]),
            (".rs", 'tracing::warn!(error = x("nobody"), r#"nobody "here""#);\nfn warn() { panic!("nobody") }\n', [1, 1]),
            (".rs", "#[arg(long, help = \"nobody\")]\nlet c = '\"'; // nobody\nlet d: &'a str = \"nobody // nobody\";\n", [1, 2]),
            (".py", '"""Nobody."""\nx = "nobody"  # nobody\n', [1, 2]),
            (".sh", '#!/bin/nobody\necho "$#" nobody # nobody\n# nobody\n', [2, 3]),
            (".tf", 'nobody = "nobody"\ndescription = "It is nobody there."\n# nobody\nx = <<-EOT\n  a\n  nobody\nEOT\n', [2, 3, 6]),
            (".md", "nobody\n```sh\nnobody\n```\n| nobody |\n", [1, 5]),
        ]:
            self.assertEqual([line for _, line in found(suffix, source)], lines, source)

    def test_the_repository_is_read(self):
        paths = {str(path.relative_to(prose.ROOT)) for path in prose.files()}
        self.assertLessEqual({"README.md", ".ci/run", ".ci/words", "sdk/src/lib.rs", "infra/main.tf"}, paths)


def check(committed, places, *arguments):
    """The exit code, the report and the file of counts of a run over a repository with these idioms."""
    with tempfile.TemporaryDirectory() as folder:
        counts, report = pathlib.Path(folder) / "words.txt", io.StringIO()
        counts.write_text(words.write(committed))
        with mock.patch.multiple(words, COUNTS=counts, find=lambda: places, before=lambda: {"an old line"}):
            with mock.patch("sys.argv", ["words", *arguments]), contextlib.redirect_stdout(report):
                code = words.main()
        return code, report.getvalue(), words.read(counts.read_text())


class Counts(unittest.TestCase):
    def test_a_run_fails_if_a_count_changed(self):
        committed, key = {("sdk", "told"): 1}, ("sdk", "told")
        old, new = ("sdk/a.rs", 3, "an old line"), ("sdk/b.rs", 7, "a new line")
        self.assertEqual(check(committed, {key: [old]}), (0, "", committed))
        code, report, _ = check(committed, {key: [old, new]})
        self.assertEqual((code, "sdk/b.rs:7: a new line" in report, "sdk/a.rs" in report), (1, True, False), report)
        code, report, _ = check(committed, {})
        self.assertEqual((code, "lower it" in report), (1, True), report)

    def test_an_update_writes_no_rise(self):
        committed, old, new = {("sdk", "told"): 1}, ("sdk/a.rs", 3, "an old line"), ("tests/a.rs", 3, "an old line")
        self.assertEqual(check(committed, {}, "--update"), (0, "", {}))
        self.assertEqual(check(committed, {("tests", "told"): [new]}, "--update"), (0, "", {("tests", "told"): 1}))
        code, _, counts = check(committed, {("sdk", "told"): [old], ("tests", "told"): [new]}, "--update")
        self.assertEqual((code, counts), (1, committed))

    def test_a_rise_and_a_fall_are_seen(self):
        committed = {("sdk", "told"): 2, ("infra", "told"): 3, ("sdk", "lies"): 1}
        counts = {("sdk", "told"): 3, ("infra", "told"): 2, ("tests", "lies"): 1}
        rose, fell = words.compare(committed, counts)
        self.assertEqual(rose, [("sdk", "told"), ("tests", "lies")])
        self.assertEqual(fell, [("infra", "told"), ("sdk", "lies")])
        self.assertEqual(words.by_idiom(committed), words.by_idiom(counts))

    def test_a_file_of_counts_is_read_as_it_was_written(self):
        counts = {(".", "told"): 2, ("infra", "made-up"): 0}
        self.assertEqual(words.read(words.write(counts)), {(".", "told"): 2})

    def test_the_committed_counts_name_idioms(self):
        self.assertLessEqual({idiom for _, idiom in words.read(words.COUNTS.read_text())}, set(words.IDIOMS))
