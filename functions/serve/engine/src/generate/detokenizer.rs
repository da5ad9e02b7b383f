//! Incremental detokenization and stop sequences: only complete characters are emitted, and text that may begin a stop
//! sequence is held back.

use memchr::memmem::Finder;

use super::Tokenizer;
use crate::error::RunError;

/// The incremental detokenizer of a sequence.
///
/// A token's text is the difference between the decoded context with and without it: tokenizers join words and drop a
/// leading space depending on the context.
pub(super) struct IncrementalDetokenizer {
    /// The end of the prompt, and the generated tokens.
    tokens: Vec<i64>,
    /// The start of the context that is decoded with the next token.
    from: usize,
    /// The end of the tokens whose text has been emitted.
    emitted: usize,
}

impl IncrementalDetokenizer {
    pub(super) fn after(prompt: &[i64]) -> Self {
        let tokens = prompt[prompt.len().saturating_sub(CONTEXT_TOKENS)..].to_vec();
        let emitted = tokens.len();
        Self { tokens, from: 0, emitted }
    }

    /// The text that `token` adds: empty while a character is incomplete.
    pub(super) fn push(&mut self, token: i64, tokenizer: &dyn Tokenizer) -> Result<String, RunError> {
        self.tokens.push(token);
        let (before, now) = self.decode_context(tokenizer)?;
        if now.ends_with(char::REPLACEMENT_CHARACTER) && self.tokens.len() - self.emitted < MAX_INCOMPLETE_TOKENS {
            return Ok(String::new());
        }
        (self.from, self.emitted) = (self.emitted, self.tokens.len());
        Ok(after(&before, &now))
    }

    /// The text that `token` would add.
    pub(super) fn preview(&self, token: i64, tokenizer: &dyn Tokenizer) -> Result<String, RunError> {
        let (before, _) = self.decode_context(tokenizer)?;
        let tokens: Vec<i64> = self.tokens[self.from..].iter().copied().chain([token]).collect();
        Ok(after(&before, &decode(&tokens, tokenizer)?))
    }

    /// The remaining text at the end, without an incomplete character.
    pub(super) fn rest(&mut self, tokenizer: &dyn Tokenizer) -> Result<String, RunError> {
        let (before, now) = self.decode_context(tokenizer)?;
        self.emitted = self.tokens.len();
        Ok(after(&before, &now).trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned())
    }

    /// The text of the emitted context tokens, and of all tokens from there on.
    fn decode_context(&self, tokenizer: &dyn Tokenizer) -> Result<(String, String), RunError> {
        Ok((decode(&self.tokens[self.from..self.emitted], tokenizer)?, decode(&self.tokens[self.from..], tokenizer)?))
    }
}

fn decode(tokens: &[i64], tokenizer: &dyn Tokenizer) -> Result<String, RunError> {
    tokenizer.decode(tokens).map_err(|error| RunError::failed(error.to_string()))
}

/// The text of `now` after `before`. If a tokenizer changes earlier text, only the later characters count.
fn after(before: &str, now: &str) -> String {
    match now.get(before.len()..) {
        Some(rest) => rest.to_owned(),
        None => now.chars().skip(before.chars().count()).collect(),
    }
}

/// Matches stop sequences, and holds back text that may begin one.
pub(super) struct StopMatcher {
    /// Each with its finder, built once for each call.
    stops: Vec<(String, Finder<'static>)>,
    held: String,
}

/// The text that may be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StopOutput {
    Continue(String),
    /// The last text, since a stop sequence follows it.
    Stopped(String),
}

impl StopMatcher {
    pub(super) fn new(stops: Vec<String>) -> Self {
        let finder = |stop: String| {
            let finder = Finder::new(stop.as_bytes()).into_owned();
            (stop, finder)
        };
        Self { stops: stops.into_iter().map(finder).collect(), held: String::new() }
    }

    /// The text that may be delivered after `text` is added.
    pub(super) fn push(&mut self, text: &str) -> StopOutput {
        self.held.push_str(text);
        // A stop sequence longer than the held text can only begin in it.
        let held = self.held.as_bytes();
        let found = self.stops.iter().filter(|(stop, _)| stop.len() <= held.len());
        if let Some(end) = found.filter_map(|(_, finder)| finder.find(held)).min() {
            self.held.truncate(end);
            return StopOutput::Stopped(std::mem::take(&mut self.held));
        }
        let begun = |at: &usize| self.stops.iter().any(|(stop, _)| stop.starts_with(&self.held[*at..]));
        // Only a suffix as long as the longest stop sequence can begin one.
        let longest = self.stops.iter().map(|(stop, _)| stop.len()).max().unwrap_or_default();
        let from = self.held.ceil_char_boundary(self.held.len().saturating_sub(longest));
        let places = self.held[from..].char_indices().map(|(at, _)| from + at);
        let from = places.into_iter().find(begun).unwrap_or(self.held.len());
        let rest = self.held.split_off(from);
        StopOutput::Continue(std::mem::replace(&mut self.held, rest))
    }

    /// The held text, at the end of the sequence.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Prompt tokens in the context of the first token.
const CONTEXT_TOKENS: usize = 8;
/// Tokens to wait for an incomplete character: it has at most 4 bytes, and so at most 4 tokens.
const MAX_INCOMPLETE_TOKENS: usize = 6;

#[cfg(test)]
mod tests {
    use super::super::PromptError;
    use super::*;
    use crate::cpu::CpuPermit;
    use crate::error::TaskError;

    /// A token is a byte.
    struct Bytes;

    impl Tokenizer for Bytes {
        fn encode(&self, _: &CpuPermit, text: &str) -> Result<Vec<i64>, PromptError> {
            Ok(text.bytes().map(i64::from).collect())
        }

        fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
            let bytes: Vec<u8> = tokens.iter().filter_map(|token| u8::try_from(*token).ok()).collect();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }

        fn is_end(&self, _: i64) -> bool {
            false
        }

        fn context_length(&self) -> usize {
            100
        }
    }

    #[test]
    fn a_character_is_told_when_it_is_whole() {
        let tokens = Bytes.encode(&CpuPermit::for_inline_work(), "猫é🐈a").expect("bytes");
        let mut text = IncrementalDetokenizer::after(
            &Bytes.encode(&CpuPermit::for_inline_work(), "a prompt with an é").expect("bytes"),
        );
        let pieces: Vec<_> = tokens.iter().map(|token| text.push(*token, &Bytes).expect("a token")).collect();
        assert_eq!(pieces, ["", "", "猫", "", "é", "", "", "", "🐈", "a"]);
        assert_eq!(text.push(tokens[0], &Bytes).expect("a token"), "");
        assert_eq!(text.rest(&Bytes).expect("tokens"), "", "what never got whole is not told");
    }

    #[test]
    fn what_is_no_character_is_not_waited_for_without_end() {
        let mut text = IncrementalDetokenizer::after(&[]);
        let pieces: Vec<_> = (0..MAX_INCOMPLETE_TOKENS).map(|_| text.push(0x80, &Bytes).expect("a token")).collect();
        assert_eq!(pieces.concat().chars().count(), MAX_INCOMPLETE_TOKENS);
        assert_eq!(text.push(i64::from(b'a'), &Bytes).expect("a token"), "a");
    }

    fn emitted(stops: &[&str], pieces: &[&str]) -> Vec<StopOutput> {
        let mut stops = StopMatcher::new(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut emitted: Vec<_> = pieces.iter().map(|piece| stops.push(piece)).collect();
        emitted.push(StopOutput::Continue(stops.rest()));
        emitted
    }

    #[test]
    fn what_may_be_a_stop_is_held_back() {
        let more = |text: &str| StopOutput::Continue(text.to_owned());
        let last = |text: &str| StopOutput::Stopped(text.to_owned());
        for (stops, pieces, expected) in [
            (&[][..], &["a", "b"][..], vec![more("a"), more("b"), more("")]),
            (&["\n\n"], &["a\n", "b\n", "\nc"], vec![more("a"), more("\nb"), last(""), more("")]),
            (&["end"], &["the e", "n", "e"], vec![more("the "), more(""), more("en"), more("e")]),
            (&["abc", "bx"], &["ab", "x"], vec![more(""), last("a"), more("")]),
            (&["é!"], &["é", "!"], vec![more(""), last(""), more("")]),
            (&["aab"], &["aa", "ab"], vec![more(""), last("a"), more("")]),
            (&["b"], &["abab"], vec![last("a"), more("")]),
        ] {
            assert_eq!(emitted(stops, pieces), expected, "{stops:?} {pieces:?}");
        }
    }
}
