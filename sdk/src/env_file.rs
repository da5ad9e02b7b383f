//! Files of shell assignments, such as the `.amaas/env` that `amaas dev` writes.
//!
//! A line is `NAME=value`, with an optional `export` before and a `# comment` after it. A value with blanks stands in
//! single quotes (taken as it is) or double quotes (a backslash escapes `"`, `\`, `$` and a backtick). Nothing is
//! expanded: where a shell would, the line is refused, so that this parser and a shell never read different values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::Error;

/// The variables of one file. `Debug` shows their names only, and their memory is wiped when they are dropped.
///
/// ```
/// use amaas::env_file::EnvFile;
///
/// let file = EnvFile::parse("export AMAAS_ENDPOINT=http://127.0.0.1:9000 # amaas dev\nAMAAS_STORE='./my models'\n")?;
/// assert_eq!(file.variable("AMAAS_ENDPOINT"), Some("http://127.0.0.1:9000"));
/// assert_eq!(file.variable("AMAAS_STORE"), Some("./my models"));
/// # Ok::<(), amaas::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EnvFile {
    variables: BTreeMap<String, Zeroizing<String>>,
}

impl EnvFile {
    /// Reads the text of a file. A name that stands twice has its last value.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) names the line and what is wrong with it, never its value.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut variables = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            match assignment(line) {
                Ok(Some((name, value))) => drop(variables.insert(name.to_owned(), value)),
                Ok(None) => {}
                Err(why) => return Err(Error::config(format!("line {}: {why}", index + 1))),
            }
        }
        Ok(Self { variables })
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when it cannot be read, or parsed.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::config(format!("{} cannot be read", path.display())).with_source(source);
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
        Self::parse(&text).map_err(|error| Error::config(format!("{}, {error}", path.display())))
    }

    /// The value of the variable `name`.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.as_str())
    }

    /// Every name with its value, in the order of the names.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for EnvFile {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), Zeroizing::new(value.into())));
        Self { variables: variables.collect() }
    }
}

/// Where the file is: `env` in `data` (what `AMAAS_DATA` says) where that is given, else `.amaas/env` in `start` or
/// the nearest folder above it that has one. `None` where there is no such file.
pub fn locate(data: Option<&Path>, start: &Path) -> Option<PathBuf> {
    match data {
        Some(data) => Some(data.join(FILE_NAME)).filter(|path| path.is_file()),
        None => start.ancestors().map(|folder| folder.join(FOLDER).join(FILE_NAME)).find(|path| path.is_file()),
    }
}

/// `Ok(None)` for a line without an assignment.
fn assignment(line: &str) -> Result<Option<(&str, Zeroizing<String>)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, rest) = line.split_once('=').ok_or("expected NAME=value")?;
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !starts || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err("the name is not letters, digits and '_', without blanks before the '='");
    }
    value(rest).map(|value| Some((name, value)))
}

/// The value that begins `rest`; after it only blanks and a comment may follow.
fn value(rest: &str) -> Result<Zeroizing<String>, &'static str> {
    const EXPANDS: &str = "'$', '`' and '\\' are not expanded here: put the value into single quotes";
    let mut value = Zeroizing::new(String::with_capacity(rest.len()));
    let mut characters = rest.chars();
    let mut quote = None;
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if character == open => quote = None,
            (Some('\''), _) => value.push(character),
            (Some(_), '\\') => match characters.next() {
                Some(escaped @ ('"' | '\\' | '$' | '`')) => value.push(escaped),
                _ => return Err(EXPANDS),
            },
            (_, '$' | '`' | '\\') => return Err(EXPANDS),
            (None, ' ' | '\t') => {
                let after = characters.as_str().trim_start();
                let comment = after.is_empty() || after.starts_with('#');
                return if comment { Ok(value) } else { Err("a value with blanks needs quotes") };
            }
            (None, ';' | '&' | '|' | '<' | '>' | '(' | ')') => {
                return Err("a value with shell characters needs quotes");
            }
            _ => value.push(character),
        }
    }
    if quote.is_some() { Err("the closing quote is missing") } else { Ok(value) }
}

const FOLDER: &str = ".amaas";
const FILE_NAME: &str = "env";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_as_a_shell_would() {
        for (line, expected) in [
            ("A=b", Some("b")),
            ("  export A=b  ", Some("b")),
            ("A=", Some("")),
            ("A=b # comment", Some("b")),
            ("A=b#c", Some("b#c")),
            ("A='b c # \\$d'", Some("b c # \\$d")),
            (r#"A="b \"c\" \$d \\""#, Some(r#"b "c" $d \"#)),
            ("A='b'\"c\"d", Some("bcd")),
            ("A=x/y+z==", Some("x/y+z==")),
            ("A=http://h:1/p?q=1", Some("http://h:1/p?q=1")),
            ("# A=b", None),
            ("", None),
        ] {
            let file = EnvFile::parse(line).expect(line);
            assert_eq!(file.variable("A"), expected, "{line}");
        }
        assert_eq!(EnvFile::parse("A=1\r\nA=2\r\n").expect("two lines").variable("A"), Some("2"));
    }

    #[test]
    fn what_a_shell_would_read_differently_is_refused_by_line_and_without_the_value() {
        for line in
            ["secret", "A =secret", "1A=secret", "A=secret b", "A='secret", "A=$secret", "A=\"`secret\"", "A=a;secret"]
        {
            let error = EnvFile::parse(&format!("# first\n{line}")).expect_err(line).to_string();
            assert!(error.starts_with("line 2: ") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_nearest_file_is_found_and_a_data_folder_comes_first() {
        let root = tempfile::tempdir().expect("a folder");
        let deep = root.path().join("a/b");
        std::fs::create_dir_all(&deep).expect("folders");
        std::fs::create_dir_all(root.path().join("a/.amaas")).expect("folders");
        assert_eq!(locate(Some(root.path()), &deep), None);
        std::fs::write(root.path().join("a/.amaas/env"), "A=near").expect("a file");
        std::fs::write(root.path().join("env"), "A=data").expect("a file");
        assert_eq!(locate(None, &deep), Some(root.path().join("a/.amaas/env")));
        assert_eq!(locate(Some(root.path()), &deep), Some(root.path().join("env")));
    }

    #[test]
    fn debug_shows_names_only() {
        assert_eq!(format!("{:?}", EnvFile::parse("A=secret").expect("a line")), "{\"A\"}");
    }

    proptest::proptest! {
        #[test]
        fn quoted_values_come_back(value in "[^'\r\n]{0,40}") {
            let file = EnvFile::parse(&format!("A='{value}'")).expect("quoted");
            proptest::prop_assert_eq!(file.variable("A"), Some(value.as_str()));
        }

        #[test]
        fn any_text_is_variables_or_an_error(text in ".{0,80}") {
            let _ = EnvFile::parse(&text);
        }
    }
}
