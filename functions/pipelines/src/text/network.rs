//! The inputs of a network that reads tokens.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::TaskError;
use amaas_wire::{Datatype, Tensor, TensorData};

use super::row::TextRow;

/// The inputs that a network of texts takes, in its own order.
#[derive(Clone, Debug)]
pub(crate) struct TextInputs {
    inputs: Vec<TextInput>,
    /// The length of every row, if it is fixed.
    length: Option<usize>,
    pad_id: i64,
}

#[derive(Clone, Debug)]
struct TextInput {
    name: String,
    kind: InputKind,
    datatype: Datatype,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InputKind {
    Ids,
    Mask,
    TypeIds,
    Positions,
}

impl TextInputs {
    /// The inputs of `specs`, which are `[batch, sequence]` of INT64 or INT32.
    ///
    /// # Errors
    /// If the network takes another input, or one of another type or shape.
    pub(crate) fn of(specs: &[TensorSpec], pad_id: i64) -> Result<Self, TaskError> {
        let inputs = specs.iter().map(TextInput::of).collect::<Result<Vec<_>, _>>()?;
        if !inputs.iter().any(|input| input.kind == InputKind::Ids) {
            let got = specs.iter().map(|spec| format!("{:?}", spec.name)).collect::<Vec<_>>().join(", ");
            return Err(TaskError::new(format!("expected an input {INPUT_IDS:?} of token ids, got {got}")));
        }
        let lengths: Vec<_> = specs.iter().filter_map(|spec| spec.shape.get(1)?.fixed()).collect();
        if lengths.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(TaskError::new("expected inputs of one fixed length, got several"));
        }
        Ok(Self { inputs, length: lengths.first().copied(), pad_id })
    }

    /// Whether rows of different lengths can share a run: a mask says which tokens are padding.
    pub(crate) fn can_pad(&self) -> bool {
        self.inputs.iter().any(|input| input.kind == InputKind::Mask)
    }

    /// The fixed length of rows, if there is one.
    pub(crate) fn fixed_length(&self) -> Option<usize> {
        self.length
    }

    /// The tensors of a run of `rows`, each padded to `length`.
    pub(crate) fn tensors(&self, rows: &[&TextRow], length: usize) -> Result<Vec<Tensor>, PredictError> {
        self.inputs.iter().map(|input| input.tensor(rows, length, self.pad_id)).collect()
    }
}

impl TextInput {
    fn of(spec: &TensorSpec) -> Result<Self, TaskError> {
        let name = spec.name.as_str();
        let kind = match name {
            INPUT_IDS | "ids" | "input" => InputKind::Ids,
            "attention_mask" | "mask" | "input_mask" => InputKind::Mask,
            "token_type_ids" | "type_ids" | "segment_ids" => InputKind::TypeIds,
            "position_ids" => InputKind::Positions,
            _ => {
                let known = "\"input_ids\", \"attention_mask\", \"token_type_ids\" and \"position_ids\"";
                return Err(TaskError::new(format!("input {name:?} is not known: a pipeline of texts gives {known}")));
            }
        };
        if !matches!(spec.datatype, Datatype::Int64 | Datatype::Int32) {
            return Err(TaskError::new(format!("input {name:?}: expected INT64 or INT32, got {}", spec.datatype)));
        }
        if !spec.unranked && spec.shape.len() != 2 {
            let got = spec.shape.len();
            return Err(TaskError::new(format!(
                "input {name:?}: expected the shape [batch, sequence], got {got} dimensions"
            )));
        }
        if let Some(rows @ 2..) = spec.shape.first().and_then(Dim::fixed) {
            return Err(TaskError::new(format!(
                "input {name:?}: expected a batch of 1 or of any size, got {rows}; export the network with a dynamic batch"
            )));
        }
        Ok(Self { name: name.to_owned(), kind, datatype: spec.datatype })
    }

    fn tensor(&self, rows: &[&TextRow], length: usize, pad_id: i64) -> Result<Tensor, PredictError> {
        let value = |row: &TextRow, at: usize| match self.kind {
            InputKind::Ids => row.ids.get(at).copied().unwrap_or(pad_id),
            InputKind::Mask => i64::from(at < row.len()),
            InputKind::TypeIds => row.type_ids.get(at).copied().unwrap_or_default(),
            InputKind::Positions => i64::try_from(at).unwrap_or_default(),
        };
        let values = rows.iter().flat_map(|row| (0..length).map(|at| value(row, at)));
        let data = if self.datatype == Datatype::Int32 {
            // Ids and positions are below 2^31.
            TensorData::from(values.map(|value| i32::try_from(value).unwrap_or_default()).collect::<Vec<_>>())
        } else {
            TensorData::from(values.collect::<Vec<i64>>())
        };
        Tensor::new(self.name.clone(), vec![rows.len(), length], data).map_err(PredictError::internal)
    }
}

/// The input with token ids.
pub(crate) const INPUT_IDS: &str = "input_ids";
