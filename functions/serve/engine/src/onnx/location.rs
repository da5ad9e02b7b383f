//! The name of a file beside an ONNX file.
//!
//! Invariant: it leads below the folder of the ONNX file and nowhere else, as far as a name can tell; links are looked at where
//! the file is opened.

use std::fmt;
use std::path::Path;

/// A plain relative path, parts separated by `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Location(String);

impl Location {
    /// Reads what stands in an ONNX file.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
        // ONNX Runtime leaves this out too where it looks for the name.
        let text = text.strip_prefix("./").unwrap_or(text);
        if text.starts_with('/') {
            return Err("it is absolute");
        }
        if text.len() > LONGEST {
            return Err("it is longer than 1,024 bytes");
        }
        // A backslash separates parts on some systems; ONNX Runtime has a meaning of its own for names with a star.
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

impl AsRef<Path> for Location {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_below_the_folder_are_names() {
        for (text, expected) in [("a.bin", "a.bin"), ("./a.bin", "a.bin"), ("w/a b.data", "w/a b.data"), ("..a", "..a")]
        {
            assert_eq!(Location::parse(text.as_bytes()).map(|it| it.to_string()), Ok(expected.to_owned()));
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
            assert!(Location::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(Location::parse(&[0xff]).is_err());
        assert!(Location::parse("a".repeat(1025).as_bytes()).is_err());
    }
}
