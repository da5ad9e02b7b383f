//! What each pipeline reads: which files of an export, and which options of the publisher.

use super::FolderError;

/// A pipeline, with the files that it reads and the options that change its answers.
#[derive(Debug)]
pub(super) struct PipelineKind {
    pub(super) name: &'static str,
    pub(super) modality: Modality,
    /// Whether `--label-file` names its classes.
    pub(super) has_labels: bool,
}

/// What the inputs of a pipeline are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modality {
    Text,
    Image,
    /// Images with text in them.
    TextInImage,
    /// Images and texts.
    ImageAndText,
    Audio,
    Table,
}

/// Whether there is a pipeline `name`.
pub fn is_pipeline(name: &str) -> bool {
    PipelineKind::find(name).is_some()
}

impl PipelineKind {
    /// The pipeline `name`; `None` if there is none of that name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        PIPELINES.iter().find(|kind| kind.name == name)
    }

    /// The pipeline `name`.
    ///
    /// # Errors
    /// If there is none, with the nearest name.
    pub(super) fn named(name: &str) -> Result<&'static Self, FolderError> {
        Self::find(name).ok_or_else(|| {
            let distance = |known: &&'static str| strsim::damerau_levenshtein(known, name);
            let known: Vec<&'static str> = PIPELINES.iter().map(|kind| kind.name).collect();
            let nearest = known.iter().copied().min_by_key(distance).filter(|known| distance(known) <= MAX_DISTANCE);
            FolderError::UnknownPipeline { name: name.to_owned(), nearest, known }
        })
    }

    /// Whether the pipeline tokenises texts.
    pub(super) fn reads_text(&self) -> bool {
        matches!(self.modality, Modality::Text | Modality::ImageAndText)
    }

    /// The files that it reads.
    pub(super) fn files(&self) -> impl Iterator<Item = &'static str> {
        let of_modality: &[&[&str]] = match self.modality {
            Modality::Text => &[TOKENIZER, SENTENCES],
            Modality::Image => &[PREPROCESSOR],
            Modality::TextInImage => &[CHARACTERS],
            Modality::ImageAndText => &[TOKENIZER, PREPROCESSOR],
            Modality::Audio => &[PREPROCESSOR, CTC],
            Modality::Table => &[TABLE],
        };
        COMMON.iter().chain(of_modality.iter().copied().flatten()).copied()
    }

    /// The names of the pipelines for which `holds`.
    pub(super) fn names_of(holds: impl Fn(&Self) -> bool) -> Vec<&'static str> {
        PIPELINES.iter().filter(|kind| holds(kind)).map(|kind| kind.name).collect()
    }
}

const fn kind(name: &'static str, modality: Modality, has_labels: bool) -> PipelineKind {
    PipelineKind { name, modality, has_labels }
}

const PIPELINES: [PipelineKind; 17] = [
    kind("audio-classification", Modality::Audio, true),
    kind("automatic-speech-recognition", Modality::Audio, false),
    kind("feature-extraction", Modality::Text, false),
    kind("fill-mask", Modality::Text, false),
    kind("image-classification", Modality::Image, true),
    kind("image-feature-extraction", Modality::Image, false),
    kind("image-segmentation", Modality::Image, true),
    kind("object-detection", Modality::Image, true),
    kind("question-answering", Modality::Text, false),
    kind("tabular-classification", Modality::Table, true),
    kind("tabular-regression", Modality::Table, false),
    kind("text-classification", Modality::Text, true),
    kind("text-ranking", Modality::Text, false),
    kind("text-recognition", Modality::TextInImage, false),
    kind("token-classification", Modality::Text, true),
    kind("zero-shot-classification", Modality::Text, false),
    kind("zero-shot-image-classification", Modality::ImageAndText, false),
];

const COMMON: &[&str] = &["config.json", "pipeline.json"];
const TOKENIZER: &[&str] = &["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"];
const SENTENCES: &[&str] = &["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"];
const PREPROCESSOR: &[&str] = &["preprocessor_config.json"];
const CHARACTERS: &[&str] = &["characters.txt"];
const CTC: &[&str] = &["vocab.json", "added_tokens.json", "tokenizer_config.json", "special_tokens_map.json"];
const TABLE: &[&str] = &["columns.json"];
/// How many letters of a name may be wrong for a suggestion.
const MAX_DISTANCE: usize = 4;

#[cfg(test)]
mod tests {
    use amaas_model::task::Tasks;

    use super::*;

    #[test]
    fn every_pipeline_has_an_entry() {
        let registered: Vec<_> = crate::with_pipelines(Tasks::default()).names().collect();
        assert_eq!(PipelineKind::names_of(|_| true), registered);
    }

    #[test]
    fn a_typo_is_told_the_nearest_name() {
        let error = |name: &str| PipelineKind::named(name).expect_err(name).to_string();
        assert!(
            error("text-clasification").starts_with(
                "there is no pipeline \"text-clasification\", did you mean \"text-classification\"?; the pipelines are: "
            ),
            "{}",
            error("text-clasification")
        );
        assert!(error("translation").starts_with("there is no pipeline \"translation\"; the pipelines are: audio"));
    }
}
