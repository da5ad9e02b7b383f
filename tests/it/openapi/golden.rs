//! The golden documents beside the functions.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::Described;

/// Asserts that `document` equals the file in `functions/{function}`; writes the file instead if [`UPDATE`] is set.
pub(super) fn holds(function: &str, document: &Described) {
    let (file, name) = (file(function), format!("functions/{function}/openapi.json"));
    let mut written = String::new();
    write(&document.0, 0, &mut written);
    written.push('\n');
    if std::env::var_os(UPDATE).is_some() {
        return std::fs::write(&file, written).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    if kept != written {
        let line = kept.lines().zip(written.lines()).position(|(kept, written)| kept != written);
        let line = line.unwrap_or(kept.lines().count().min(written.lines().count()));
        let of = |text: &str| text.lines().nth(line).unwrap_or("(its end)").trim().to_owned();
        panic!(
            "what the function says of itself is not {name}: line {} is {:?} there, and {:?} now. Where that is meant, \
             `{UPDATE}=1 cargo test --workspace openapi` writes it anew",
            line + 1,
            of(&kept),
            of(&written)
        );
    }
}

pub(super) fn file(function: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "functions", function, "openapi.json"].iter().collect()
}

/// `value` as JSON; short values are on one line.
fn write(value: &Value, depth: usize, out: &mut String) {
    let short = value.to_string();
    if short.len() + 2 * depth <= WIDTH {
        return out.push_str(&short);
    }
    let line = |out: &mut String, depth: usize| {
        let _ = write!(out, "\n{:1$}", "", 2 * depth);
    };
    match value {
        Value::Object(members) => {
            for (index, (name, member)) in members.iter().enumerate() {
                out.push(if index == 0 { '{' } else { ',' });
                line(out, depth + 1);
                let _ = write!(out, "{}: ", Value::from(name.as_str()));
                write(member, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        Value::Array(list) => {
            for (index, entry) in list.iter().enumerate() {
                out.push(if index == 0 { '[' } else { ',' });
                line(out, depth + 1);
                write(entry, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        _ => out.push_str(&short),
    }
}

/// The variable that makes the test write the files.
const UPDATE: &str = "AMAAS_UPDATE_GOLDEN";
const WIDTH: usize = 120;
