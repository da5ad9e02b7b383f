//! The text generation task: prompts to token ids and back, exactly as Hugging Face's `tokenizers` does, for any decoder with a KV cache
//! as inputs and outputs.
//!
//! Edge cases: an empty prompt is the begin token, if the tokenizer has one. The name of a special token, such as `<|begin|>`, is that
//! token. A prompt that exceeds the context length is refused, because the function cannot know which part matters.

use amaas_serve::task::{InvalidInput, TaskError};
use amaas_serve::task::{TaskContext, TextGenerator};
use serde::Deserialize;
use tokenizers::Tokenizer;

/// The task of decoders: a prompt in, its continuation out.
///
/// ```
/// use amaas_generate::Generate;
/// use amaas_serve::task::TextGenerator;
///
/// let tokenizer = include_bytes!("../model/tokenizer.json");
/// let generate = Generate::from_files(tokenizer, br#"{"context":256,"ends":[0]}"#)?;
/// let tokens = generate.encode("ROMEO:\nÉ").expect("a text");
/// assert_eq!((tokens[0], generate.is_end(0), generate.context_length()), (0, true, 256));
/// assert_eq!(generate.decode(&tokens)?, "ROMEO:\nÉ");
/// # Ok::<(), amaas_serve::task::TaskError>(())
/// ```
pub struct Generate {
    tokenizer: Tokenizer,
    settings: GeneratorSettings,
}

/// Settings that are neither in the tokenizer nor in the network.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeneratorSettings {
    /// The context length in tokens, prompt and generated text together.
    context: usize,
    /// The end-of-text tokens.
    ends: Vec<i64>,
}

impl Generate {
    /// The name of the asset with the tokenizer, a `tokenizer.json`.
    pub const TOKENIZER: &'static str = "tokenizer.json";
    /// The name of the asset with context length and end-of-text tokens: `{"context":256,"ends":[0]}`.
    pub const SETTINGS: &'static str = "generate.json";

    /// The task with a tokenizer and settings.
    ///
    /// # Errors
    /// One of them cannot be parsed.
    pub fn from_files(tokenizer: &[u8], settings: &[u8]) -> Result<Self, TaskError> {
        let failed = |file: &str, what: &dyn std::fmt::Display| TaskError::new(format!("{file}: {what}"));
        let mut tokenizer = Tokenizer::from_bytes(tokenizer).map_err(|error| failed(Self::TOKENIZER, &error))?;
        // A prompt is never truncated or padded.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| failed(Self::TOKENIZER, &error))?;
        let settings: GeneratorSettings =
            serde_json::from_slice(settings).map_err(|error| failed(Self::SETTINGS, &error))?;
        if settings.context < 2 {
            return Err(failed(Self::SETTINGS, &"expected room for 2 tokens or more as \"context\""));
        }
        Ok(Self { tokenizer, settings })
    }
}

impl TextGenerator for Generate {
    const NAME: &'static str = "generate";
    const EXAMPLE: &'static str = r#""O Romeo, Romeo! wherefore art""#;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Self::from_files(context.assets.bytes(Self::TOKENIZER)?, context.assets.bytes(Self::SETTINGS)?)
    }

    fn encode(&self, text: &str) -> Result<Vec<i64>, InvalidInput> {
        // Such a text exceeds the context length in any script, and tokenizing it takes long.
        let longest = self.settings.context.saturating_mul(MAX_TOKEN_BYTES);
        if text.len() > longest {
            let got = text.len();
            return Err(InvalidInput::new(format!("prompt: expected at most {longest} bytes, got {got}")));
        }
        let encoding = self.tokenizer.encode_fast(text, true);
        let encoding = encoding.map_err(|_| InvalidInput::new("prompt: the tokenizer refused the text"))?;
        if encoding.is_empty() {
            return Err(InvalidInput::new("prompt: expected a text of one token or more, got none"));
        }
        Ok(encoding.get_ids().iter().map(|id| i64::from(*id)).collect())
    }

    fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
        let ids: Vec<u32> = tokens.iter().filter_map(|token| u32::try_from(*token).ok()).collect();
        self.tokenizer.decode(&ids, true).map_err(TaskError::new)
    }

    fn token_name(&self, token: i64) -> Option<String> {
        let id = u32::try_from(token).ok()?;
        let name = self.tokenizer.id_to_token(id)?;
        if self.tokenizer.get_added_tokens_decoder().get(&id).is_some_and(|added| added.special) {
            return Some(name);
        }
        let text = self.tokenizer.decode(&[id], true).unwrap_or_default();
        if !text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER) {
            return Some(text);
        }
        let bytes = bytes(&name).filter(|_| !text.is_empty());
        Some(
            bytes.map_or(name, |bytes| {
                bytes.iter().fold("bytes:".to_owned(), |name, byte| format!("{name}\\x{byte:02x}"))
            }),
        )
    }

    fn is_end(&self, token: i64) -> bool {
        self.settings.ends.contains(&token)
    }

    fn context_length(&self) -> usize {
        self.settings.context
    }
}

/// The bytes of the token `name`, in either notation of byte tokens: `<0xF0>`, or a character for each byte.
fn bytes(name: &str) -> Option<Vec<u8>> {
    let hex = name.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>')).filter(|hex| hex.len() == 2);
    if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
        return Some(vec![byte]);
    }
    name.chars().map(byte).collect()
}

/// GPT-2's byte alphabet: a visible character of Latin-1 is its own byte; the other bytes follow from U+0100 on.
fn byte(character: char) -> Option<u8> {
    let is_visible = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    match u32::from(character) {
        code @ 0..=255 => u8::try_from(code).ok().filter(is_visible),
        code => (0..=255).filter(|byte| !is_visible(byte)).nth(usize::try_from(code - 256).ok()?),
    }
}

/// The most bytes of a token, on average over a prompt.
const MAX_TOKEN_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn generate() -> Generate {
        let (tokenizer, settings) =
            (include_bytes!("../model/tokenizer.json"), include_bytes!("../model/generate.json"));
        Generate::from_files(tokenizer, settings).expect("the committed files")
    }

    #[test]
    fn ids_are_pythons_own() {
        // texts.json was made with Python's `tokenizers`; see model/README.md.
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../model/texts.json")).expect("the committed cases");
        let generate = generate();
        for case in cases["cases"].as_array().expect("cases") {
            let ids: Vec<i64> = serde_json::from_value(case["ids"].clone()).expect("ids");
            assert_eq!(generate.encode(case["prompt"].as_str().expect("text")), Ok(ids), "{}", case["prompt"]);
        }
    }

    #[test]
    fn every_text_comes_back() {
        let generate = generate();
        for text in ["", "a", "ROMEO:\n", " two  spaces ", "É “ça” 猫🐈", "\u{0}\r\t"] {
            let tokens = generate.encode(text).expect("a text");
            assert_eq!(generate.decode(&tokens).as_deref(), Ok(text));
        }
        let long = generate.encode(&"x".repeat(256 * MAX_TOKEN_BYTES + 1)).expect_err("too long");
        assert_eq!(long.to_string(), "prompt: expected at most 8192 bytes, got 8193");
    }

    #[test]
    fn every_token_has_a_name_of_its_own() {
        let generate = generate();
        let count = i64::try_from(generate.tokenizer.get_vocab_size(true)).expect("few");
        let names: std::collections::BTreeSet<_> =
            (0..count).map(|id| generate.token_name(id).expect("a name")).collect();
        assert_eq!(names.len(), usize::try_from(count).expect("few"));
        let of = |text: &str| {
            generate.encode(text).expect("a text")[1..].iter().map(|id| generate.token_name(*id)).collect::<Vec<_>>()
        };
        assert_eq!(of("猫"), ["bytes:\\xe7", "bytes:\\x8c", "bytes:\\xab"].map(|name| Some(name.to_owned())));
        assert_eq!(of("a"), [Some("a".to_owned())]);
        assert_eq!(generate.token_name(count), None);
        assert_eq!(generate.token_name(0).as_deref(), generate.tokenizer.id_to_token(0).as_deref(), "a special token");
        // As `tokenizers` has it.
        let alphabet = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
        let bytes: std::collections::BTreeSet<_> = alphabet.iter().map(|character| byte(*character)).collect();
        assert_eq!((alphabet.len(), bytes.len(), bytes.contains(&None)), (256, 256, false));
        assert_eq!((bytes_of("<0xF0>"), bytes_of("<0xF>")), (Some(vec![0xf0]), Some(b"<0xF>".to_vec())));
    }

    fn bytes_of(name: &str) -> Option<Vec<u8>> {
        super::bytes(name)
    }

    #[test]
    fn settings_that_are_none_are_refused() {
        let tokenizer = include_bytes!("../model/tokenizer.json");
        for settings in ["", "{}", r#"{"context":1,"ends":[]}"#, r#"{"context":9,"ends":[],"begin":1}"#] {
            assert!(Generate::from_files(tokenizer, settings.as_bytes()).is_err(), "{settings}");
        }
        assert!(Generate::from_files(b"{}", br#"{"context":9,"ends":[]}"#).is_err());
    }
}
