//! Parameters of zero-shot image classification.

use serde::{Deserialize, Serialize};

/// The parameters of `zero-shot-image-classification`.
///
/// ```
/// use amaas_wire::pipeline::ZeroShotImageClassificationParameters;
///
/// let parameters = ZeroShotImageClassificationParameters::new(["cat", "dog"]).hypothesis_template("A drawing of a {}.");
/// let json = r#"{"candidate_labels":["cat","dog"],"hypothesis_template":"A drawing of a {}."}"#;
/// assert_eq!(serde_json::to_string(&parameters)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ZeroShotImageClassificationParameters {
    /// The labels to choose from.
    pub candidate_labels: Vec<String>,
    /// The text for a label, with `{}` in its place; `This is a photo of {}.` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis_template: Option<String>,
}

impl ZeroShotImageClassificationParameters {
    /// Parameters with these labels to choose from.
    pub fn new<L: Into<String>>(labels: impl IntoIterator<Item = L>) -> Self {
        Self { candidate_labels: labels.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets the text for a label, with `{}` in its place.
    #[must_use]
    pub fn hypothesis_template(self, template: impl Into<String>) -> Self {
        Self { hypothesis_template: Some(template.into()), ..self }
    }
}
