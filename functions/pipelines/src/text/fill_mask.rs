//! `fill-mask`: texts with masks to the tokens that fit.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{
    CpuWork, ExampleCall, ModelCall, Predictions, Task, TaskContext, TaskError, UsageUnit, split_inputs,
};
use amaas_wire::pipeline::{FillMaskParameters, FilledMask, FilledMasks};

use super::classifier::tokenising;
use super::network::TextInputs;
use super::row::TextRow;
use super::row_outputs::RowOutputs;
use super::runs::run_rows;
use super::special_tokens::SpecialToken;
use super::tokenizer::{TextTokenizer, Truncate};
use super::truncation::cut_inputs;
use crate::export::ConfigFile;
use crate::parameters::{bad_parameter, check_top_k};
use crate::scores::softmax;

/// The pipeline `fill-mask`: a text with masks in, the most probable tokens for each mask out.
#[derive(Debug)]
pub struct FillMask {
    tokenizer: TextTokenizer,
    inputs: TextInputs,
    mask: SpecialToken,
    /// Whether spaces before punctuation are removed from decoded texts.
    cleans_up: bool,
}

/// A tokenised text.
struct MaskedText {
    ids: Vec<u32>,
    row: TextRow,
    /// The places of the masks.
    masks: Vec<usize>,
    is_cut: bool,
}

impl Task for FillMask {
    const NAME: &'static str = "fill-mask";
    const EXAMPLE: &'static str = r#""The cat [MASK] on the roof.""#;
    const IS_PARTIAL: bool = true;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = String;
    type Parameters = FillMaskParameters;
    type Prediction = FilledMasks;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let tokenizer = TextTokenizer::load(context)?;
        let inputs = TextInputs::of(&context.network.inputs, tokenizer.pad_id())?;
        let mask = SpecialToken::read(&context.assets, &tokenizer, "mask_token")?;
        let config = ConfigFile::read_or_empty(&context.assets, "tokenizer_config.json")?;
        let mask = mask.ok_or_else(|| config.error("mask_token", "expected a token of the tokenizer, got none"))?;
        if !context.network.outputs.iter().any(|output| output.name == OUTPUT) {
            return Err(TaskError::new(format!(
                "expected an output {OUTPUT:?} of [batch, sequence, vocabulary], got none"
            )));
        }
        let cleans_up = config.optional("clean_up_tokenization_spaces")?.unwrap_or(true);
        Ok(Self { tokenizer, inputs, mask, cleans_up })
    }

    fn example(&self) -> ExampleCall {
        let text = format!("The cat {} on the roof.", self.mask.text);
        ExampleCall::of_input(serde_json::Value::from(text).to_string())
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<String>,
        parameters: FillMaskParameters,
    ) -> Result<Predictions<FilledMasks>, PredictError> {
        check_top_k(parameters.top_k)?;
        let targets = parameters.targets.as_ref().map(|targets| self.targets(targets)).transpose()?;
        let truncate = if parameters.truncation == Some(true) { Truncate::Longest } else { Truncate::Refuse };
        let task = Arc::clone(&self);
        let encode = move |working: &CpuPermit| {
            let encode = |text: &String| task.masked_text(working, text, truncate);
            Ok::<_, PredictError>(inputs.iter().map(encode).collect::<Vec<_>>())
        };
        let texts = call.check_inputs(call.compute(tokenising(&call), encode).await?)?;
        let truncated = cut_inputs(&texts, |text| text.is_cut);
        let (accepted, places) = split_inputs(texts);
        let rows: Vec<TextRow> = accepted.iter().map(|text| text.row.clone()).collect();
        let outputs = run_rows(&call, (call.networks().own(), &self.inputs), &rows).await?;
        let top_k = parameters.top_k.unwrap_or(DEFAULT_TOP_K).min(MAX_TOKENS);
        let predict = move |_: &_| {
            let fill =
                |(text, outputs): (&MaskedText, &RowOutputs)| self.filled(text, outputs, targets.as_deref(), top_k);
            Ok::<_, PredictError>(places.merge(accepted.iter().zip(&outputs).map(fill).collect()))
        };
        let predictions = call.compute(CpuWork::json(call.output_size()), predict).await?;
        Ok(Predictions::of_results(predictions).with_truncated(truncated))
    }
}

impl FillMask {
    fn masked_text(&self, working: &CpuPermit, text: &str, truncate: Truncate) -> Result<MaskedText, PredictError> {
        let encoded = self.tokenizer.encode(working, (text, None), truncate)?;
        let ids = encoded.encoding().get_ids().to_vec();
        let masks: Vec<usize> =
            ids.iter().enumerate().filter(|(_, id)| **id == self.mask.id).map(|(at, _)| at).collect();
        match masks.len() {
            0 => {
                Err(PredictError::invalid(format!("expected a text with the mask token {}, got none", self.mask.text)))
            }
            1..=MAX_MASKS => Ok(MaskedText { ids, row: encoded.row(), masks, is_cut: encoded.is_cut() }),
            got => Err(PredictError::invalid(format!("expected at most {MAX_MASKS} masks in a text, got {got}"))),
        }
    }

    /// The ids of the tokens to consider.
    fn targets(&self, targets: &[String]) -> Result<Vec<u32>, PredictError> {
        if targets.is_empty() || targets.len() > MAX_TOKENS {
            let got = targets.len();
            return Err(bad_parameter("targets", &format!("expected 1 to {MAX_TOKENS} words, got {got}")));
        }
        let mut ids = Vec::with_capacity(targets.len());
        for (index, target) in targets.iter().enumerate() {
            let tokenised = || {
                let length = target.floor_char_boundary(MAX_TARGET_BYTES);
                self.tokenizer.inner().encode_fast(&target[..length], false).ok()?.get_ids().first().copied()
            };
            let id = self.tokenizer.inner().token_to_id(target).or_else(tokenised);
            ids.push(id.ok_or_else(|| bad_parameter("targets", &format!("word {index} has no token")))?);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn filled(
        &self,
        text: &MaskedText,
        outputs: &RowOutputs,
        targets: Option<&[u32]>,
        top_k: usize,
    ) -> Result<FilledMasks, PredictError> {
        let is_single = text.masks.len() == 1;
        let fill = |mask: &usize| {
            let scores = softmax(&outputs.token_vector(OUTPUT, *mask)?);
            let tokens = best_tokens(&scores, targets, top_k);
            tokens.into_iter().map(|(token, score)| self.filled_mask(text, *mask, (token, score), is_single)).collect()
        };
        let mut lists = text.masks.iter().map(fill).collect::<Result<Vec<Vec<FilledMask>>, PredictError>>()?;
        Ok(if is_single { FilledMasks::One(lists.pop().unwrap_or_default()) } else { FilledMasks::Several(lists) })
    }

    fn filled_mask(
        &self,
        text: &MaskedText,
        mask: usize,
        (token, score): (u32, f32),
        is_single: bool,
    ) -> Result<FilledMask, PredictError> {
        let mut ids = text.ids.clone();
        ids[mask] = token;
        // With several masks, the others would not be seen in the text without special tokens.
        let sequence = self.decode(&ids, is_single)?;
        Ok(FilledMask { sequence, score, token, token_str: self.decode(&[token], false)? })
    }

    fn decode(&self, ids: &[u32], skips_special: bool) -> Result<String, PredictError> {
        let text = self.tokenizer.inner().decode(ids, skips_special).map_err(PredictError::internal)?;
        Ok(if self.cleans_up { cleaned_up(text) } else { text })
    }
}

/// The `top_k` tokens with the highest scores, of `targets` or of all; of equal scores the lower id comes first.
fn best_tokens(scores: &[f32], targets: Option<&[u32]>, top_k: usize) -> Vec<(u32, f32)> {
    let score = |id: u32| Some((id, *scores.get(id as usize)?));
    let mut tokens: Vec<(u32, f32)> = match targets {
        Some(targets) => targets.iter().filter_map(|id| score(*id)).collect(),
        None => (0..u32::try_from(scores.len()).unwrap_or(u32::MAX)).filter_map(score).collect(),
    };
    let order = |one: &(u32, f32), other: &(u32, f32)| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0));
    if top_k < tokens.len() {
        tokens.select_nth_unstable_by(top_k, order);
        tokens.truncate(top_k);
    }
    tokens.sort_by(order);
    tokens
}

/// `text` without the spaces that decoding puts before punctuation and contractions, as `transformers` removes them.
fn cleaned_up(text: String) -> String {
    let spaced = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    spaced.into_iter().fold(text, |text, (from, to)| text.replace(from, to))
}

const OUTPUT: &str = "logits";
const DEFAULT_TOP_K: usize = 5;
/// The most tokens for a mask, and the most targets.
const MAX_TOKENS: usize = 1000;
/// The most masks of a text.
const MAX_MASKS: usize = 16;
/// The bytes of a target that are read; only its first token counts.
const MAX_TARGET_BYTES: usize = 256;
