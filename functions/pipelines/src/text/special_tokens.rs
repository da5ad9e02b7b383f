//! Special tokens that an export's files name.

use amaas_model::task::{Assets, TaskError};
use serde_json::Value;

use super::tokenizer::TextTokenizer;
use crate::export::ConfigFile;

/// A special token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpecialToken {
    pub(super) text: String,
    pub(super) id: u32,
}

impl SpecialToken {
    /// The token under `field`, such as `mask_token`, in `tokenizer_config.json` or `special_tokens_map.json`; `None` if there is none.
    pub(super) fn read(assets: &Assets, tokenizer: &TextTokenizer, field: &str) -> Result<Option<Self>, TaskError> {
        for file in ["tokenizer_config.json", "special_tokens_map.json"] {
            let token = ConfigFile::read_or_empty(assets, file)?.optional::<Value>(field)?;
            // Older files have an object here.
            let text = token.as_ref().and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()));
            if let Some((text, id)) = text.and_then(|text| Some((text, tokenizer.inner().token_to_id(text)?))) {
                return Ok(Some(Self { text: text.to_owned(), id }));
            }
        }
        Ok(None)
    }
}
