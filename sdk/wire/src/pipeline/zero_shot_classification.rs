//! Parameters of zero-shot classification.

use serde::{Deserialize, Serialize};

/// The parameters of `zero-shot-classification`.
///
/// ```
/// use amaas_wire::pipeline::ZeroShotClassificationParameters;
///
/// let parameters = ZeroShotClassificationParameters::new(["sport", "politics"]).multi_label(true);
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"candidate_labels":["sport","politics"],"multi_label":true}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ZeroShotClassificationParameters {
    /// The labels to choose from.
    pub candidate_labels: Vec<String>,
    /// The hypothesis, with `{}` in place of the label; `This example is {}.` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis_template: Option<String>,
    /// Whether several labels can be true. If not, the scores add up to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_label: Option<bool>,
    /// Whether a text that is too long is cut; by default it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncation: Option<bool>,
}

impl ZeroShotClassificationParameters {
    /// Parameters with these labels to choose from.
    pub fn new<L: Into<String>>(labels: impl IntoIterator<Item = L>) -> Self {
        Self { candidate_labels: labels.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets the hypothesis, with `{}` in place of the label.
    #[must_use]
    pub fn hypothesis_template(self, template: impl Into<String>) -> Self {
        Self { hypothesis_template: Some(template.into()), ..self }
    }

    /// Sets whether several labels can be true.
    #[must_use]
    pub fn multi_label(self, multi_label: bool) -> Self {
        Self { multi_label: Some(multi_label), ..self }
    }

    /// Sets whether a text that is too long is cut.
    #[must_use]
    pub fn truncation(self, truncation: bool) -> Self {
        Self { truncation: Some(truncation), ..self }
    }
}
