//! Reads a line of an env file as a shell does. It is fuzzed on its own in `sdk/wire/fuzz`.

use zeroize::Zeroizing;

/// Reads an assignment; `Ok(None)` for a line without one.
pub(crate) fn assignment(line: &str) -> Result<Option<(&str, Zeroizing<String>)>, &'static str> {
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

/// Reads the value at the start of `rest`, which only blanks and a comment may follow.
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
