//! Whole numbers with bounds, whose errors name the expected range.

use std::str::FromStr;

/// A whole number from `LEAST` up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtLeast<const LEAST: u32>(pub(crate) u32);

impl<const LEAST: u32> FromStr for AtLeast<LEAST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| *number >= LEAST).map(Self);
        number
            .ok_or_else(|| format!("expected a whole number, at least {LEAST} and at most {}, got {text:?}", u32::MAX))
    }
}

/// A port, or 0.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("expected a port from 0 to 65535, got {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_refused_by_what_was_expected() {
        for (text, expected) in [
            ("0", None),
            ("1", Some(1)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("-1", None),
            ("x", None),
        ] {
            let read = text.parse::<AtLeast<1>>();
            assert_eq!(read.clone().ok().map(|number| number.0), expected, "{text}");
            let said = format!("expected a whole number, at least 1 and at most 4294967295, got {text:?}");
            assert!(read.err().is_none_or(|error| error == said), "{text}");
        }
    }
}
