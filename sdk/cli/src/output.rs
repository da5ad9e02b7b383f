//! Text, tables and JSON on standard output. A reader that had enough (`| head -1`) ends the command quietly.

use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use jiff::Timestamp;
use serde::Serialize;

use crate::failure::Failure;

/// A table with these column heads.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    figures(&heads, 0..0, rows.into_iter().map(Vec::from))
}

/// The same, where columns are chosen as it runs; those of `numbers` stand at the right.
pub(crate) fn figures(heads: &[&str], numbers: Range<usize>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heads);
    for row in rows {
        table.add_row(row);
    }
    for column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // The preset pads every line to the table's width.
    table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
}

/// The day (UTC) of a time in seconds since 1970.
pub(crate) fn date(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| seconds.to_string(), |timestamp| timestamp.strftime("%Y-%m-%d").to_string())
}

/// Prints `value` as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(Failure::new)?)
}

/// Prints `text` and ends the line.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::unheard(),
        _ => Failure::new(format!("standard output: {error}")),
    })
}

/// Says `text` on standard error, where somebody may be listening.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
