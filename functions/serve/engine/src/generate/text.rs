//! Tokens to text, as far as it can be told: whole characters only, and nothing that may be the beginning of a stop.

use memchr::memmem::Finder;

use super::Tokenizer;
use crate::error::RunError;

/// The text of a sequence, token by token.
///
/// What a token adds is what the tokens around it and it have more than they alone: tokenizers join words and drop a leading
/// space by what stands before.
pub(super) struct Text {
    /// The end of the prompt, and what was made.
    tokens: Vec<i64>,
    /// Where the tokens begin that are read with the next one.
    from: usize,
    /// Up to where their text is told.
    told: usize,
}

impl Text {
    pub(super) fn behind(prompt: &[i64]) -> Self {
        let tokens = prompt[prompt.len().saturating_sub(BEFORE)..].to_vec();
        let told = tokens.len();
        Self { tokens, from: 0, told }
    }

    /// What `token` adds: nothing while a character is not whole.
    pub(super) fn push(&mut self, token: i64, generator: &dyn Tokenizer) -> Result<String, RunError> {
        self.tokens.push(token);
        let (before, now) = self.read(generator)?;
        if now.ends_with(char::REPLACEMENT_CHARACTER) && self.tokens.len() - self.told < PATIENCE {
            return Ok(String::new());
        }
        (self.from, self.told) = (self.told, self.tokens.len());
        Ok(behind(&before, &now))
    }

    /// What `token` would add.
    pub(super) fn would(&self, token: i64, generator: &dyn Tokenizer) -> Result<String, RunError> {
        let (before, _) = self.read(generator)?;
        let tokens: Vec<i64> = self.tokens[self.from..].iter().copied().chain([token]).collect();
        Ok(behind(&before, &read(&tokens, generator)?))
    }

    /// What is left at the end, without a character that never got whole.
    pub(super) fn rest(&mut self, generator: &dyn Tokenizer) -> Result<String, RunError> {
        let (before, now) = self.read(generator)?;
        self.told = self.tokens.len();
        Ok(behind(&before, &now).trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned())
    }

    /// The text that is told of the tokens from `from` on, and all of theirs.
    fn read(&self, generator: &dyn Tokenizer) -> Result<(String, String), RunError> {
        Ok((read(&self.tokens[self.from..self.told], generator)?, read(&self.tokens[self.from..], generator)?))
    }
}

fn read(tokens: &[i64], generator: &dyn Tokenizer) -> Result<String, RunError> {
    generator.decode(tokens).map_err(|error| RunError::failed(error.to_string()))
}

/// What `now` has behind `before`. A tokenizer that takes back what it said can only be told from there on.
fn behind(before: &str, now: &str) -> String {
    match now.get(before.len()..) {
        Some(rest) => rest.to_owned(),
        None => now.chars().skip(before.chars().count()).collect(),
    }
}

/// Texts that end a text, and what of it is held back meanwhile.
pub(super) struct Stops {
    /// With what finds each, which is made once a call.
    stops: Vec<(String, Finder<'static>)>,
    held: String,
}

/// What may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    More(String),
    /// The last, for a stop stands behind it.
    Last(String),
}

impl Stops {
    pub(super) fn new(stops: Vec<String>) -> Self {
        let finder = |stop: String| {
            let finder = Finder::new(stop.as_bytes()).into_owned();
            (stop, finder)
        };
        Self { stops: stops.into_iter().map(finder).collect(), held: String::new() }
    }

    /// What may be told, now that there is `text` more.
    pub(super) fn push(&mut self, text: &str) -> Told {
        self.held.push_str(text);
        // A stop that is longer than what is held can only begin there.
        let held = self.held.as_bytes();
        let found = self.stops.iter().filter(|(stop, _)| stop.len() <= held.len());
        if let Some(end) = found.filter_map(|(_, finder)| finder.find(held)).min() {
            self.held.truncate(end);
            return Told::Last(std::mem::take(&mut self.held));
        }
        let begun = |at: &usize| self.stops.iter().any(|(stop, _)| stop.starts_with(&self.held[*at..]));
        // No more than the longest stop can be the beginning of one.
        let longest = self.stops.iter().map(|(stop, _)| stop.len()).max().unwrap_or_default();
        let from = self.held.ceil_char_boundary(self.held.len().saturating_sub(longest));
        let places = self.held[from..].char_indices().map(|(at, _)| from + at);
        let from = places.into_iter().find(begun).unwrap_or(self.held.len());
        let rest = self.held.split_off(from);
        Told::More(std::mem::replace(&mut self.held, rest))
    }

    /// What was held back, when nothing comes any more.
    pub(super) fn rest(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Tokens of the prompt that are read with the first token.
const BEFORE: usize = 8;
/// A character has 4 bytes at most, and so at most as many tokens; what is not whole after more of them never gets so.
const PATIENCE: usize = 6;

#[cfg(test)]
mod tests {
    use super::super::PromptError;
    use super::*;
    use crate::cpu::Working;
    use crate::error::TaskError;

    /// A token is a byte.
    struct Bytes;

    impl Tokenizer for Bytes {
        fn encode(&self, _: &Working, text: &str) -> Result<Vec<i64>, PromptError> {
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
        let tokens = Bytes.encode(&Working::at_once(), "猫é🐈a").expect("bytes");
        let mut text = Text::behind(&Bytes.encode(&Working::at_once(), "a prompt with an é").expect("bytes"));
        let pieces: Vec<_> = tokens.iter().map(|token| text.push(*token, &Bytes).expect("a token")).collect();
        assert_eq!(pieces, ["", "", "猫", "", "é", "", "", "", "🐈", "a"]);
        assert_eq!(text.push(tokens[0], &Bytes).expect("a token"), "");
        assert_eq!(text.rest(&Bytes).expect("tokens"), "", "what never got whole is not told");
    }

    #[test]
    fn what_is_no_character_is_not_waited_for_without_end() {
        let mut text = Text::behind(&[]);
        let pieces: Vec<_> = (0..PATIENCE).map(|_| text.push(0x80, &Bytes).expect("a token")).collect();
        assert_eq!(pieces.concat().chars().count(), PATIENCE);
        assert_eq!(text.push(i64::from(b'a'), &Bytes).expect("a token"), "a");
    }

    fn told(stops: &[&str], pieces: &[&str]) -> Vec<Told> {
        let mut stops = Stops::new(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut told: Vec<_> = pieces.iter().map(|piece| stops.push(piece)).collect();
        told.push(Told::More(stops.rest()));
        told
    }

    #[test]
    fn what_may_be_a_stop_is_held_back() {
        let more = |text: &str| Told::More(text.to_owned());
        let last = |text: &str| Told::Last(text.to_owned());
        for (stops, pieces, expected) in [
            (&[][..], &["a", "b"][..], vec![more("a"), more("b"), more("")]),
            (&["\n\n"], &["a\n", "b\n", "\nc"], vec![more("a"), more("\nb"), last(""), more("")]),
            (&["end"], &["the e", "n", "e"], vec![more("the "), more(""), more("en"), more("e")]),
            (&["abc", "bx"], &["ab", "x"], vec![more(""), last("a"), more("")]),
            (&["é!"], &["é", "!"], vec![more(""), last(""), more("")]),
            (&["aab"], &["aa", "ab"], vec![more(""), last("a"), more("")]),
            (&["b"], &["abab"], vec![last("a"), more("")]),
        ] {
            assert_eq!(told(stops, pieces), expected, "{stops:?} {pieces:?}");
        }
    }
}
