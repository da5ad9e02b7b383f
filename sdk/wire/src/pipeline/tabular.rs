//! Parameters and predictions of tabular pipelines.

use std::fmt;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

/// The parameters of `tabular-classification`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TabularClassificationParameters {
    /// The most classes in `scores`, 1 or more; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<NonZeroUsize>,
}

/// The prediction of `tabular-classification`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TabularClassification {
    /// The class that the model chose.
    pub label: TabularLabel,
    /// The score of `label`.
    pub score: f32,
    /// What the scores are.
    pub score_type: TabularScoreType,
    /// The scores of all classes, the highest first; of equal ones, the class that the model names first.
    pub scores: Vec<TabularScore>,
}

impl TabularClassification {
    /// The prediction of a model that chose `label`, with the scores of all classes. `None` if `label` has no score.
    ///
    /// ```
    /// use amaas_wire::pipeline::{TabularClassification, TabularScore, TabularScoreType};
    ///
    /// let scores = vec![TabularScore::new("no", 0.25), TabularScore::new("yes", 0.75)];
    /// let answer = TabularClassification::of("yes", scores, TabularScoreType::Probability).expect("it has a score");
    /// assert_eq!(answer.score, 0.75);
    /// assert_eq!(answer.scores[0].label.to_string(), "yes");
    /// ```
    pub fn of(
        label: impl Into<TabularLabel>,
        mut scores: Vec<TabularScore>,
        score_type: TabularScoreType,
    ) -> Option<Self> {
        let label = label.into();
        let score = scores.iter().find(|class| class.label == label)?.score;
        scores.sort_by(|a, b| b.score.total_cmp(&a.score));
        Some(Self { label, score, score_type, scores })
    }
}

/// A class and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TabularScore {
    /// The class.
    pub label: TabularLabel,
    /// Its score.
    pub score: f32,
}

impl TabularScore {
    /// A class with its score.
    pub fn new(label: impl Into<TabularLabel>, score: f32) -> Self {
        Self { label: label.into(), score }
    }
}

/// The label of a class, as the model has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum TabularLabel {
    /// An integer.
    Integer(i64),
    /// A string.
    Text(String),
}

impl fmt::Display for TabularLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(label) => label.fmt(f),
            Self::Text(label) => label.fmt(f),
        }
    }
}

impl From<i64> for TabularLabel {
    fn from(label: i64) -> Self {
        Self::Integer(label)
    }
}

impl From<&str> for TabularLabel {
    fn from(label: &str) -> Self {
        Self::Text(label.to_owned())
    }
}

impl From<String> for TabularLabel {
    fn from(label: String) -> Self {
        Self::Text(label)
    }
}

/// What the scores of a classifier are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum TabularScoreType {
    /// Probabilities: each is 0 to 1, and all classes add up to 1.
    Probability,
    /// Values of a decision function, of any sign and size. They are not comparable between models.
    Decision,
}

/// The prediction of `tabular-regression`: a number.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TabularRegression(pub f64);

impl TabularRegression {
    /// The predicted value.
    pub fn value(self) -> f64 {
        self.0
    }
}
