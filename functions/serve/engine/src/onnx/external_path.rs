//! The path of an external data file, relative to the ONNX file.
//!
//! Invariant: the path stays below the folder of the ONNX file. Links are checked when the file is opened.

use std::fmt;

/// A plain relative path, parts separated by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExternalPath(String);

impl ExternalPath {
    /// Parses a path of an ONNX file.
    ///
    /// # Errors
    /// The message says why the path is refused.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
        // ONNX Runtime also ignores this prefix.
        let text = text.strip_prefix("./").unwrap_or(text);
        if text.starts_with('/') {
            return Err("it is absolute");
        }
        if text.len() > MAX_PATH_BYTES {
            return Err("it is longer than 1,024 bytes");
        }
        // A backslash separates parts on some systems, and ONNX Runtime treats names with a star specially.
        if text.contains(|letter: char| letter.is_control() || matches!(letter, '\\' | '*' | ':')) {
            return Err("it has a backslash, a colon, a star or a control character in it");
        }
        match text.split('/').find(|part| matches!(*part, "" | "." | "..")) {
            Some("..") => Err("it leads out of the folder"),
            Some(_) => Err("a part of it is empty"),
            None => Ok(Self(text.to_owned())),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const MAX_PATH_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_below_the_folder_are_names() {
        for (text, expected) in [("a.bin", "a.bin"), ("./a.bin", "a.bin"), ("w/a b.data", "w/a b.data"), ("..a", "..a")]
        {
            assert_eq!(ExternalPath::parse(text.as_bytes()).map(|it| it.to_string()), Ok(expected.to_owned()));
        }
        for text in [
            "",
            ".",
            "..",
            "/",
            "/etc/passwd",
            "./../a",
            "../a",
            "a/../../b",
            "a/..",
            "a//b",
            "a/",
            "a/./b",
            ".//a",
            "././a",
            "a\\..\\b",
            "C:a",
            "a\0b",
            "a\nb",
            "*/_ORT_MEM_ADDR_/*",
        ] {
            assert!(ExternalPath::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(ExternalPath::parse(&[0xff]).is_err());
        assert!(ExternalPath::parse("a".repeat(1025).as_bytes()).is_err());
    }
}
