"""The check of modules finds each way in which one module can import another, and each cycle."""

import pathlib
import tempfile
import unittest

from . import script

modules = script("modules")


def graph(files):
    """The edges of a crate with these files below `src`, without their places."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"lib.rs": "", **files}.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = modules.edges(pathlib.Path(folder))
        return {a: {b: place.rsplit("/", 1)[-1] for b, place in edges.items()} for a, edges in found.items()}


class Edges(unittest.TestCase):
    def test_every_form_of_path_is_an_edge(self):
        for text, place in [
            ("use crate::b::X;", 1),
            ("\nuse crate::{c, b::X};", 2),
            ("use crate::{\n    c::{self, Y},\n    b::{X as Z, *},\n};", 3),
            ("use {std::io, crate::b};", 1),
            ("pub(crate) use super::b;", 1),
            ("use super::b::*;", 1),
            ("fn f() -> crate::b::X<u8> { todo!() }", 1),
            ("fn f() { let x = 1; super::b::f::<u8>(x) }", 1),
            ("mod inner { use super::super::b; }", 1),
            ("use crate::r#b::X;", 1),
            ("use crate::Exported;", 1),
            ("#[cfg(test)]\nuse crate::c::X;\nuse crate::b;", 3),
        ]:
            files = {"lib.rs": "pub use b::{other::Exported, Y};", "a.rs": text, "b.rs": "", "c/mod.rs": ""}
            self.assertEqual(graph(files).get("a", {}).get("b"), f"a.rs:{place}", text)

    def test_what_is_no_import_is_no_edge(self):
        for text in [
            "// crate::b\n/// [`crate::b`]\nconst A: &str = \"crate::b\";",
            "use std::b; use krate::b; use self::b::X; mod b;",
            "#[cfg(test)]\nmod tests {\n    use crate::b;\n    fn f() {}\n}\n",
            "mod inner { use super::b; }",
            "use crate::a::X; use super::a::Y;",
        ]:
            self.assertEqual(graph({"a.rs": text, "b.rs": ""}), {}, text)

    def test_files_of_tests_are_left_out(self):
        tests = {"a/tests.rs": "use crate::b;", "a/tests/more.rs": "use crate::b;"}
        self.assertEqual(graph({"a.rs": "#[cfg(test)]\nmod tests;", "b.rs": "", **tests}), {})
        self.assertEqual(graph({"a.rs": "mod tests;", "b.rs": "", **tests}), {"a": {"b": "more.rs:1"}})

    def test_a_folder_is_one_module(self):
        files = {"a/mod.rs": "mod deep;", "a/deep.rs": "use super::other; use super::super::b;", "a/other.rs": "", "b.rs": ""}
        self.assertEqual(graph(files), {"a": {"b": "deep.rs:1"}})
        self.assertEqual(graph({"a.rs": "mod deep;", "a/deep.rs": "use crate::a::b;", "b.rs": ""}), {})


class Cycles(unittest.TestCase):
    def test_each_knot_is_found(self):
        for files, expected in [
            ({"a.rs": "use crate::b;", "b.rs": ""}, []),
            ({"a.rs": "use crate::b;", "b.rs": "use super::a;"}, [{"a", "b"}]),
            ({"a.rs": "use crate::b;", "b.rs": "use crate::c;", "c.rs": "use crate::a;", "d.rs": "use crate::a;"}, [{"a", "b", "c"}]),
            ({"a.rs": "use crate::b;", "b.rs": "use crate::a;", "c.rs": "use crate::{a, d};", "d.rs": "use crate::c;"}, [{"a", "b"}, {"c", "d"}]),
        ]:
            self.assertCountEqual(modules.cycles(graph(files)), expected)

    def test_a_cycle_names_each_of_its_edges(self):
        with tempfile.TemporaryDirectory() as folder:
            crate = fake("x", folder)
            for name, text in [("a.rs", "use crate::b;"), ("b.rs", "\nuse crate::a;"), ("lib.rs", "")]:
                path = pathlib.Path(folder) / "src" / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            (fault,) = modules.module_faults(crate)
            for part in ["2 modules import each other: a, b", "a -> b  ", "a.rs:1", "b -> a  ", "b.rs:2"]:
                self.assertIn(part, fault)


class Crates(unittest.TestCase):
    def test_rules_hold_over_other_crates_and_in_tests(self):
        crates = [
            fake("amaas", "sdk", ("local", "dev")),
            fake("local", "functions/cli/local", ("digits", None)),
            fake("digits", "functions/digits", ("names", "dev"), ("ort", None), model=True),
            fake("names", "functions/names", ("local", "dev"), model=True),
            fake("amaas-engine", "functions/serve/engine", ("ort", None)),
            fake("e2e", "tests", ("ort", "dev")),
        ]
        faults = list(modules.crate_faults({crate.name: crate for crate in crates}))
        for expected in [
            "amaas -> local: nothing in sdk/",
            "amaas -> local -> digits: nothing in sdk/",
            "digits -> names: a model's crate",
            "names -> local -> digits: a model's crate",
            "digits -> ort: only amaas-engine",
        ]:
            self.assertTrue(any(fault.startswith(expected) for fault in faults), expected)
        self.assertEqual(len(faults), 5, faults)


def fake(name, folder, *dependencies, model=False):
    """A crate as `cargo metadata` describes it."""
    crate = modules.Crate(
        {
            "name": name,
            "manifest_path": str(modules.prose.ROOT / folder / "Cargo.toml"),
            "dependencies": [{"name": other, "kind": kind} for other, kind in dependencies],
        }
    )
    crate.model = model
    return crate
