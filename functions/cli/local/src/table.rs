//! Tables of text on standard output.

use std::ops::Range;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// A table with these column headings.
pub fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    figures(&heads, 0..0, rows.into_iter().map(Vec::from))
}

/// A table whose columns are chosen at run time. Those of `numbers` are aligned to the right.
pub fn figures(heads: &[&str], numbers: Range<usize>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
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
