//! The vocabulary of `Wav2Vec2CTCTokenizer`: `vocab.json` and `tokenizer_config.json`, or `tokenizer.json`.

use std::collections::BTreeMap;

use amaas_model::task::{Assets, TaskError};
use serde::Deserialize;

use crate::export::ConfigFile;

/// The vocabulary of a CTC network: the text of each token, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CtcVocabulary {
    tokens: BTreeMap<usize, String>,
    unknown: String,
    blank: String,
    /// The token between words.
    delimiter: String,
    /// What is written instead of it.
    space: String,
    lowers: bool,
    cleans_up: bool,
}

impl CtcVocabulary {
    /// Reads the vocabulary of an export.
    ///
    /// # Errors
    /// If there is neither `vocab.json` nor `tokenizer.json`, one of them is not a vocabulary, or it lacks the blank.
    pub fn read(assets: &Assets) -> Result<Self, TaskError> {
        let config = ConfigFile::read_or_empty(assets, "tokenizer_config.json")?;
        let special = ConfigFile::read_or_empty(assets, "special_tokens_map.json")?;
        let (mut tokens, decoder) = match assets.bytes(VOCABULARY) {
            Ok(bytes) => (of_json(&ConfigFile::parse(VOCABULARY, bytes)?, &config, bytes)?, CtcDecoder::default()),
            Err(_) => of_tokenizer(&ConfigFile::read(assets, "tokenizer.json").map_err(|error| {
                TaskError::new(format!(
                    "expected {VOCABULARY} or tokenizer.json with the tokens of a CTC network: {error}"
                ))
            })?)?,
        };
        tokens.extend(added(assets, &config)?);
        let named = |field: &str, default: &str| {
            let token = match config.optional::<SpecialToken>(field)? {
                Some(token) => Some(token),
                None => special.optional(field)?,
            };
            Ok::<_, TaskError>(token.map_or_else(|| default.to_owned(), SpecialToken::text))
        };
        let vocabulary = Self {
            unknown: named("unk_token", "<unk>")?,
            blank: named("pad_token", decoder.pad_token.as_deref().unwrap_or("<pad>"))?,
            delimiter: named("word_delimiter_token", decoder.word_delimiter_token.as_deref().unwrap_or("|"))?,
            space: config.optional("replace_word_delimiter_char")?.unwrap_or_else(|| " ".to_owned()),
            lowers: config.optional("do_lower_case")?.unwrap_or(false),
            cleans_up: config.optional("clean_up_tokenization_spaces")?.or(decoder.cleanup).unwrap_or(true),
            tokens,
        };
        if !vocabulary.tokens.values().any(|token| *token == vocabulary.blank) {
            return Err(config.error(
                "pad_token",
                format!("expected a token of {VOCABULARY}, the blank, got {:?}", vocabulary.blank),
            ));
        }
        Ok(vocabulary)
    }

    /// The text of the token `id`; that of the unknown token if there is none.
    pub fn token(&self, id: usize) -> &str {
        self.tokens.get(&id).unwrap_or(&self.unknown)
    }

    /// The token without text.
    pub fn blank(&self) -> &str {
        &self.blank
    }

    /// What is written between words.
    pub fn space(&self) -> &str {
        &self.space
    }

    /// What is written for `token`.
    pub fn spelled<'t>(&'t self, token: &'t str) -> &'t str {
        if token == self.delimiter { &self.space } else { token }
    }

    /// The text of a call, from that of its tokens.
    pub fn finished(&self, text: &str) -> String {
        let text = if self.lowers { text.to_lowercase() } else { text.to_owned() };
        if self.cleans_up { clean_up(&text) } else { text }
    }

    /// The number of ids, up to the largest.
    pub fn size(&self) -> usize {
        self.tokens.last_key_value().map_or(0, |(last, _)| last + 1)
    }
}

/// The tokens of `vocab.json`, by id; of the language `target_lang`, if it has several.
fn of_json(file: &ConfigFile, config: &ConfigFile, bytes: &[u8]) -> Result<BTreeMap<usize, String>, TaskError> {
    let tokens: BTreeMap<String, usize> = match config.optional::<String>("target_lang")? {
        Some(language) => file.required(&language)?,
        None => serde_json::from_slice(bytes).map_err(|error| TaskError::new(format!("{}: {error}", file.name())))?,
    };
    Ok(tokens.into_iter().map(|(token, id)| (id, token)).collect())
}

/// The tokens and the decoder of `tokenizer.json`.
fn of_tokenizer(file: &ConfigFile) -> Result<(BTreeMap<usize, String>, CtcDecoder), TaskError> {
    let decoder: Option<CtcDecoder> = file.optional("decoder")?;
    let decoder = decoder.filter(|decoder| decoder.kind == "CTC");
    let decoder = decoder.ok_or_else(|| file.error("decoder", "expected one of the type CTC"))?;
    let model: TokenizerModel = file.required("model")?;
    let added: Vec<AddedToken> = file.optional("added_tokens")?.unwrap_or_default();
    let tokens = model.vocab.into_iter().map(|(token, id)| (id, token));
    Ok((tokens.chain(added.into_iter().map(|added| (added.id, added.content))).collect(), decoder))
}

/// Tokens that were added to those of `vocab.json`.
fn added(assets: &Assets, config: &ConfigFile) -> Result<Vec<(usize, String)>, TaskError> {
    let mut tokens = Vec::new();
    if let Ok(bytes) = assets.bytes(ADDED) {
        let added: BTreeMap<String, usize> =
            serde_json::from_slice(bytes).map_err(|error| TaskError::new(format!("{ADDED}: {error}")))?;
        tokens.extend(added.into_iter().map(|(token, id)| (id, token)));
    }
    let added = config.optional::<BTreeMap<String, SpecialToken>>("added_tokens_decoder")?.unwrap_or_default();
    for (id, token) in added {
        let id = id.parse().map_err(|_| config.error("added_tokens_decoder", format!("expected ids, got {id:?}")))?;
        tokens.push((id, token.text()));
    }
    Ok(tokens)
}

/// Removes spaces before punctuation, as `clean_up_tokenization` of `transformers` does.
fn clean_up(text: &str) -> String {
    const REPLACED: [(&str, &str); 10] = [
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
    REPLACED.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// A special token: its text, or an object with it.
#[derive(Deserialize)]
#[serde(untagged)]
enum SpecialToken {
    Text(String),
    Described { content: String },
}

impl SpecialToken {
    fn text(self) -> String {
        match self {
            Self::Text(text) | Self::Described { content: text } => text,
        }
    }
}

/// The decoder of `tokenizer.json`.
#[derive(Default, Deserialize)]
struct CtcDecoder {
    #[serde(rename = "type")]
    kind: String,
    pad_token: Option<String>,
    word_delimiter_token: Option<String>,
    cleanup: Option<bool>,
}

#[derive(Deserialize)]
struct TokenizerModel {
    vocab: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct AddedToken {
    id: usize,
    content: String,
}

const VOCABULARY: &str = "vocab.json";
const ADDED: &str = "added_tokens.json";
