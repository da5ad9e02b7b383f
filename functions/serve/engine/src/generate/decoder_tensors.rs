//! The tensors of an autoregressive decoder: tokens, mask, positions, logits and KV cache.
//!
//! A decoder takes the new tokens and the KV cache of each layer. Names pair each cache output with the input of the
//! next step. Mask and positions are sent only if the network has inputs for them.

use amaas_wire::Datatype;

use crate::tensor_spec::{Dim, TensorSpec};

/// The tensors of an autoregressive decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderTensors {
    /// The input with the new tokens.
    pub tokens: String,
    /// The attention mask, if the network has one.
    pub mask: Option<String>,
    /// The position ids, if the network has them.
    pub positions: Option<String>,
    /// The output with the logits.
    pub logits: String,
    /// The inputs and outputs of the KV cache.
    pub cache: Vec<CacheTensor>,
}

/// A tensor of the KV cache, with its input and its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheTensor {
    /// The input with the cache of earlier tokens.
    pub past: String,
    /// The output with the cache for the next step.
    pub present: String,
    /// The dimensions, with 0 for batch and length.
    pub shape: Vec<usize>,
    /// The axis of the batch.
    pub batch: usize,
    /// The axis of the length.
    pub length: usize,
}

impl DecoderTensors {
    /// Finds the tensors by their `names`.
    ///
    /// # Errors
    /// The message says which tensor is missing or has a wrong type or shape.
    pub fn of(inputs: &[TensorSpec], outputs: &[TensorSpec], names: &TensorNames) -> Result<Self, String> {
        let tokens = named(inputs, names.tokens, "input", Datatype::Int64, 2)?;
        let logits = named(outputs, names.logits, "output", Datatype::Fp32, 3)?;
        let Dim::Symbol(batch) = &tokens.shape[0] else {
            return Err(format!("the first dimension of {:?} has a fixed size", tokens.name));
        };
        let optional = |name: &str| {
            let there = inputs.iter().any(|input| input.name == name);
            there.then(|| named(inputs, name, "input", Datatype::Int64, 2).map(|input| input.name.clone())).transpose()
        };
        let (mask, positions) = (optional(names.mask)?, optional(names.positions)?);
        let known = [Some(&tokens.name), mask.as_ref(), positions.as_ref()];
        // Optional inputs are omitted, unless their name is known.
        let left_out = |input: &TensorSpec| input.optional && (names.present)(&input.name).is_none();
        let others = inputs.iter().filter(|input| !known.contains(&Some(&input.name)) && !left_out(input));
        let cache = others.map(|input| cache_tensor(input, outputs, batch, names)).collect::<Result<Vec<_>, _>>()?;
        if cache.is_empty() {
            return Err("the network has no input for what is past, such as \"past_key\"".to_owned());
        }
        Ok(Self { tokens: tokens.name.clone(), mask, positions, logits: logits.name.clone(), cache })
    }

    /// Bytes of KV cache for each token.
    pub fn token_bytes(&self) -> usize {
        let values = |tensor: &CacheTensor| tensor.shape.iter().filter(|size| **size > 0).product::<usize>();
        self.cache.iter().map(values).sum::<usize>() * size_of::<f32>()
    }
}

fn named<'s>(
    specs: &'s [TensorSpec],
    name: &str,
    kind: &str,
    datatype: Datatype,
    rank: usize,
) -> Result<&'s TensorSpec, String> {
    let spec =
        specs.iter().find(|spec| spec.name == name).ok_or_else(|| format!("the network has no {kind} {name:?}"))?;
    if spec.datatype != datatype || spec.shape.len() != rank {
        let (got, dims) = (spec.datatype, spec.shape.len());
        return Err(format!("{kind} {name:?}: expected {datatype} of {rank} dimensions, got {got} of {dims}"));
    }
    Ok(spec)
}

/// The batch axis has the symbol of the tokens' batch; the length axis is the other one without a fixed size.
fn cache_tensor(
    input: &TensorSpec,
    outputs: &[TensorSpec],
    batch: &str,
    names: &TensorNames,
) -> Result<CacheTensor, String> {
    let past = &input.name;
    let present = (names.present)(past).ok_or_else(|| format!("input {past:?} is none that a generator knows"))?;
    let rank = input.shape.len();
    named(std::slice::from_ref(input), past, "input", Datatype::Fp32, rank)?;
    named(outputs, &present, "output", Datatype::Fp32, rank)?;
    let symbols = input.shape.iter().enumerate().filter(|(_, dim)| dim.fixed().is_none());
    let is_batch = |(_, dim): &(usize, &Dim)| matches!(dim, Dim::Symbol(symbol) if symbol == batch);
    let (rows, lengths): (Vec<_>, Vec<_>) = symbols.partition(is_batch);
    let ([(batch, _)], [(length, _)]) = (rows.as_slice(), lengths.as_slice()) else {
        return Err(format!(
            "input {past:?}: expected one dimension that is named {batch:?}, as in the tokens, and one other without a fixed size"
        ));
    };
    let shape = input.shape.iter().map(|dim| dim.fixed().unwrap_or_default()).collect();
    Ok(CacheTensor { past: past.clone(), present, shape, batch: *batch, length: *length })
}

/// The tensor names of an autoregressive decoder. The default is the naming of common exporters.
#[derive(Clone, Copy, Debug)]
pub struct TensorNames {
    /// The input with the new tokens, INT64 `[batch, seq]`; `input_ids`.
    pub tokens: &'static str,
    /// The input that is 1 for each cached or new token, INT64 `[batch, total]`, if the network has one;
    /// `attention_mask`.
    pub mask: &'static str,
    /// The input with the positions of the new tokens, INT64 `[batch, seq]`, if the network has one; `position_ids`.
    pub positions: &'static str,
    /// The output with a logit for each token of the vocabulary, FP32 `[batch, seq, vocabulary]`; `logits`.
    pub logits: &'static str,
    /// The cache output of a cache input. Every other input has one: FP32, with one dimension of the tokens' batch, and
    /// one for the cached tokens, which may be 0. `past_…` becomes `present_…`, and `past_key_values.…` becomes
    /// `present.…`.
    pub present: fn(&str) -> Option<String>,
}

impl Default for TensorNames {
    fn default() -> Self {
        let (tokens, mask, positions, logits) = ("input_ids", "attention_mask", "position_ids", "logits");
        Self { tokens, mask, positions, logits, present }
    }
}

fn present(past: &str) -> Option<String> {
    let layer = past.strip_prefix("past_key_values.").map(|layer| format!("present.{layer}"));
    layer.or_else(|| past.strip_prefix("past_").map(|name| format!("present_{name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, datatype: Datatype, shape: &[&str]) -> TensorSpec {
        let dim = |dim: &&str| dim.parse().map_or_else(|_| Dim::Symbol((*dim).to_owned()), Dim::Fixed);
        TensorSpec::new(name, datatype, shape.iter().map(dim).collect())
    }

    #[test]
    fn both_habits_of_naming_are_known() {
        let tokens = spec("input_ids", Datatype::Int64, &["batch", "seq"]);
        let logits = spec("logits", Datatype::Fp32, &["batch", "seq", "512"]);
        let stacked = |name| spec(name, Datatype::Fp32, &["5", "batch", "4", "past", "8"]);
        let inputs = [tokens.clone(), stacked("past_key"), stacked("past_value")];
        let outputs = [logits.clone(), stacked("present_key"), stacked("present_value")];
        let more = TensorSpec { optional: true, ..spec("temperature", Datatype::Fp32, &[]) };
        let with_more = [&inputs[..], &[more]].concat();
        let tensors = DecoderTensors::of(&inputs, &outputs, &TensorNames::default()).expect("a decoder");
        assert_eq!(DecoderTensors::of(&with_more, &outputs, &TensorNames::default()), Ok(tensors.clone()));
        let cache = &tensors.cache[1];
        assert_eq!((cache.past.as_str(), cache.present.as_str()), ("past_value", "present_value"));
        assert_eq!((cache.batch, cache.length, cache.shape.as_slice()), (1, 3, &[5, 0, 4, 0, 8][..]));
        assert_eq!((tensors.mask, tensors.cache.len()), (None, 2));

        let layer = |name| spec(name, Datatype::Fp32, &["batch", "4", "past", "8"]);
        let mask = spec("attention_mask", Datatype::Int64, &["batch", "total"]);
        let inputs = [tokens.clone(), mask, layer("past_key_values.0.key"), layer("past_key_values.0.value")];
        let outputs = [logits.clone(), layer("present.0.key"), layer("present.0.value")];
        let tensors = DecoderTensors::of(&inputs, &outputs, &TensorNames::default()).expect("a decoder");
        assert_eq!(tensors.mask.as_deref(), Some("attention_mask"));
        assert_eq!((tensors.cache[0].batch, tensors.cache[0].length), (0, 2));
        assert_eq!(tensors.token_bytes(), 2 * 4 * 8 * 4);
    }

    #[test]
    fn what_is_no_decoder_is_refused_by_name() {
        let tokens = spec("input_ids", Datatype::Int64, &["batch", "seq"]);
        let logits = spec("logits", Datatype::Fp32, &["batch", "seq", "512"]);
        let past = spec("past_key", Datatype::Fp32, &["5", "batch", "4", "past", "8"]);
        let present = spec("present_key", Datatype::Fp32, &["5", "batch", "4", "total", "8"]);
        let half = spec("past_key", Datatype::Fp16, &["5", "batch", "4", "past", "8"]);
        let fixed = spec("past_key", Datatype::Fp32, &["5", "1", "4", "past", "8"]);
        for (inputs, outputs, expected) in [
            (vec![], vec![], "the network has no input \"input_ids\""),
            (vec![tokens.clone()], vec![], "the network has no output \"logits\""),
            (vec![tokens.clone()], vec![logits.clone()], "the network has no input for what is past"),
            (vec![tokens.clone(), past.clone()], vec![logits.clone()], "the network has no output \"present_key\""),
            (
                vec![tokens.clone(), half],
                vec![logits.clone(), present.clone()],
                "input \"past_key\": expected FP32 of 5",
            ),
            (vec![tokens.clone(), fixed], vec![logits.clone(), present], "input \"past_key\": expected one dimension"),
            (vec![tokens, logits.clone()], vec![logits], "input \"logits\" is none that a generator knows"),
        ] {
            let error = DecoderTensors::of(&inputs, &outputs, &TensorNames::default()).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
