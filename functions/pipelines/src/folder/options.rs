//! What the publisher chooses beside the export's own files.

use amaas_engine::TaskError;

use super::FolderError;
use super::pipeline_kind::{Modality, PipelineKind};
use crate::export::{PipelineSettings, Pooling};

/// The choices of the publisher, which override the export's files.
///
/// ```
/// use amaas_pipelines::folder::ExportOptions;
///
/// let labels = ExportOptions::parse_labels("labels.txt", "negative\npositive\n")?;
/// assert_eq!(labels, ["negative", "positive"]);
/// # Ok::<(), amaas_model::task::TaskError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportOptions {
    /// The pipeline, or [`TENSORS`](Self::TENSORS); inferred if `None`.
    pub pipeline: Option<String>,
    /// The variant of the network, such as `fp16`.
    pub variant: Option<String>,
    /// The settings of the pipeline.
    pub settings: PipelineSettings,
}

impl ExportOptions {
    /// The word for a network that is published without a pipeline: tensors in, tensors out.
    pub const TENSORS: &'static str = "tensors";

    /// Parses the text of the label file `name`: a label on each line, a JSON list of labels, or a JSON object with `id2label`.
    ///
    /// # Errors
    /// If it has none of these forms, or no labels.
    pub fn parse_labels(name: &str, text: &str) -> Result<Vec<String>, TaskError> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let labels: Vec<String> = if text.starts_with('[') {
            serde_json::from_str(text).map_err(|error| TaskError::new(format!("{name}: {error}")))?
        } else if text.starts_with('{') {
            let config = crate::export::ConfigFile::parse(name, text.as_bytes())?;
            let labels = crate::export::ClassLabels::of(&config)?;
            let labels =
                labels.ok_or_else(|| config.error("id2label", "expected the labels of the classes, got none"))?;
            labels.iter().map(str::to_owned).collect()
        } else {
            text.lines().map(|line| line.trim().to_owned()).collect()
        };
        match labels.iter().position(String::is_empty) {
            _ if labels.is_empty() => Err(TaskError::new(format!("{name}: expected labels, got none"))),
            Some(at) => Err(TaskError::new(format!("{name}: expected a label for the class {at}, got an empty one"))),
            None => Ok(labels),
        }
    }

    /// Checks that each option has an effect on the pipeline `kind`, or on a network of tensors.
    ///
    /// # Errors
    /// [`FolderError::Option`] names the first that does not.
    pub(super) fn check(&self, kind: Option<&PipelineKind>) -> Result<(), FolderError> {
        let settings = &self.settings;
        let is_embedding = |kind: &PipelineKind| kind.name == FEATURE_EXTRACTION;
        let options: [PipelineOption<'_>; 4] = [
            ("--pooling", settings.pooling.is_some(), &is_embedding),
            ("--normalize", settings.normalize.is_some(), &is_embedding),
            ("--max-length", settings.max_length.is_some(), &|kind| kind.modality == Modality::Text),
            ("--label-file", settings.labels.is_some(), &|kind| kind.has_labels),
        ];
        for (option, is_given, has_effect) in options {
            if is_given && !kind.is_some_and(has_effect) {
                let pipeline =
                    kind.map_or_else(|| "a network without a pipeline".to_owned(), |kind| kind.name.to_owned());
                return Err(FolderError::Option { option, pipeline, allowed: PipelineKind::names_of(has_effect) });
            }
        }
        Ok(())
    }

    /// The settings of `file`, with the publisher's in their place.
    pub(super) fn merged(&self, file: PipelineSettings) -> PipelineSettings {
        let PipelineSettings { pooling, normalize, max_length, labels } = self.settings.clone();
        PipelineSettings {
            pooling: pooling.or(file.pooling),
            normalize: normalize.or(file.normalize),
            max_length: max_length.or(file.max_length),
            labels: labels.or(file.labels),
        }
    }
}

/// An option, whether it is given, and the pipelines on which it has an effect.
type PipelineOption<'o> = (&'static str, bool, &'o dyn Fn(&PipelineKind) -> bool);

pub(super) const FEATURE_EXTRACTION: &str = "feature-extraction";

impl std::str::FromStr for Pooling {
    type Err = TaskError;

    /// Parses a mode by its name in `pipeline.json`.
    fn from_str(text: &str) -> Result<Self, TaskError> {
        serde_json::from_value(text.into()).map_err(|_| {
            TaskError::new(format!(
                "expected cls, mean, max, mean_sqrt_len, weighted_mean, last_token or none, got {text:?}"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_three_forms() {
        let parse = |text| ExportOptions::parse_labels("labels", text).map_err(|error| error.to_string());
        let expected = Ok(vec!["a b".to_owned(), "c".to_owned()]);
        for text in ["a b\nc\n", "\u{feff}a b\r\nc", r#"["a b","c"]"#, r#"{"id2label":{"1":"c","0":"a b"}}"#] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse(""), Err("labels: expected labels, got none".to_owned()));
        assert_eq!(parse("a\n\nb"), Err("labels: expected a label for the class 1, got an empty one".to_owned()));
        assert_eq!(parse("{}"), Err("labels: id2label: expected the labels of the classes, got none".to_owned()));
        assert!(parse("[1]").expect_err("numbers").starts_with("labels: invalid type"));
    }

    #[test]
    fn an_option_without_effect_is_refused_by_name() {
        let check = |settings, pipeline: &str| {
            let options = ExportOptions { settings, ..ExportOptions::default() };
            options.check(PipelineKind::find(pipeline)).map_err(|error| error.to_string())
        };
        let pooling = PipelineSettings { pooling: Some(Pooling::Cls), ..PipelineSettings::default() };
        assert_eq!(check(pooling.clone(), FEATURE_EXTRACTION), Ok(()));
        let error = "--pooling has no effect on fill-mask; it is for feature-extraction".to_owned();
        assert_eq!(check(pooling, "fill-mask"), Err(error));
        let labels = PipelineSettings { labels: Some(vec!["a".to_owned()]), ..PipelineSettings::default() };
        let error = check(labels, ExportOptions::TENSORS).expect_err("no classes");
        assert!(
            error.starts_with("--label-file has no effect on a network without a pipeline; it is for audio"),
            "{error}"
        );
    }
}
