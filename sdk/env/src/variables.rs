//! Variables, and the text of a file with shell assignments.
//!
//! A line is `NAME=value`, with an optional `export` before and a `# comment` after it. A value with blanks is in single quotes
//! (literal) or double quotes (a backslash escapes `"`, `\`, `$` and a backtick). Nothing is expanded: a line that a shell would
//! expand is refused, so that this parser and a shell never read different values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::EnvError;
use crate::owned_file::{self, SymlinkPolicy};
use crate::shell::assignment;

/// Variables of a file or of the process. `Debug` shows their names only, and their memory is wiped when they are dropped.
///
/// ```
/// use amaas_env::EnvVariables;
///
/// let file = EnvVariables::parse("export AMAAS_ENDPOINT=http://127.0.0.1:9000 # amaas dev\nAMAAS_STORE='./my models'\n")?;
/// assert_eq!(file.get("AMAAS_ENDPOINT"), Some("http://127.0.0.1:9000"));
/// assert_eq!(file.get("AMAAS_STORE"), Some("./my models"));
/// # Ok::<(), amaas_env::EnvError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EnvVariables {
    variables: BTreeMap<String, Zeroizing<String>>,
}

impl EnvVariables {
    /// Reads the text of a file. The last assignment of a name wins.
    ///
    /// # Errors
    /// [`EnvError`] names the line and the fault, never the value.
    pub fn parse(text: &str) -> Result<Self, EnvError> {
        let mut variables = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            match assignment(line) {
                Ok(Some((name, value))) => drop(variables.insert(name.to_owned(), value)),
                Ok(None) => {}
                Err(why) => return Err(EnvError::new(format!("line {}: {why}", index + 1))),
            }
        }
        Ok(Self { variables })
    }

    /// Reads the file at `path`, with the checks of [`EnvFileLookup::named`](crate::EnvFileLookup::named).
    ///
    /// # Errors
    /// [`EnvError`] if it cannot be read or parsed, or if others than this user can write it.
    pub fn load(path: &Path) -> Result<Self, EnvError> {
        let missing = || EnvError::new(format!("{} cannot be read: there is no such file", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or_else(missing)?;
        let text = owned_file::read(folder, name, SymlinkPolicy::Followed)?.ok_or_else(missing)?;
        Self::parse_at(path, &text)
    }

    /// Parses `text`, which was read from `path`.
    pub(crate) fn parse_at(path: &Path, text: &str) -> Result<Self, EnvError> {
        Self::parse(text).map_err(|error| EnvError::new(format!("{}, {error}", path.display())))
    }

    /// The value of the variable `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.as_str())
    }

    /// Every name with its value, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for EnvVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for EnvVariables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), Zeroizing::new(value.into())));
        Self { variables: variables.collect() }
    }
}

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
            let file = EnvVariables::parse(line).expect(line);
            assert_eq!(file.get("A"), expected, "{line}");
        }
        assert_eq!(EnvVariables::parse("A=1\r\nA=2\r\n").expect("two lines").get("A"), Some("2"));
    }

    #[test]
    fn what_a_shell_would_read_differently_is_refused_by_line_and_without_the_value() {
        for line in
            ["secret", "A =secret", "1A=secret", "A=secret b", "A='secret", "A=$secret", "A=\"`secret\"", "A=a;secret"]
        {
            let error = EnvVariables::parse(&format!("# first\n{line}")).expect_err(line).to_string();
            assert!(error.starts_with("line 2: ") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn debug_shows_names_only() {
        assert_eq!(format!("{:?}", EnvVariables::parse("A=secret").expect("a line")), "{\"A\"}");
    }

    proptest::proptest! {
        #[test]
        fn quoted_values_come_back(value in "[^'\r\n]{0,40}") {
            let file = EnvVariables::parse(&format!("A='{value}'")).expect("quoted");
            proptest::prop_assert_eq!(file.get("A"), Some(value.as_str()));
        }

        #[test]
        fn any_text_is_variables_or_an_error(text in ".{0,80}") {
            let _ = EnvVariables::parse(&text);
        }
    }
}
