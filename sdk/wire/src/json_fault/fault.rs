//! `serde`'s errors in words for clients.

use serde_json::error::Category;

use super::path::{JsonPath, MAX_SHOWN_NAME};

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonFault {
    /// The place and the reason, without a value.
    pub(crate) message: String,
    /// The member of the body at fault, known or not.
    pub(crate) member: Option<String>,
}

impl JsonFault {
    /// Explains `error`, which reading `body` gave.
    pub(crate) fn of(body: &[u8], error: &serde_json::Error) -> Self {
        let place = format!("line {} column {}", error.line(), error.column());
        let text = error.to_string();
        let reason = text.strip_suffix(&format!(" at {place}")).unwrap_or(&text);
        let not_json = |what: &str| Self { message: format!("not JSON: {what}"), member: None };
        match error.classify() {
            _ if let Some(what) = disguise(body) => not_json(what),
            Category::Eof => not_json(&format!("the body ends too early, at {place}")),
            Category::Io => Self { message: "the body could not be read".to_owned(), member: None },
            Category::Syntax => {
                let Some(what) = unreadable_value(error) else { return not_json(&text) };
                // The last byte that was read may be the one after the value.
                let read = before(body, error);
                let path = JsonPath::at_end_of(&read[..read.len().saturating_sub(1)]);
                Self { message: at(&path, what, &place), member: path.member() }
            }
            Category::Data => {
                let read = before(body, error);
                let mut path = JsonPath::at_end_of(read);
                let opens = |byte: &u8| matches!(byte, b'[' | b'{');
                let rest = body.get(read.len()..).unwrap_or_default().trim_ascii_start();
                // A list or an object is refused before it is read.
                if reason.starts_with("invalid type: ") && rest.first().is_some_and(opens) {
                    path.value();
                }
                let (what, unknown) = data(reason);
                let top = path.member();
                Self { message: at(&path, &what, &place), member: top.or(unknown) }
            }
        }
    }
}

fn at(path: &JsonPath, what: &str, place: &str) -> String {
    let path = path.to_string();
    let colon = if path.is_empty() { "" } else { ": " };
    format!("{path}{colon}{what}, at {place}")
}

/// The bytes of `body` that were read up to the fault.
fn before<'a>(body: &'a [u8], error: &serde_json::Error) -> &'a [u8] {
    let mut begin = 0;
    for _ in 1..error.line() {
        let rest = body.get(begin..).unwrap_or_default();
        begin += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
    }
    &body[..begin.saturating_add(error.column()).min(body.len())]
}

/// Recognises a body that is not JSON by its first bytes. No JSON begins with these.
fn disguise(body: &[u8]) -> Option<&'static str> {
    match body {
        [0x1f, 0x8b, ..] => Some("it looks like gzip; the header \"content-encoding: gzip\" is missing"),
        // RFC 1950 §2.2: with its flags the first byte is a multiple of 31.
        [0x78, flags, ..] if (0x7800 + u16::from(*flags)).is_multiple_of(31) => {
            Some("it looks like zlib; the header \"content-encoding: deflate\" is missing")
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("it looks like zstd, which is not taken"),
        [0xef, 0xbb, 0xbf, ..] => Some("it begins with a byte order mark; expected none"),
        _ => None,
    }
}

/// Why a value in valid JSON syntax cannot be read; `None` if `error` has another reason.
pub(crate) fn unreadable_value(error: &serde_json::Error) -> Option<&'static str> {
    let text = error.to_string();
    let is = |reason: &str| error.is_syntax() && text.starts_with(reason);
    match () {
        () if is("lone leading surrogate in hex escape") || is("unexpected end of hex escape") => {
            Some("half of a surrogate pair")
        }
        () if is("number out of range") => Some("a number out of range"),
        () => None,
    }
}

/// Rewords a `reason` of `serde`, and returns the unknown member that it names. Values are left out.
fn data(reason: &str) -> (String, Option<String>) {
    if let Some(rest) = reason.strip_prefix("missing field `") {
        return (format!("missing member {:?}", rest.trim_end_matches('`')), None);
    }
    if let Some(rest) = reason.strip_prefix("duplicate field `") {
        return (format!("duplicate member {:?}", rest.trim_end_matches('`')), None);
    }
    if let Some(rest) = reason.strip_prefix("unknown field `") {
        // The name can have any text, and what is expected has none of these marks.
        let (name, expected) = match rest.rsplit_once("`, expected ") {
            Some((name, expected)) => (name, format!("; expected {}", choice(expected))),
            None => (rest.trim_end_matches("`, there are no fields"), String::new()),
        };
        let name: String = name.chars().take(MAX_SHOWN_NAME).collect();
        return (format!("unknown member {name:?}{expected}"), Some(name));
    }
    let Some((got, expected)) = reason.rsplit_once(", expected ") else { return ("unexpected value".to_owned(), None) };
    if got.starts_with("unknown variant `") {
        return (format!("expected {}, got another text", choice(expected)), None);
    }
    let expected = wanted(expected);
    let got = match got.split_once(": ") {
        Some(("invalid type", got)) => kind(got),
        Some(("invalid value", got)) if got.starts_with("integer `") => Some("an integer out of range".to_owned()),
        // The text is ours, and repeats nothing of the value.
        Some(("invalid value", got)) if got.starts_with("a data: URL") => Some(got.to_owned()),
        _ => got.strip_prefix("invalid length ").map(str::to_owned),
    };
    (got.map_or_else(|| format!("expected {expected}"), |got| format!("expected {expected}, got {got}")), None)
}

/// The names in `` one of `a`, `b` `` or `` `a` or `b` ``.
fn choice(expected: &str) -> String {
    let names: Vec<_> = expected.split('`').skip(1).step_by(2).map(|name| format!("{name:?}")).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// The kind of a value that `serde` describes, such as ``string "a"``.
fn kind(got: &str) -> Option<String> {
    let kinds = [
        ("string", "a string"),
        ("integer", "an integer"),
        ("floating point", "a number with a fraction or an exponent"),
        ("boolean", "true or false"),
        ("map", "an object"),
        ("sequence", "a list"),
        ("null", "null"),
    ];
    let number = got.strip_prefix("floating point `").and_then(|number| number.strip_suffix('`')?.parse::<f64>().ok());
    // An integer of more digits than any type has is read as a float.
    if number.is_some_and(|number| number.abs() >= LARGEST_INTEGER) {
        return Some("a number out of range".to_owned());
    }
    kinds.into_iter().find(|(name, _)| got.starts_with(name)).map(|(_, kind)| kind.to_owned())
}

/// Rewords what `serde` expected, which may be the name of a Rust type.
fn wanted(expected: &str) -> String {
    let length =
        |begin: &str| expected.strip_prefix(begin).and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
    if let Some(length) = length("a tuple of size ").or_else(|| length("an array of length ")) {
        return format!("a list of {length} entries");
    }
    let whole = |least: i128, most: i128| format!("a whole number from {least} to {most}");
    match expected {
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "i8" => whole(i8::MIN.into(), i8::MAX.into()),
        "i16" => whole(i16::MIN.into(), i16::MAX.into()),
        "i32" => whole(i32::MIN.into(), i32::MAX.into()),
        "u64" | "u128" | "usize" => "a whole number from 0 up".to_owned(),
        "i64" | "i128" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a borrowed string" | "variant identifier" | "string or map" => "a string".to_owned(),
        "a sequence" | "an empty array" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "unit" => "null".to_owned(),
        _ if expected.starts_with("struct ") => "an object".to_owned(),
        _ if expected.starts_with("unit struct ") => "null".to_owned(),
        _ if ["enum ", "tuple ", "newtype ", "internally tagged ", "adjacently tagged "]
            .iter()
            .any(|it| expected.starts_with(it)) =>
        {
            "another form, see the API document".to_owned()
        }
        expected => expected.to_owned(),
    }
}

/// 2^63: a larger number is no integer of 64 bits.
const LARGEST_INTEGER: f64 = 9_223_372_036_854_775_808.0;
