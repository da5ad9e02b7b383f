//! The runs of a call: rows that fit the columns, and the rows that are refused.

use std::sync::Arc;

use amaas_model::task::{InvalidInput, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::TableRow;

use super::columns::TableColumns;
use super::table::Table;

/// The rows of a call as runs of its network.
pub struct TableRuns {
    /// The tensors of each run, and its number of rows.
    pub runs: Vec<(Vec<Tensor>, usize)>,
    /// Why a row is refused, for each row of the call; `None` if it is in a run.
    pub refused: Vec<Option<InvalidInput>>,
}

impl TableRuns {
    /// Encodes `rows`, of which up to `per_run` share a run.
    ///
    /// # Errors
    /// If no tensor can be made of the cells, which is a fault of this crate.
    pub fn encode(columns: &Arc<TableColumns>, rows: &[TableRow], per_run: usize) -> Result<Self, TaskError> {
        let (mut runs, mut refused) = (Vec::new(), Vec::with_capacity(rows.len()));
        let mut table = Table::new(columns);
        for row in rows {
            refused.push(table.push(row).err());
            if table.rows() == per_run {
                let full = std::mem::replace(&mut table, Table::new(columns));
                runs.push((full.into_tensors()?, per_run));
            }
        }
        if table.rows() > 0 {
            let count = table.rows();
            runs.push((table.into_tensors()?, count));
        }
        Ok(Self { runs, refused })
    }

    /// The number of rows in all runs.
    pub fn rows(&self) -> usize {
        self.runs.iter().map(|(_, rows)| rows).sum()
    }
}
