//! Runs of texts: rows of similar length share a run, with a bound on padding.
//!
//! The rows of a call are sorted by length and batched into runs of bounded size. Their length is rounded up to a few steps, so that
//! calls with texts of similar length share a run in the batcher. If publishing found that rows of a run affect one another, as with
//! dynamic quantisation, each text has its own run without padding. So an answer does not depend on other texts.

use std::sync::Arc;

use amaas_engine::Batching;
use amaas_model::PredictError;
use amaas_model::task::{Cost, ModelCall, ModelNetwork};
use amaas_wire::Tensor;

use super::network::TextInputs;
use super::row::TextRow;
use super::row_outputs::RowOutputs;

/// Runs `rows` on `network`, and returns the outputs of each row in order. The call is charged for tokens.
///
/// # Errors
/// If the call is refused, or a run fails.
pub(super) async fn run_rows(
    call: &ModelCall,
    (network, inputs): (&ModelNetwork, &TextInputs),
    rows: &[TextRow],
) -> Result<Vec<RowOutputs>, PredictError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let plan = plan(rows, inputs, network.batching());
    let tensors = |run: &PlannedRun| {
        let rows: Vec<&TextRow> = run.rows.iter().map(|index| &rows[*index]).collect();
        inputs.tensors(&rows, run.length)
    };
    let runs = plan.iter().map(tensors).collect::<Result<Vec<_>, _>>()?;
    let runs = network.prepare(runs, call.tenant(), call.max_rows().max(MAX_RUN_ROWS))?;
    let tokens: usize = rows.iter().map(TextRow::len).sum();
    let charge = call.charge(Cost::tokens(runs.rows(), tokens as u64)).await?;
    let outputs = call.run(&charge, network, runs).await?;
    Ok(outputs_by_row(&plan, outputs, rows))
}

/// The outputs of each row, in the order of the rows.
fn outputs_by_row(plan: &[PlannedRun], outputs: Vec<Vec<Tensor>>, rows: &[TextRow]) -> Vec<RowOutputs> {
    let mut by_row: Vec<Option<RowOutputs>> = vec![None; rows.len()];
    for (run, outputs) in plan.iter().zip(outputs) {
        let outputs = Arc::new(outputs);
        for (place, row) in run.rows.iter().enumerate() {
            by_row[*row] = Some(RowOutputs::new(Arc::clone(&outputs), (place, run.rows.len()), rows[*row].len()));
        }
    }
    by_row.into_iter().flatten().collect()
}

/// The rows of one run, by index, and the length that they are padded to.
#[derive(Debug, PartialEq, Eq)]
struct PlannedRun {
    rows: Vec<usize>,
    length: usize,
}

/// Batches `rows` into runs.
fn plan(rows: &[TextRow], inputs: &TextInputs, batching: Batching) -> Vec<PlannedRun> {
    let can_pad = inputs.can_pad() && batching.has_rows();
    let padded = |row: &TextRow| match inputs.fixed_length() {
        Some(length) => length,
        None if can_pad => padded_length(row.len()),
        None => row.len(),
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|index| rows[*index].len());
    let mut runs: Vec<PlannedRun> = Vec::new();
    let mut unpadded = 0;
    for index in order {
        let length = padded(&rows[index]);
        if let Some(run) = runs.last_mut()
            && batching.has_rows()
            && (can_pad || run.length == length)
            && run.rows.len() < MAX_RUN_ROWS
            && (run.rows.len() + 1) * length <= MAX_RUN_TOKENS
            && (run.rows.len() + 1) * length <= (unpadded + length) + (unpadded + length) / MAX_PADDING_SHARE
        {
            run.rows.push(index);
            run.length = length;
            unpadded += length;
        } else {
            runs.push(PlannedRun { rows: vec![index], length });
            unpadded = length;
        }
    }
    runs
}

/// The length that a text of `tokens` tokens is padded to: a multiple of 8 up to 128, then of a sixteenth of the next power of two.
/// So at most an eighth of a long row is padding, and texts of up to 512 tokens have 32 lengths.
fn padded_length(tokens: usize) -> usize {
    let step = (tokens.next_power_of_two() / 16).max(MIN_PADDING_STEP);
    tokens.next_multiple_of(step)
}

/// Short lengths are padded to a multiple of this.
const MIN_PADDING_STEP: usize = 8;
/// The padding of a run is at most this share of its rows: a quarter.
const MAX_PADDING_SHARE: usize = 4;
/// Tokens of one run, with padding: 8 texts of 512 tokens or 128 of 32. Attention over 8 texts of 512 tokens with 12 heads takes 100 MB.
const MAX_RUN_TOKENS: usize = 4096;
/// Rows of one run.
const MAX_RUN_ROWS: usize = 256;

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_wire::Datatype;

    use super::*;

    fn inputs(names: &[&str], length: Option<usize>) -> TextInputs {
        let spec = |name: &&str| {
            let symbol = |name: &str| Dim::Symbol(name.to_owned());
            let length = length.map_or_else(|| symbol("sequence"), Dim::Fixed);
            TensorSpec::new(*name, Datatype::Int64, vec![symbol("batch"), length])
        };
        TextInputs::of(&names.iter().map(spec).collect::<Vec<_>>(), 0).expect("inputs of texts")
    }

    fn rows(lengths: &[usize]) -> Vec<TextRow> {
        lengths.iter().map(|length| TextRow { ids: vec![1; *length], type_ids: vec![0; *length] }).collect()
    }

    fn planned(lengths: &[usize], inputs: &TextInputs, batching: Batching) -> Vec<(Vec<usize>, usize)> {
        plan(&rows(lengths), inputs, batching).into_iter().map(|run| (run.rows, run.length)).collect()
    }

    #[test]
    fn rows_of_similar_length_share_a_run() {
        let masked = inputs(&["input_ids", "attention_mask"], None);
        let runs = planned(&[30, 5, 7, 200, 32, 190], &masked, Batching::Rows);
        assert_eq!(runs, [(vec![1, 2], 8), (vec![0, 4], 32), (vec![5, 3], 208)]);
        // Without a mask, only rows of one length share a run, without padding.
        let unmasked = inputs(&["input_ids"], None);
        assert_eq!(planned(&[5, 7, 5], &unmasked, Batching::Rows), [(vec![0, 2], 5), (vec![1], 7)]);
        assert_eq!(planned(&[5, 5], &masked, Batching::None), [(vec![0], 5), (vec![1], 5)]);
        let fixed = inputs(&["input_ids", "attention_mask"], Some(16));
        assert_eq!(planned(&[5, 9], &fixed, Batching::Rows), [(vec![0, 1], 16)]);
    }

    #[test]
    fn padding_and_size_of_a_run_are_bounded() {
        let masked = inputs(&["input_ids", "attention_mask"], None);
        let lengths: Vec<usize> = (1..=512).collect();
        let runs = plan(&rows(&lengths), &masked, Batching::Rows);
        let mut seen: Vec<usize> = runs.iter().flat_map(|run| run.rows.clone()).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..512).collect::<Vec<_>>());
        for run in &runs {
            let tokens = run.rows.len() * run.length;
            let own: usize = run.rows.iter().map(|row| padded_length(lengths[*row])).sum();
            assert!(tokens <= MAX_RUN_TOKENS && run.rows.len() <= MAX_RUN_ROWS, "{run:?}");
            assert!(tokens <= own + own / MAX_PADDING_SHARE, "{run:?}");
        }
        assert!((1..=512).all(|length| padded_length(length) - length <= (length / 8).max(7)));
    }
}
