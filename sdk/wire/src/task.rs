//! Predictions of the tasks that more than one model shares, so that callers need not write them again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a classifier of texts answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextClassification {
    /// The most probable class.
    pub label: String,
    /// The probability of `label`, 0 to 1.
    pub probability: f32,
    /// The probability of every class; they add up to 1.
    pub probabilities: BTreeMap<String, f32>,
}

/// What a classifier of many classes answers: the most probable ones, in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankedClassification {
    /// The most probable class.
    pub label: String,
    /// The probability of `label`, 0 to 1.
    pub probability: f32,
    /// The most probable classes, `label` first; how many is up to the model.
    pub top: Vec<Scored>,
}

/// A class and its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The class.
    pub label: String,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

impl RankedClassification {
    /// The `most` most probable of `classes`; of equals the earlier one stands first.
    ///
    /// ```
    /// use amaas_wire::task::{RankedClassification, Scored};
    ///
    /// let scored = |label: &str, probability| Scored { label: label.to_owned(), probability };
    /// let ranked = RankedClassification::of(vec![scored("a", 0.1), scored("b", 0.7), scored("c", 0.2)], 2);
    /// assert_eq!((ranked.label.as_str(), ranked.probability), ("b", 0.7));
    /// assert_eq!(ranked.top, [scored("b", 0.7), scored("c", 0.2)]);
    /// ```
    pub fn of(mut classes: Vec<Scored>, most: usize) -> Self {
        classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        classes.truncate(most);
        let (label, probability) =
            classes.first().map(|first| (first.label.clone(), first.probability)).unwrap_or_default();
        Self { label, probability, top: classes }
    }
}

/// What a reader of handwritten digits answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DigitClassification {
    /// The most probable digit, 0 to 9.
    pub digit: u8,
    /// The probability of `digit`, 0 to 1.
    pub probability: f32,
    /// The probabilities of 0 to 9, in this order; they add up to 1.
    pub probabilities: [f32; 10],
}
