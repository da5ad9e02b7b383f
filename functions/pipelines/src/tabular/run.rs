//! The runs of a call: rows that fit the columns become tensors, and results go back to the places of their rows.

use std::sync::Arc;

use amaas_model::task::{
    Cost, CpuWork, ModelCall, PredictError, Predictions, TaskError, non_finite_rows, split_inputs,
};
use amaas_wire::Tensor;
use amaas_wire::pipeline::TableRow;

use super::columns::TableColumns;
use super::table::Table;

/// The rows of a call as runs of its network.
pub struct TableRuns {
    /// The tensors of each run, and its number of rows.
    pub runs: Vec<(Vec<Tensor>, usize)>,
    /// Whether each row of the call is in a run, or why not.
    pub checked: Vec<Result<(), PredictError>>,
}

impl TableRuns {
    /// Encodes `rows`; up to `per_run` of them share a run.
    ///
    /// # Errors
    /// If no tensor can be made of the cells, which is a fault of this crate.
    pub fn encode(columns: &TableColumns, rows: &[TableRow], per_run: usize) -> Result<Self, TaskError> {
        let (mut runs, mut checked) = (Vec::new(), Vec::with_capacity(rows.len()));
        let mut table = Table::new(columns);
        for row in rows {
            checked.push(table.push(row).map_err(PredictError::from));
            if table.rows() == per_run {
                let full = std::mem::replace(&mut table, Table::new(columns));
                runs.push((full.into_tensors()?, per_run));
            }
        }
        if table.rows() > 0 {
            let count = table.rows();
            runs.push((table.into_tensors()?, count));
        }
        Ok(Self { runs, checked })
    }
}

/// The predictions of `rows`; `read` reads those of a run from its outputs, given the number of its rows.
pub(super) async fn predict_rows<P: Send + 'static>(
    call: ModelCall,
    columns: Arc<TableColumns>,
    rows: Vec<TableRow>,
    read: impl Fn(&[Tensor], usize) -> Result<Vec<P>, TaskError> + Send + 'static,
) -> Result<Predictions<P>, PredictError> {
    let (network, limit) = (call.networks().own(), call.max_rows());
    let per_run = columns.rows_per_run(limit);
    let encode = move |_: &_| TableRuns::encode(&columns, &rows, per_run).map_err(PredictError::internal);
    let TableRuns { runs, checked } = call.compute(CpuWork::json(call.input_size()), encode).await?;
    let (_, places) = split_inputs(call.check_inputs(checked)?);
    let (tensors, sizes): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let mut predictions = Vec::new();
    if !sizes.is_empty() {
        let runs = network.prepare(tensors, call.tenant(), limit)?;
        let charge = call.charge(Cost::rows(sizes.iter().sum())).await?;
        let outputs = call.run(&charge, network, runs).await?;
        let postprocess = move |_: &_| {
            let of_run = |(outputs, rows): (&Vec<Tensor>, &usize)| finite_predictions(outputs, *rows, &read);
            outputs.iter().zip(&sizes).map(of_run).collect::<Result<Vec<_>, _>>()
        };
        let work = CpuWork::json(call.output_size());
        predictions = call.compute(work, postprocess).await?.into_iter().flatten().collect();
    }
    Ok(places.merge(predictions).into())
}

/// The predictions of a run. A row for which the network gave NaN or infinity fails alone: JSON has no such numbers.
fn finite_predictions<P>(
    outputs: &[Tensor],
    rows: usize,
    read: impl Fn(&[Tensor], usize) -> Result<Vec<P>, TaskError>,
) -> Result<Vec<Result<P, PredictError>>, PredictError> {
    let predictions = read(outputs, rows).map_err(PredictError::internal)?;
    let missing = || PredictError::internal(format!("expected outputs with {rows} rows"));
    let failed = non_finite_rows(outputs, rows).ok_or_else(missing)?;
    let error = || PredictError::not_finite("the network gave a value that is no finite number");
    let result = |(row, prediction): (usize, P)| if failed.contains(&row) { Err(error()) } else { Ok(prediction) };
    Ok(predictions.into_iter().enumerate().map(result).collect())
}

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_model::task::NetworkInfo;
    use amaas_wire::Datatype;

    use super::super::ColumnsFile;
    use super::*;

    #[test]
    fn rows_share_runs_up_to_their_bound() {
        let inputs = vec![TensorSpec::new("x", Datatype::Int64, vec![Dim::Symbol(String::new())])];
        let network = NetworkInfo { inputs, ..NetworkInfo::default() };
        let columns = TableColumns::load(&network, &ColumnsFile::default()).expect("a column");
        let row = |value: Option<i64>| TableRow::new().with("x", value);
        let rows = [row(Some(1)), row(None), row(Some(2)), row(Some(3))];
        let TableRuns { runs, checked } = TableRuns::encode(&columns, &rows, 2).expect("tensors");
        assert_eq!(checked.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
        let data: Vec<_> = runs.iter().map(|(tensors, rows)| (tensors[0].data().clone(), *rows)).collect();
        assert_eq!(data, [(vec![1_i64, 2].into(), 2), (vec![3_i64].into(), 1)]);
        let TableRuns { runs, .. } = TableRuns::encode(&columns, &rows[1..2], 2).expect("no tensors");
        assert!(runs.is_empty());
    }

    #[test]
    fn a_row_without_a_finite_number_fails_alone() {
        let output =
            Tensor::new("y", vec![3, 2], vec![0.0_f32, 1.0, f32::NAN, 0.0, 2.0, f32::INFINITY]).expect("a tensor");
        let rows = |_: &[Tensor], rows: usize| Ok((0..rows).collect());
        let predictions = finite_predictions(&[output], 3, rows).expect("predictions");
        assert_eq!(predictions.iter().map(|row| row.as_ref().ok().copied()).collect::<Vec<_>>(), [Some(0), None, None]);
    }
}
