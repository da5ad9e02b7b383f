//! Texts for the labels that a call names.

use amaas_model::PredictError;

use crate::parameters::bad_parameter;

/// `template` with each of `labels` in place of `{}`.
///
/// # Errors
/// If there are no labels or too many, or the template has no `{}` or several.
pub(crate) fn label_texts(labels: &[String], template: &str) -> Result<Vec<String>, PredictError> {
    if labels.is_empty() || labels.len() > MAX_LABELS {
        let got = labels.len();
        return Err(bad_parameter("candidate_labels", &format!("expected 1 to {MAX_LABELS} labels, got {got}")));
    }
    let Some((before, after)) = template.split_once("{}").filter(|(_, after)| !after.contains("{}")) else {
        return Err(bad_parameter("hypothesis_template", "expected a text with one {} in place of the label"));
    };
    Ok(labels.iter().map(|label| format!("{before}{label}{after}")).collect())
}

/// The most labels of a call; the network reads a text for each.
const MAX_LABELS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_takes_the_place_of_braces() {
        let labels = ["sport".to_owned(), "the {}".to_owned()];
        assert_eq!(label_texts(&labels, "On {}.").ok(), Some(vec!["On sport.".to_owned(), "On the {}.".to_owned()]));
        for (labels, template, expected) in [
            (&labels[..], "On sport.", "parameters.hypothesis_template: expected a text with one {}"),
            (&labels[..], "{} {}", "parameters.hypothesis_template: expected a text with one {}"),
            (&[], "{}", "parameters.candidate_labels: expected 1 to 256 labels, got 0"),
        ] {
            let error = label_texts(labels, template).expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
