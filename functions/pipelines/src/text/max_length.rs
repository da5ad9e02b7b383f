//! The maximum number of tokens of a text: what the export's files state.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::task::{Assets, TaskContext, TaskError};
use tokenizers::Tokenizer;

use super::network::INPUT_IDS;
use crate::export::{ConfigFile, PipelineSettings};

/// The maximum number of tokens of a text, special tokens included, and the field that states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaxLength {
    pub(super) tokens: usize,
    pub(super) source: String,
}

impl MaxLength {
    /// The maximum length for the network of `context`. The publisher's own setting comes first, then sentence-transformers' file,
    /// then the tokenizer's. The network's positions and a fixed shape bound all of them.
    pub(super) fn of(context: &TaskContext, tokenizer: &Tokenizer) -> Result<Self, TaskError> {
        let assets = &context.assets;
        let stated = match stated(assets)? {
            None => tokenizer.get_truncation().map(|truncation| Self {
                tokens: truncation.max_length,
                source: "tokenizer.json: truncation".to_owned(),
            }),
            stated => stated,
        };
        let bounds = [positions(assets)?, fixed_length(&context.network.inputs)];
        let all = stated.into_iter().chain(bounds.into_iter().flatten());
        let least = all.min_by_key(|length| length.tokens);
        let length = least.unwrap_or_else(|| Self { tokens: MAX_TOKENS, source: "default".to_owned() });
        match length.tokens {
            0..MIN_TOKENS => Err(TaskError::new(format!(
                "{}: expected at least {MIN_TOKENS} tokens, got {}",
                length.source, length.tokens
            ))),
            tokens => Ok(Self { tokens: tokens.min(MAX_TOKENS), ..length }),
        }
    }
}

/// The length that the publisher or the export states for texts.
fn stated(assets: &Assets) -> Result<Option<MaxLength>, TaskError> {
    if let Some(tokens) = PipelineSettings::read(assets)?.max_length {
        return Ok(Some(MaxLength { tokens, source: "--max-length".to_owned() }));
    }
    for (file, field) in
        [("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")]
    {
        let config = ConfigFile::read_or_empty(assets, file)?;
        // A tokenizer without a limit has 10^30 here.
        let tokens = config.optional::<f64>(field)?.filter(|tokens| (1.0..1e6).contains(tokens));
        if let Some(tokens) = tokens {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is in the range above
            return Ok(Some(MaxLength { tokens: tokens as usize, source: format!("{file}: {field}") }));
        }
    }
    Ok(None)
}

/// The positions that the network has embeddings for.
fn positions(assets: &Assets) -> Result<Option<MaxLength>, TaskError> {
    let config = ConfigFile::read_or_empty(assets, "config.json")?;
    for field in ["max_position_embeddings", "n_positions", "max_seq_len"] {
        let Some(tokens) = config.optional::<i64>(field)?.and_then(|tokens| usize::try_from(tokens).ok()) else {
            continue;
        };
        let family = config.optional::<String>("model_type")?.unwrap_or_default();
        // Positions of these families begin after the index of the padding token.
        let offset = if OFFSET_POSITIONS.contains(&family.as_str()) {
            config.optional::<usize>("pad_token_id")?.unwrap_or(1) + 1
        } else {
            0
        };
        if tokens > offset {
            return Ok(Some(MaxLength { tokens: tokens - offset, source: format!("config.json: {field}") }));
        }
    }
    Ok(None)
}

/// The length of the network's input, if it is fixed.
fn fixed_length(inputs: &[TensorSpec]) -> Option<MaxLength> {
    let ids = inputs.iter().find(|input| input.name == INPUT_IDS)?;
    let tokens = ids.shape.get(1).and_then(Dim::fixed)?;
    Some(MaxLength { tokens, source: format!("input {INPUT_IDS:?}") })
}

/// Model families whose positions begin at `pad_token_id` + 1.
const OFFSET_POSITIONS: [&str; 9] = [
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "roberta-prelayernorm",
    "mpnet",
    "data2vec-text",
    "longformer",
    "ibert",
];
/// The fewest tokens of a text: its special tokens and one more.
const MIN_TOKENS: usize = 4;
/// The most tokens of a text, whatever the export states: attention over more takes gigabytes.
const MAX_TOKENS: usize = 8192;
