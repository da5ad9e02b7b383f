//! Inputs, parameters and predictions of question answering.

use serde::{Deserialize, Serialize};

/// The input of `question-answering`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct QuestionAndContext {
    /// The question.
    pub question: String,
    /// The text that holds the answer.
    pub context: String,
}

impl QuestionAndContext {
    /// A question about a text.
    pub fn new(question: impl Into<String>, context: impl Into<String>) -> Self {
        Self { question: question.into(), context: context.into() }
    }
}

/// The parameters of `question-answering`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct QuestionAnsweringParameters {
    /// The number of answers; 1 by default. There may be fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// The tokens that two windows of a long context share; at most 128 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc_stride: Option<usize>,
    /// The maximum number of tokens of an answer; 15 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_answer_len: Option<usize>,
    /// The maximum number of tokens of a window, with the question; at most 384 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seq_len: Option<usize>,
    /// Whether the empty answer is a candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle_impossible_answer: Option<bool>,
    /// Whether answers begin and end with whole words, which is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub align_to_words: Option<bool>,
}

impl QuestionAnsweringParameters {
    /// Sets the number of answers.
    #[must_use]
    pub fn top_k(self, top_k: usize) -> Self {
        Self { top_k: Some(top_k), ..self }
    }

    /// Sets the overlap of windows, in tokens.
    #[must_use]
    pub fn doc_stride(self, doc_stride: usize) -> Self {
        Self { doc_stride: Some(doc_stride), ..self }
    }

    /// Sets the maximum number of tokens of an answer.
    #[must_use]
    pub fn max_answer_len(self, max_answer_len: usize) -> Self {
        Self { max_answer_len: Some(max_answer_len), ..self }
    }

    /// Sets the maximum number of tokens of a window.
    #[must_use]
    pub fn max_seq_len(self, max_seq_len: usize) -> Self {
        Self { max_seq_len: Some(max_seq_len), ..self }
    }

    /// Sets whether the empty answer is a candidate.
    #[must_use]
    pub fn handle_impossible_answer(self, handle_impossible_answer: bool) -> Self {
        Self { handle_impossible_answer: Some(handle_impossible_answer), ..self }
    }

    /// Sets whether answers begin and end with whole words.
    #[must_use]
    pub fn align_to_words(self, align_to_words: bool) -> Self {
        Self { align_to_words: Some(align_to_words), ..self }
    }
}

/// An answer: a part of the context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ExtractedAnswer {
    /// The text of the answer.
    pub answer: String,
    /// Its probability in its window.
    pub score: f32,
    /// The first character of the answer in the context. Characters are Unicode code points.
    pub start: usize,
    /// The end of the answer in the context, exclusive.
    pub end: usize,
}
