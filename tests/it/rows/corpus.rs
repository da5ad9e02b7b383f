//! Networks as text, in files of `tests/rows`. A section begins with `== name`; lines that begin with `#` describe it. These optional
//! lines come before the network:
//!
//! - `node: Operator output | …`: the nodes that may be named as those where rows meet, `none` if no node is at fault;
//! - `same: why`: rows together equal rows alone, or cannot be run together;
//! - `unrunnable: why`: ONNX Runtime does not run it;
//! - `open: why`: rows are independent, but the proof does not find it;
//! - `opset: 11`: the version of ONNX's operators, 20 if there is none;
//! - `values: x 0..3`, `values: x one|two`: the values of an input;
//! - `sizes: S 3`: the size of a dimension.

use std::collections::BTreeMap;
use std::path::Path;

use amaas_e2e::onnx;

use super::ROWS;

/// A network and its expected result.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) keys: BTreeMap<String, Vec<String>>,
    text: String,
    path: String,
}

impl Entry {
    /// The entries of all files in the folder `folder` of `tests/rows`.
    pub(super) fn all(folder: &str) -> Vec<Self> {
        let folder = Path::new(ROWS).join(folder);
        let mut paths: Vec<_> =
            std::fs::read_dir(&folder).expect("a folder").map(|it| it.expect("a file").path()).collect();
        paths.sort();
        paths.iter().flat_map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Vec<Self> {
        let mut entries: Vec<Self> = Vec::new();
        for line in std::fs::read_to_string(path).expect("a file of text").lines() {
            if let Some(name) = line.strip_prefix("== ") {
                let path = path.display().to_string();
                entries.push(Self { name: name.to_owned(), path, ..Self::default() });
            } else if let (Some(entry), false) = (entries.last_mut(), line.starts_with('#')) {
                entry.append(line);
            }
        }
        entries
    }

    fn append(&mut self, line: &str) {
        let is_key = |key: &str| KEYS.contains(&key) && self.text.is_empty();
        match line.split_once(": ") {
            Some((key, value)) if is_key(key) => self.keys.entry(key.to_owned()).or_default().push(value.to_owned()),
            _ if line.is_empty() => {}
            _ => self.text.extend([line, "\n"]),
        }
    }

    /// The bytes of its ONNX file.
    pub(super) fn file(&self) -> Vec<u8> {
        let version = self.key("opset").map_or(20, |version| version.parse().expect("a version"));
        let domains = [("com.microsoft", 1), ("ai.onnx.ml", 3), ("local", 1), ("com.example", 1)];
        let operators: Vec<_> = [("", version)].into_iter().chain(domains).collect();
        onnx::parse(&self.text, &operators).unwrap_or_else(|error| panic!("{}: {}: {error}", self.path, self.name))
    }

    /// The text after `key`, if `key` occurs once.
    pub(super) fn key(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.first().map(String::as_str)
    }
}

const KEYS: [&str; 7] = ["node", "same", "unrunnable", "open", "opset", "values", "sizes"];
