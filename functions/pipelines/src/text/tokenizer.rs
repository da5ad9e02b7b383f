//! Texts to tokens, by the export's own `tokenizer.json`.

use amaas_engine::cpu::CpuPermit;
use amaas_model::PredictError;
use amaas_model::task::{TaskContext, TaskError};
use tokenizers::utils::truncation::{TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings};
use tokenizers::{Encoding, PostProcessor, PostProcessorWrapper, Tokenizer};

use super::beginning::beginning;
use super::max_length::MaxLength;
use super::row::TextRow;
use crate::export::ConfigFile;

/// The tokenizer of an export, with the maximum length of its texts.
#[derive(Debug)]
pub struct TextTokenizer {
    /// Without its post-processor, which runs once, after texts are cut: run twice, it would trim offsets twice.
    tokenizer: Tokenizer,
    post_processor: Option<PostProcessorWrapper>,
    max_length: usize,
    direction: TruncationDirection,
    pad_id: i64,
}

/// What happens to a text that has too many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncate {
    /// It is refused.
    Refuse,
    /// It is cut; of two texts the longer one.
    Longest,
    /// The first text is cut.
    First,
    /// The text, or the second one of two, becomes windows that overlap by `stride` tokens.
    Windows {
        /// Tokens that two windows share.
        stride: usize,
        /// The maximum length of a window, special tokens included.
        length: usize,
    },
}

/// A text as the network reads it.
#[derive(Clone, Debug)]
pub struct EncodedText {
    encoding: Encoding,
    is_cut: bool,
}

impl TextTokenizer {
    /// The name of the asset.
    pub const FILE: &'static str = "tokenizer.json";

    /// The tokenizer among the assets of `context`.
    ///
    /// # Errors
    /// If the file is missing or malformed, or states an impossible length.
    pub fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let failed = |error: tokenizers::Error| TaskError::new(format!("{}: {error}", Self::FILE));
        let mut tokenizer = Tokenizer::from_bytes(context.assets.bytes(Self::FILE)?).map_err(failed)?;
        let MaxLength { tokens: max_length, .. } = MaxLength::of(context, &tokenizer)?;
        let config = ConfigFile::read_or_empty(&context.assets, "tokenizer_config.json")?;
        let direction = match config.optional::<String>("truncation_side")?.as_deref() {
            None | Some("right") => TruncationDirection::Right,
            Some("left") => TruncationDirection::Left,
            Some(_) => return Err(config.error("truncation_side", "expected \"left\" or \"right\"")),
        };
        let pad_id = pad_id(&tokenizer, &config, context)?;
        // Rows are padded to the longest row of their run, and texts are cut as the call asks.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(failed)?;
        let post_processor = tokenizer.get_post_processor().cloned();
        tokenizer.with_post_processor(None::<PostProcessorWrapper>);
        Ok(Self { tokenizer, post_processor, max_length, direction, pad_id })
    }

    /// The maximum number of tokens of a text, special tokens included.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// The id of the padding token.
    pub(crate) fn pad_id(&self) -> i64 {
        self.pad_id
    }

    /// The underlying tokenizer.
    pub(super) fn inner(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokenises `text`, or `text` and `pair`, with special tokens. Offsets count characters.
    ///
    /// # Errors
    /// If a text is too long, with its length and the limit. The error holds nothing of the text.
    pub fn encode(
        &self,
        working: &CpuPermit,
        (text, pair): (&str, Option<&str>),
        truncate: Truncate,
    ) -> Result<EncodedText, PredictError> {
        let (first, first_is_cut) = self.encode_alone(text, truncate)?;
        let (second, second_is_cut) = match pair {
            Some(pair) => {
                let (mut encoding, is_cut) = self.encode_alone(pair, truncate)?;
                encoding.set_type_ids(vec![1; encoding.len()]);
                (Some(encoding), is_cut)
            }
            None => (None, false),
        };
        let added = self.post_processor.as_ref().map_or(0, |it| it.added_tokens(second.is_some()));
        let tokens = first.len() + second.as_ref().map_or(0, Encoding::len);
        working.record_progress(tokens as u64 + 1)?;
        let (strategy, stride, most) = match truncate {
            Truncate::Windows { stride, length } => {
                let most = length.min(self.max_length);
                check_windows((first.len(), second.as_ref().map(Encoding::len)), stride, most.saturating_sub(added))?;
                let is_pair = second.is_some();
                (if is_pair { TruncationStrategy::OnlySecond } else { TruncationStrategy::OnlyFirst }, stride, most)
            }
            Truncate::First => (TruncationStrategy::OnlyFirst, 0, self.max_length),
            Truncate::Refuse | Truncate::Longest => (TruncationStrategy::LongestFirst, 0, self.max_length),
        };
        let is_long = tokens + added > most;
        if is_long && truncate == Truncate::Refuse {
            return Err(too_long(most, &(tokens + added).to_string()));
        }
        let (first, second) = if is_long {
            let max_length = most.saturating_sub(added);
            let params = TruncationParams { direction: self.direction, max_length, strategy, stride };
            let no_room = |_| {
                let got = tokens + added;
                PredictError::invalid(format!(
                    "expected at most {most} tokens, got {got}; too few are of the text that is cut"
                ))
            };
            truncate_encodings(first, second, &params).map_err(no_room)?
        } else {
            (first, second)
        };
        let processed = match &self.post_processor {
            Some(post_processor) => post_processor.process(first, second, true).ok(),
            None => <dyn PostProcessor>::default_process(std::iter::once(first).chain(second).collect(), true)
                .ok()
                .and_then(|mut processed| processed.pop()),
        };
        let encoding = processed.ok_or_else(|| PredictError::invalid("the tokenizer refuses the text"))?;
        Ok(EncodedText { encoding, is_cut: is_long || first_is_cut || second_is_cut })
    }

    /// The row of token ids, which are run as they are, and whether it was cut.
    ///
    /// # Errors
    /// If there are too many and `truncate` refuses that.
    pub(super) fn row_of_ids(&self, ids: &[u32], truncate: Truncate) -> Result<(TextRow, bool), PredictError> {
        let most = self.max_length;
        let is_long = ids.len() > most;
        if is_long && truncate == Truncate::Refuse {
            return Err(too_long(most, &ids.len().to_string()));
        }
        let kept = match self.direction {
            TruncationDirection::Right => &ids[..ids.len().min(most)],
            TruncationDirection::Left => &ids[ids.len().saturating_sub(most)..],
        };
        let ids: Vec<i64> = kept.iter().map(|id| i64::from(*id)).collect();
        Ok((TextRow { type_ids: vec![0; ids.len()], ids }, is_long))
    }

    /// One more than the largest id of a token.
    pub(super) fn id_count(&self) -> u32 {
        self.tokenizer.get_vocab(true).into_values().max().map_or(0, |id| id.saturating_add(1))
    }

    /// Tokenises one text without special tokens, and whether it was cut before.
    fn encode_alone(&self, text: &str, truncate: Truncate) -> Result<(Encoding, bool), PredictError> {
        let most = match truncate {
            Truncate::Windows { .. } => MAX_WINDOWS_BYTES,
            Truncate::Refuse | Truncate::Longest | Truncate::First => self.max_bytes(),
        };
        let is_long = text.len() > most;
        let can_cut = matches!(truncate, Truncate::Longest | Truncate::First);
        if is_long && (!can_cut || self.direction == TruncationDirection::Left) {
            let got = text.len();
            return Err(PredictError::invalid(format!("expected a text of at most {most} bytes, got {got} bytes")));
        }
        let (part, _) = beginning(text, most);
        let encoding = self.tokenizer.encode_char_offsets(part, false);
        let encoding = encoding.map_err(|_| PredictError::invalid("the tokenizer refuses the text"))?;
        if is_long && encoding.len() <= self.max_length {
            let (got, tokens) = (text.len(), self.max_length);
            return Err(PredictError::invalid(format!(
                "expected at most {most} bytes where the first of them do not hold {tokens} tokens, got {got} bytes"
            )));
        }
        Ok((encoding, is_long))
    }

    /// The most bytes of a text that are read. A token has 1 to 6 bytes in any script that the tokenizer knows.
    fn max_bytes(&self) -> usize {
        self.max_length.saturating_mul(MAX_BYTES_PER_TOKEN).clamp(MIN_READ_BYTES, MAX_WINDOWS_BYTES)
    }
}

impl EncodedText {
    /// The tokens and their type ids.
    pub(crate) fn row(&self) -> TextRow {
        TextRow::of(&self.encoding)
    }

    /// The tokens of each window: this one and those that follow it.
    pub(super) fn windows(&self) -> impl Iterator<Item = &Encoding> {
        std::iter::once(&self.encoding).chain(self.encoding.get_overflowing())
    }

    /// Ids, offsets, words and special tokens.
    pub(super) fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Whether the text has more tokens than the network reads.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// Checks that windows of `room` tokens advance, and that they are not too many.
fn check_windows((first, second): (usize, Option<usize>), stride: usize, room: usize) -> Result<(), PredictError> {
    let (fixed, windowed) = match second {
        Some(second) => (first, second),
        None => (0, first),
    };
    let room = room.saturating_sub(fixed);
    if fixed + windowed > fixed + room && stride >= room {
        return Err(PredictError::invalid(format!(
            "expected a stride below the {room} tokens that a window has room for, got {stride}"
        )));
    }
    let windows = windowed.saturating_sub(stride).div_ceil(room.saturating_sub(stride).max(1));
    if windows > MAX_WINDOWS {
        return Err(PredictError::invalid(format!("expected a text of at most {MAX_WINDOWS} windows, got {windows}")));
    }
    Ok(())
}

fn too_long(most: usize, got: &str) -> PredictError {
    PredictError::invalid(format!(
        "expected at most {most} tokens, got {got}; send \"truncation\": true to have it cut"
    ))
}

/// The id of the padding token: a masked position, whose id has to be valid.
fn pad_id(tokenizer: &Tokenizer, config: &ConfigFile, context: &TaskContext) -> Result<i64, TaskError> {
    if let Some(padding) = tokenizer.get_padding() {
        return Ok(i64::from(padding.pad_id));
    }
    let token = config.optional::<serde_json::Value>("pad_token")?;
    // Older files have an object here.
    let token = token.as_ref().and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()));
    if let Some(id) = token.and_then(|token| tokenizer.token_to_id(token)) {
        return Ok(i64::from(id));
    }
    let network = ConfigFile::read_or_empty(&context.assets, "config.json")?;
    Ok(network.optional::<i64>("pad_token_id")?.unwrap_or_default())
}

/// The most bytes of a text that are read for each token of the network's input.
const MAX_BYTES_PER_TOKEN: usize = 128;
/// Texts up to this size are read whole.
const MIN_READ_BYTES: usize = 4 << 10;
/// The most windows of a text; each is a row.
const MAX_WINDOWS: usize = 256;
/// The most bytes of a text that is read in windows: tokenizers process about 10 MB a second.
const MAX_WINDOWS_BYTES: usize = 1 << 20;
