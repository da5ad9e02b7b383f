//! One environment variable, and how it is parsed.

use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

/// A variable that is missing, or has a value that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: expected {expected}, got {}", got.as_deref().map_or("nothing".to_owned(), |got| format!("{got:?}")))]
pub struct ConfigError {
    name: &'static str,
    expected: String,
    got: Option<String>,
}

impl ConfigError {
    /// The variable `name`: the expected and the actual value.
    pub fn new(name: &'static str, expected: impl Into<String>, got: Option<String>) -> Self {
        Self { name, expected: expected.into(), got }
    }
}

/// A variable and its value.
///
/// ```
/// use amaas_config::Variable;
///
/// let environment = |name: &str| (name == "AMAAS_MAX_ROWS").then(|| "0".to_owned());
/// let error = Variable::read(&environment, "AMAAS_MAX_ROWS").positive(4096).unwrap_err();
/// assert_eq!(error.to_string(), "AMAAS_MAX_ROWS: expected a number from 1 up, got \"0\"");
/// ```
#[derive(Clone, Debug)]
pub struct Variable {
    name: &'static str,
    value: Option<String>,
}

impl Variable {
    /// Reads `name`. An empty value counts as not set.
    pub fn read(variables: &impl Fn(&str) -> Option<String>, name: &'static str) -> Self {
        Self { name, value: variables(name).filter(|value| !value.is_empty()) }
    }

    /// The value, if the variable is set.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The value, parsed. `expected` describes the valid values for the error.
    ///
    /// # Errors
    /// [`ConfigError`], as for each of these, if the value is missing or not valid.
    pub fn required<T: FromStr>(self, expected: &str) -> Result<T, ConfigError> {
        match self.value.as_deref().map(str::parse) {
            Some(Ok(value)) => Ok(value),
            _ => Err(self.error(expected)),
        }
    }

    /// The value, parsed, or `default`.
    pub fn or<T: FromStr>(self, expected: &str, default: T) -> Result<T, ConfigError> {
        if self.value.is_none() { Ok(default) } else { self.required(expected) }
    }

    /// A number from 1 up, or `default`.
    pub fn positive(self, default: usize) -> Result<usize, ConfigError> {
        if self.value.is_none() { Ok(default) } else { self.required(POSITIVE).map(NonZeroUsize::get) }
    }

    /// A number of bytes from 1 up, if the variable is set.
    pub fn bytes(self) -> Result<Option<u64>, ConfigError> {
        if self.value.is_none() { Ok(None) } else { self.required(POSITIVE).map(NonZeroU64::get).map(Some) }
    }

    /// Whole seconds from 1 up, or `default`; more than a day is a day.
    pub fn seconds(self, default: Duration) -> Result<Duration, ConfigError> {
        let Some(seconds) = self.bytes()? else { return Ok(default) };
        Ok(Duration::from_secs(seconds.min(MAX_SECONDS)))
    }

    /// One of `choices`, by its name; the first if the variable is not set.
    #[allow(clippy::needless_pass_by_value)] // a list that is written at the call
    pub fn one_of<T: Clone, const N: usize>(self, choices: [(&str, T); N]) -> Result<T, ConfigError> {
        let chosen = match self.value() {
            None => choices.first(),
            Some(value) => choices.iter().find(|(name, _)| *name == value),
        };
        if let Some((_, choice)) = chosen {
            return Ok(choice.clone());
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
        let expected = match names.split_last() {
            Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            _ => names.concat(),
        };
        Err(self.error(&expected))
    }

    /// The entries of a list that is separated by commas, parsed; `None` if the variable is not set.
    pub fn list<T>(self, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<Vec<T>>, ConfigError> {
        let Some(list) = self.value() else { return Ok(None) };
        match list.split(',').map(|entry| parse(entry.trim())).collect() {
            Some(entries) => Ok(Some(entries)),
            None => Err(self.error(expected)),
        }
    }

    /// The error for a value that is not `expected`.
    pub fn error(self, expected: &str) -> ConfigError {
        ConfigError::new(self.name, expected, self.value)
    }
}

/// A variable of the process's environment.
pub fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// How errors describe a number that must not be 0.
pub const POSITIVE: &str = "a number from 1 up";
/// Bounds durations: a day.
const MAX_SECONDS: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(value: &'static str) -> Variable {
        Variable::read(&|_: &str| Some(value.to_owned()), "AMAAS_X")
    }

    #[test]
    fn an_error_names_variable_expected_and_value() {
        for (error, expected) in [
            (variable("0").positive(1).map(drop), "AMAAS_X: expected a number from 1 up, got \"0\""),
            (variable("c").one_of([("a", ()), ("b", ())]), "AMAAS_X: expected \"a\" or \"b\", got \"c\""),
            (
                variable("d").one_of([("a", ()), ("b", ()), ("c", ())]),
                "AMAAS_X: expected \"a\", \"b\" or \"c\", got \"d\"",
            ),
            (variable("").required::<u8>("a byte").map(drop), "AMAAS_X: expected a byte, got nothing"),
            (
                variable("1,x").list("bytes", |entry| entry.parse::<u8>().ok()).map(drop),
                "AMAAS_X: expected bytes, got \"1,x\"",
            ),
        ] {
            assert_eq!(error.map_err(|error| error.to_string()), Err(expected.to_owned()));
        }
    }

    #[test]
    fn defaults_are_for_variables_that_are_not_set() {
        assert_eq!(variable("").or("a number", 7), Ok(7));
        assert_eq!(variable("").one_of([("a", 1), ("b", 2)]), Ok(1));
        assert_eq!(variable("b").one_of([("a", 1), ("b", 2)]), Ok(2));
        assert_eq!(variable("").list("bytes", |entry| entry.parse::<u8>().ok()), Ok(None));
        assert_eq!(variable("1, 2").list("bytes", |entry| entry.parse::<u8>().ok()), Ok(Some(vec![1, 2])));
        assert_eq!(variable("100000").seconds(Duration::ZERO), Ok(Duration::from_secs(MAX_SECONDS)));
    }
}
