//! The tokenizer of a text generator.

use super::PromptError;
use crate::cpu::CpuPermit;
use crate::error::TaskError;

/// Text to tokens, and tokens to text.
pub trait Tokenizer: Send + Sync {
    /// The tokens of a prompt.
    ///
    /// # Errors
    /// [`PromptError::Parameter`] if the prompt cannot be tokenised.
    fn encode(&self, cpu: &CpuPermit, text: &str) -> Result<Vec<i64>, PromptError>;

    /// The text of tokens, without special tokens. A character that is not complete is U+FFFD.
    ///
    /// # Errors
    /// If a token is not in the vocabulary.
    fn decode(&self, tokens: &[i64]) -> Result<String, TaskError>;

    /// The tokenizer's own name of a token.
    fn token_name(&self, token: i64) -> Option<String> {
        let _ = token;
        None
    }

    /// Whether the token ends a text.
    fn is_end(&self, token: i64) -> bool;

    /// The most tokens of a sequence, prompt included.
    fn context_length(&self) -> usize;
}
