//! Predictions of classifiers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The prediction of a text classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct TextClassification {
    /// The most probable class.
    pub label: String,
    /// The probability of `label`, 0 to 1.
    pub probability: f32,
    /// The probability of every class; they add up to 1.
    pub probabilities: BTreeMap<String, f32>,
}

impl TextClassification {
    /// The prediction for the probabilities of all classes; among equals the label that sorts first wins.
    ///
    /// ```
    /// use amaas_wire::task::TextClassification;
    ///
    /// let answer = TextClassification::of([("politics".to_owned(), 0.25), ("sport".to_owned(), 0.75)]);
    /// assert_eq!((answer.label.as_str(), answer.probability), ("sport", 0.75));
    /// ```
    pub fn of(classes: impl IntoIterator<Item = (String, f32)>) -> Self {
        let probabilities: BTreeMap<String, f32> = classes.into_iter().collect();
        let best = probabilities.iter().reduce(|best, class| if class.1 > best.1 { class } else { best });
        let (label, probability) = best.map(|(label, probability)| (label.clone(), *probability)).unwrap_or_default();
        Self { label, probability, probabilities }
    }
}

/// The prediction of a classifier with many classes: the most probable ones, most probable first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct RankedClassification {
    /// The most probable class.
    pub label: String,
    /// The probability of `label`, 0 to 1.
    pub probability: f32,
    /// The most probable classes, `label` first. The model decides how many.
    pub top: Vec<ScoredLabel>,
}

/// A class and its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
#[cfg_attr(feature = "schema", schemars(rename = "Scored"))]
pub struct ScoredLabel {
    /// The class.
    pub label: String,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

impl ScoredLabel {
    /// A class with its probability.
    pub fn new(label: impl Into<String>, probability: f32) -> Self {
        Self { label: label.into(), probability }
    }
}

impl RankedClassification {
    /// The `most` most probable of `classes`; among equals the earlier one comes first.
    ///
    /// ```
    /// use amaas_wire::task::{RankedClassification, ScoredLabel};
    ///
    /// let ranked = RankedClassification::of(vec![ScoredLabel::new("a", 0.1), ScoredLabel::new("b", 0.7), ScoredLabel::new("c", 0.2)], 2);
    /// assert_eq!((ranked.label.as_str(), ranked.probability), ("b", 0.7));
    /// assert_eq!(ranked.top, [ScoredLabel::new("b", 0.7), ScoredLabel::new("c", 0.2)]);
    /// ```
    pub fn of(mut classes: Vec<ScoredLabel>, most: usize) -> Self {
        classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        classes.truncate(most);
        let (label, probability) =
            classes.first().map(|first| (first.label.clone(), first.probability)).unwrap_or_default();
        Self { label, probability, top: classes }
    }
}

/// The prediction of a classifier of handwritten digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct DigitClassification {
    /// The most probable digit, 0 to 9.
    #[cfg_attr(feature = "schema", schemars(range(max = 9)))]
    pub digit: u8,
    /// The probability of `digit`, 0 to 1.
    pub probability: f32,
    /// The probabilities of 0 to 9, in this order; they add up to 1.
    pub probabilities: [f32; 10],
}

impl DigitClassification {
    /// The prediction for the probabilities of 0 to 9; among equals the smaller digit wins.
    ///
    /// ```
    /// use amaas_wire::task::DigitClassification;
    ///
    /// let answer = DigitClassification::of([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.75, 0.25, 0.0]);
    /// assert_eq!((answer.digit, answer.probability), (7, 0.75));
    /// ```
    pub fn of(probabilities: [f32; 10]) -> Self {
        let best = |best: (u8, f32), (digit, probability): (u8, &f32)| {
            if *probability > best.1 { (digit, *probability) } else { best }
        };
        let (digit, probability) = (0..).zip(&probabilities).fold((0, 0.0), best);
        Self { digit, probability, probabilities }
    }
}
