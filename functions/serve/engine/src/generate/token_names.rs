//! Names of tokens in log probabilities: unique at one position, even if texts are equal.
//!
//! A token's name is the text that it would add, as in `OpenAI`'s legacy route. Several tokens add the same text, or
//! none: special tokens, and bytes of an incomplete character. Those have the tokenizer's own names.

use std::collections::HashMap;

use super::Tokenizer;
use super::detokenizer::IncrementalDetokenizer;
use crate::error::RunError;

/// The names of the tokens at one position.
#[derive(Debug, Default)]
pub(super) struct TokenNames(HashMap<String, usize>);

impl TokenNames {
    /// The name of `token` after `text`: the same each time, and unique here.
    pub(super) fn of(
        &mut self,
        token: usize,
        text: &IncrementalDetokenizer,
        tokenizer: &dyn Tokenizer,
    ) -> Result<String, RunError> {
        let id = i64::try_from(token).unwrap_or(i64::MAX);
        let added = text.preview(id, tokenizer)?;
        let has_text = !added.is_empty() && !added.contains(char::REPLACEMENT_CHARACTER);
        let own = || tokenizer.token_name(id);
        let numbered = || Some(format!("token:{token}"));
        let added = if has_text { Some(added) } else { None };
        let name =
            added.filter(|name| self.is_free(name, token)).or_else(|| own().filter(|name| self.is_free(name, token)));
        // Token ids are unique.
        let name = name.or_else(numbered).unwrap_or_default();
        self.0.insert(name.clone(), token);
        Ok(name)
    }

    fn is_free(&self, name: &str, token: usize) -> bool {
        self.0.get(name).is_none_or(|other| *other == token)
    }
}

#[cfg(test)]
mod tests {
    use super::super::PromptError;
    use super::*;
    use crate::cpu::CpuPermit;
    use crate::error::TaskError;

    /// 0 to 255 are bytes, 256 and 257 add nothing, 258 is another "a", and 259 and 260 are unknown.
    struct Odd;

    impl Tokenizer for Odd {
        fn encode(&self, _: &CpuPermit, _: &str) -> Result<Vec<i64>, PromptError> {
            Ok(Vec::new())
        }

        fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
            let byte = |token: &i64| if *token == 258 { Some(b'a') } else { u8::try_from(*token).ok() };
            Ok(String::from_utf8_lossy(&tokens.iter().filter_map(byte).collect::<Vec<_>>()).into_owned())
        }

        fn token_name(&self, token: i64) -> Option<String> {
            match token {
                256 | 257 => Some(format!("<{token}>")),
                258 => Some("▁a".to_owned()),
                byte => u8::try_from(byte).ok().map(|byte| format!("bytes:\\x{byte:02x}")),
            }
        }

        fn is_end(&self, _: i64) -> bool {
            false
        }

        fn context_length(&self) -> usize {
            100
        }
    }

    #[test]
    fn each_token_has_a_name_of_its_own() {
        let mut names = TokenNames::default();
        let tokens = [97, 258, 256, 257, 240, 159, 98, 259, 260, 97, 258];
        let names: Vec<_> = tokens
            .iter()
            .map(|token| names.of(*token, &IncrementalDetokenizer::after(&[]), &Odd).expect("a name"))
            .collect();
        let expected =
            ["a", "▁a", "<256>", "<257>", "bytes:\\xf0", "bytes:\\x9f", "b", "token:259", "token:260", "a", "▁a"];
        assert_eq!(names, expected);
        // After an incomplete character, a token that completes it adds that character; any other token has its own
        // bytes.
        let mut text = IncrementalDetokenizer::after(&[]);
        text.push(0xc3, &Odd).expect("a byte");
        let mut names = TokenNames::default();
        let names = [0xa9, 0xc3, 97].map(|token| names.of(token, &text, &Odd).expect("a name"));
        assert_eq!(names, ["é", "bytes:\\xc3", "bytes:\\x61"]);
    }
}
