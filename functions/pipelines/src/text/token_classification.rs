//! `token-classification`: texts to labelled entities.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{CpuWork, ModelCall, Predictions, Task, TaskContext, TaskError, UsageUnit, split_inputs};
use amaas_wire::pipeline::{TokenClassificationParameters, TokenEntity};
use tokenizers::{Encoding, ModelWrapper};

use super::characters::Characters;
use super::classifier::tokenising;
use super::entities::{EntityRules, LabelledToken, merge_windows};
use super::network::TextInputs;
use super::row::TextRow;
use super::row_outputs::RowOutputs;
use super::runs::run_rows;
use super::special_tokens::SpecialToken;
use super::tokenizer::{EncodedText, TextTokenizer, Truncate};
use super::truncation::cut_inputs;
use crate::export::{ConfigFile, LogitsOutput};
use crate::scores::softmax;

/// The pipeline `token-classification`: a text in, its entities out, in the order of the text.
#[derive(Debug)]
pub struct TokenClassification {
    tokenizer: TextTokenizer,
    inputs: TextInputs,
    output: LogitsOutput,
    /// The id of the token for unknown words.
    unknown: Option<u32>,
    /// Whether tokens within a word are marked, as `##ing`.
    marks_subwords: bool,
}

/// A tokenised text with its windows.
struct TokenisedText {
    text: String,
    encoded: EncodedText,
}

impl Task for TokenClassification {
    const NAME: &'static str = "token-classification";
    const EXAMPLE: &'static str = r#""New York is a city.""#;
    const IS_PARTIAL: bool = true;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = String;
    type Parameters = TokenClassificationParameters;
    type Prediction = Vec<TokenEntity>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let tokenizer = TextTokenizer::load(context)?;
        let inputs = TextInputs::of(&context.network.inputs, tokenizer.pad_id())?;
        let config = ConfigFile::read_or_empty(&context.assets, "config.json")?;
        let output = LogitsOutput::load(context, &config, &["batch", "sequence", "classes"])?;
        let unknown = SpecialToken::read(&context.assets, &tokenizer, "unk_token")?.map(|token| token.id);
        let marks_subwords = match tokenizer.inner().get_model() {
            ModelWrapper::WordPiece(model) => !model.continuing_subword_prefix.is_empty(),
            ModelWrapper::BPE(model) => {
                model.continuing_subword_prefix.as_ref().is_some_and(|prefix| !prefix.is_empty())
            }
            _ => false,
        };
        Ok(Self { tokenizer, inputs, output, unknown, marks_subwords })
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<String>,
        parameters: TokenClassificationParameters,
    ) -> Result<Predictions<Vec<TokenEntity>>, PredictError> {
        let truncate = match (parameters.stride, parameters.truncation) {
            (Some(stride), _) => Truncate::Windows { stride, length: self.tokenizer.max_length() },
            (None, Some(true)) => Truncate::Longest,
            (None, _) => Truncate::Refuse,
        };
        let task = Arc::clone(&self);
        let encode = move |working: &CpuPermit| {
            let encode = |text: String| {
                let encoded = task.tokenizer.encode(working, (&text, None), truncate)?;
                Ok(TokenisedText { text, encoded })
            };
            Ok::<_, PredictError>(inputs.into_iter().map(encode).collect::<Vec<Result<_, PredictError>>>())
        };
        let texts = call.check_inputs(call.compute(tokenising(&call), encode).await?)?;
        let truncated = cut_inputs(&texts, |text| text.encoded.is_cut() && parameters.stride.is_none());
        let (accepted, places) = split_inputs(texts);
        let windows = accepted.iter().flat_map(|text| text.windows(&parameters));
        let rows: Vec<TextRow> = windows.map(TextRow::of).collect();
        let outputs = run_rows(&call, (call.networks().own(), &self.inputs), &rows).await?;
        let predict = move |_: &_| {
            let mut outputs = outputs.iter();
            let mut predictions = Vec::with_capacity(accepted.len());
            for text in &accepted {
                let of_text: Vec<_> = text.windows(&parameters).zip(&mut outputs).collect();
                predictions.push(self.entities(&text.text, &of_text, &parameters));
            }
            Ok::<_, PredictError>(places.merge(predictions))
        };
        let predictions = call.compute(CpuWork::json(call.output_size()), predict).await?;
        Ok(Predictions::of_results(predictions).with_truncated(truncated))
    }
}

impl TokenisedText {
    /// The windows that are read: all of them with a stride, else the first one.
    fn windows(&self, parameters: &TokenClassificationParameters) -> impl Iterator<Item = &Encoding> {
        self.encoded.windows().take(if parameters.stride.is_some() { usize::MAX } else { 1 })
    }
}

impl TokenClassification {
    /// The entities of all windows of `text`.
    fn entities(
        &self,
        text: &str,
        windows: &[(&Encoding, &RowOutputs)],
        parameters: &TokenClassificationParameters,
    ) -> Result<Vec<TokenEntity>, PredictError> {
        let strategy = parameters.aggregation_strategy.unwrap_or_default();
        let characters = Characters::of(text);
        let rules = EntityRules { tokenizer: self.tokenizer.inner(), labels: &self.output.labels, strategy };
        let mut all = Vec::new();
        for (window, outputs) in windows {
            let entities = rules.entities(self.tokens(&characters, window, outputs)?)?;
            let ignored = |entity: &TokenEntity| match &parameters.ignore_labels {
                Some(labels) => labels.iter().any(|label| label == entity.label()),
                None => entity.label() == OUTSIDE,
            };
            all.extend(entities.into_iter().filter(|entity| !ignored(entity)));
        }
        Ok(if windows.len() > 1 { merge_windows(all) } else { all })
    }

    /// The tokens of a window, without special ones.
    fn tokens(
        &self,
        text: &Characters<'_>,
        window: &Encoding,
        outputs: &RowOutputs,
    ) -> Result<Vec<LabelledToken>, PredictError> {
        let logits = outputs.token_vectors(&self.output.name)?;
        let classes = logits.shape[1];
        self.output.check_classes(classes)?;
        let places = window.get_special_tokens_mask().iter().enumerate().filter(|(_, special)| **special == 0);
        let token = |(at, _): (usize, &u32)| {
            let (start, end) = window.get_offsets()[at];
            let part = text.slice(start, end);
            let word = window.get_tokens()[at].clone();
            let is_unknown = Some(window.get_ids()[at]) == self.unknown;
            let continues = if self.marks_subwords {
                word.chars().count() != part.chars().count()
            } else {
                start > 0 && !text.slice(start - 1, start + 1).contains(' ')
            };
            LabelledToken {
                word: if is_unknown { part.to_owned() } else { word },
                scores: softmax(&logits.values[at * classes..(at + 1) * classes]),
                start,
                end,
                continues_word: continues && !is_unknown,
            }
        };
        Ok(places.map(token).collect())
    }
}

/// The label of tokens outside of entities.
const OUTSIDE: &str = "O";
