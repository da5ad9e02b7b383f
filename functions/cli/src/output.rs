//! Text, tables and JSON on standard output. If the reader closes it (`| head -1`), the command ends without an error.

use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

pub(crate) use amaas_local::table::{figures, table};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde::Serialize;

use crate::error::CliError;

/// Rows of a table under a heading.
pub(crate) struct TableGroup {
    pub(crate) head: String,
    pub(crate) rows: Vec<Vec<String>>,
}

/// A table of groups, followed by the rows `last`, at most [`MAX_WIDTH`] columns wide. The columns `numbers` are aligned to the right.
pub(crate) fn grouped(heads: &[&str], numbers: Range<usize>, groups: &[TableGroup], last: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // The preset has a space on either side of a table; the left one is removed below.
    table.set_width(u16::try_from(MAX_WIDTH - INDENT.len() + 2).unwrap_or(u16::MAX));
    table.set_header(heads);
    for group in groups {
        // An empty row reserves a line for the heading, which may be wider than any column.
        table.add_row(vec![""; heads.len()]);
        table.add_rows(&group.rows);
    }
    table.add_rows(last);
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut heads = groups.iter().map(|group| wrapped(&group.head, ""));
    let line = |line: String| {
        let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
        if line.is_empty() { heads.next().unwrap_or_default() } else { format!("{INDENT}{line}") }
    };
    table.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// `text` in lines of at most [`MAX_WIDTH`] columns that all begin with `indent`. Words that are too long for a line, such as Terraform
/// addresses, are broken before a point or a bracket.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let room = MAX_WIDTH.saturating_sub(indent.chars().count());
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line: Vec<char> = Vec::new();
        for word in paragraph.split(' ') {
            let mut word: Vec<char> = word.chars().collect();
            if !line.is_empty() && line.len() + 1 + word.len() > room {
                lines.push(std::mem::take(&mut line));
            }
            while word.len() > room {
                let at = word[..=room].iter().rposition(|end| matches!(end, '.' | '[')).filter(|at| *at > 0);
                let rest = word.split_off(at.unwrap_or(room));
                lines.push(std::mem::replace(&mut word, rest));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.extend(word);
        }
        lines.push(line);
    }
    let lines = lines.into_iter().map(|line| format!("{indent}{}", line.into_iter().collect::<String>()));
    lines.collect::<Vec<_>>().join("\n")
}

/// The day (UTC) of a time in seconds since 1970.
pub(crate) fn date(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| seconds.to_string(), |timestamp| timestamp.strftime("%Y-%m-%d").to_string())
}

/// Prints `value` as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), CliError> {
    line(serde_json::to_string(value).map_err(CliError::new)?)
}

/// Prints `text` and ends the line.
pub(crate) fn line(text: impl Display) -> Result<(), CliError> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => CliError::output_closed(),
        _ => CliError::new(format!("standard output: {error}")),
    })
}

/// Prints `error` on standard error, as text or as one line of JSON.
pub(crate) fn error(error: &CliError, json: bool) {
    if error.is_printed() {
        if json { note(error.json()) } else { note(error.text()) }
    }
}

/// Prints `text` on standard error.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The width of wrapped text in columns, for terminals of any width.
pub(crate) const MAX_WIDTH: usize = 100;
const INDENT: &str = "  ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words_and_addresses_before_points() {
        let words = ["word"; 41].join(" ");
        let lines: Vec<_> = wrapped(&words, "  ").lines().map(str::to_owned).collect();
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [96, 96, 16]);
        assert!(lines.iter().all(|line| line.starts_with("  word") && !line.ends_with(' ')));

        let address = format!("module.{}[\"x\"].aws_lambda_function.this", "m".repeat(90));
        let lines: Vec<_> = wrapped(&address, "").lines().map(str::to_owned).collect();
        assert_eq!(lines.concat(), address);
        assert_eq!(lines[0], format!("module.{}", "m".repeat(90)));
        // A word without a point or bracket is broken anywhere.
        assert_eq!(wrapped(&"ä".repeat(201), ""), ["ä".repeat(100), "ä".repeat(100), "ä".to_owned()].join("\n"));
        assert_eq!(wrapped("a\nb", " "), " a\n b");
    }

    #[test]
    fn heads_stand_over_their_rows() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let groups = [
            TableGroup { head: "one".to_owned(), rows: vec![row(["a", "1"]), row(["b", "22"])] },
            TableGroup { head: "h".repeat(120), rows: vec![row([&"long ".repeat(30), "3"])] },
        ];
        let table = grouped(&["WHAT", "NUMBER"], 1..2, &groups, vec![row(["all", "26"])]);
        let lines: Vec<_> = table.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= MAX_WIDTH), "{table}");
        assert!(lines[0].starts_with("  WHAT ") && lines[0].ends_with("  NUMBER"), "{table}");
        assert_eq!(lines[1], "one");
        assert!(lines[2].starts_with("  a ") && lines[2].ends_with("      1"), "{table}");
        assert_eq!((lines[4].len(), lines[5].len()), (100, 20));
        assert!(lines[lines.len() - 1].starts_with("  all ") && lines[lines.len() - 1].ends_with(" 26"), "{table}");
    }
}
