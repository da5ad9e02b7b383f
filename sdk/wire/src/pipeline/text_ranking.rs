//! Inputs, parameters and predictions of text ranking.

use serde::{Deserialize, Serialize};

/// The input of `text-ranking`: a query, and the documents to rank by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct QueryAndDocuments {
    /// The query.
    pub query: String,
    /// The documents, at least one.
    pub documents: Vec<String>,
}

impl QueryAndDocuments {
    /// A query with documents.
    pub fn new<D: Into<String>>(query: impl Into<String>, documents: impl IntoIterator<Item = D>) -> Self {
        Self { query: query.into(), documents: documents.into_iter().map(Into::into).collect() }
    }
}

/// The parameters of `text-ranking`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TextRankingParameters {
    /// The number of most relevant documents in the answer; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_n: Option<usize>,
    /// Whether a pair that is too long is cut, which is the default; `false` refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation: Option<bool>,
}

impl TextRankingParameters {
    /// Sets the number of documents in the answer.
    #[must_use]
    pub fn top_n(self, documents: usize) -> Self {
        Self { top_n: Some(documents), ..self }
    }

    /// Sets whether a pair that is too long is cut.
    #[must_use]
    pub fn truncation(self, truncation: bool) -> Self {
        Self { truncation: Some(truncation), ..self }
    }
}

/// A document of a ranking, the most relevant one first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct RankedDocument {
    /// The index of the document in the input.
    pub index: usize,
    /// Its relevance; more is more relevant.
    pub score: f32,
}

impl RankedDocument {
    /// The document `index` with its relevance.
    pub fn new(index: usize, score: f32) -> Self {
        Self { index, score }
    }
}
