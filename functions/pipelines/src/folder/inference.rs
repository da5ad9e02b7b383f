//! Infers the pipeline of an export from its files and tensors.
//!
//! The most specific evidence counts: the modules of sentence-transformers, the architecture in `config.json`, the model card
//! for architectures that several pipelines share, and the operators and metadata of exports without `config.json`.

use amaas_engine::TaskError;
use bytes::Bytes;

use super::options::FEATURE_EXTRACTION;
use super::pipeline_kind::PipelineKind;
use super::{ExportNetwork, FolderError};
use crate::export::{ClassLabels, ConfigFile};

/// The pipeline that serves an export, and what it was inferred from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InferredPipeline {
    name: Option<&'static str>,
    evidence: String,
}

impl InferredPipeline {
    /// The pipeline `name`.
    pub(super) fn of(name: &'static str, evidence: impl Into<String>) -> Self {
        Self { name: Some(name), evidence: evidence.into() }
    }

    /// No pipeline: tensors in, tensors out.
    pub(super) fn none(evidence: impl Into<String>) -> Self {
        Self { name: None, evidence: evidence.into() }
    }

    /// Its name; `None` if the network is served as tensors only.
    pub fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// What it was inferred from, such as `config.json: architectures: BertForMaskedLM`.
    pub fn evidence(&self) -> &str {
        &self.evidence
    }
}

/// What the pipeline of an export is inferred from.
pub(super) struct FolderEvidence {
    pub(super) config: Option<ConfigFile>,
    /// Whether the export has `modules.json`.
    pub(super) has_sentence_modules: bool,
    /// The model card, `README.md`.
    pub(super) card: Option<Bytes>,
    /// Whether the files are named as the networks of text recognition.
    pub(super) has_ocr_networks: bool,
    pub(super) network: ExportNetwork,
}

impl FolderEvidence {
    /// The pipeline.
    ///
    /// # Errors
    /// If the export is of a kind that no pipeline serves, or `config.json` is malformed.
    pub(super) fn infer(&self) -> Result<InferredPipeline, FolderError> {
        if self.has_sentence_modules {
            return Ok(InferredPipeline::of(FEATURE_EXTRACTION, "modules.json of sentence-transformers"));
        }
        let Some(config) = &self.config else { return Ok(self.without_config()) };
        let architectures = config.optional::<Vec<String>>("architectures")?.unwrap_or_default();
        match architectures.first() {
            Some(architecture) => self.of_architecture(config, architecture),
            None => Ok(self.of_tensors("config.json has no architectures, and the inputs")),
        }
    }

    fn of_architecture(&self, config: &ConfigFile, architecture: &str) -> Result<InferredPipeline, FolderError> {
        let evidence = format!("config.json: architectures: {architecture}");
        let has_sound = ["input_values", "input_features"].iter().any(|name| self.network.has_input(name));
        let served = |name: &'static str| Ok(InferredPipeline::of(name, evidence.clone()));
        let not_served = |what: &str| {
            let (evidence, what) = (evidence.clone(), what.to_owned());
            Err(FolderError::NotServed { evidence, what, advice: TENSORS_ADVICE })
        };
        let head = head(architecture);
        match head {
            "SequenceClassification" | "AudioClassification" if has_sound => served("audio-classification"),
            "SequenceClassification" => Ok(self.of_sequence_classifier(config, &evidence)?),
            "TokenClassification" => served("token-classification"),
            "QuestionAnswering" => served("question-answering"),
            "MaskedLM" => served("fill-mask"),
            "ImageClassification" | "ImageClassificationWithTeacher" => served("image-classification"),
            "CTC" => served("automatic-speech-recognition"),
            "ObjectDetection" => if_known("object-detection", &evidence),
            "SemanticSegmentation" | "InstanceSegmentation" | "UniversalSegmentation" | "Segmentation" => {
                if_known("image-segmentation", &evidence)
            }
            "" if architecture.ends_with("LMHeadModel") => not_served("text generation"),
            "CausalLM" => not_served("text generation"),
            "ConditionalGeneration" | "SpeechSeq2Seq" => not_served("encoder–decoder networks"),
            "" => Ok(self.of_tensors(&format!("{evidence}, and the inputs"))),
            head => not_served(&format!("the head {head:?}")),
        }
    }

    /// Classifiers of texts are cross-encoders, zero-shot classifiers or plain classifiers, which one network can be.
    fn of_sequence_classifier(&self, config: &ConfigFile, evidence: &str) -> Result<InferredPipeline, TaskError> {
        let classes = ClassLabels::of(config)?.map(|labels| labels.count());
        let classes = classes.or_else(|| self.network.output_width("logits"));
        let is_cross_encoder = config.fields().any(|field| CROSS_ENCODER_FIELDS.contains(&field));
        if is_cross_encoder && classes == Some(1) {
            let evidence = format!("{evidence}, and a field of sentence-transformers' cross-encoders");
            return Ok(InferredPipeline::of("text-ranking", evidence));
        }
        let shared = ["zero-shot-classification", "text-ranking"];
        if let Some(tag) = self.card_tag()
            && let Some(name) = shared.into_iter().find(|name| *name == tag)
        {
            return Ok(InferredPipeline::of(name, format!("{evidence}, and README.md: pipeline_tag: {tag}")));
        }
        Ok(InferredPipeline::of("text-classification", evidence))
    }

    /// Networks without a head, by the modality of their inputs.
    fn of_tensors(&self, evidence: &str) -> InferredPipeline {
        let has = |name: &str| self.network.has_input(name);
        match (has("input_ids"), has("pixel_values")) {
            (true, true) => {
                InferredPipeline::of("zero-shot-image-classification", format!("{evidence} input_ids and pixel_values"))
            }
            (true, false) if !self.is_decoder() => {
                InferredPipeline::of(FEATURE_EXTRACTION, format!("{evidence} input_ids"))
            }
            (false, true) => InferredPipeline::of("image-feature-extraction", format!("{evidence} pixel_values")),
            _ => InferredPipeline::none(format!("{evidence} of no pipeline")),
        }
    }

    fn is_decoder(&self) -> bool {
        self.network.description.inputs.iter().any(|input| input.name.starts_with("past_key_values"))
    }

    /// Exports of YOLO, scikit-learn, `LightGBM` and `XGBoost`, which have one file.
    fn without_config(&self) -> InferredPipeline {
        let metadata = self.network.info().metadata;
        if let Some(kind) = PipelineKind::find(TEXT_RECOGNITION) {
            if self.has_ocr_networks {
                return InferredPipeline::of(kind.name, "the names of its files, for detection and recognition");
            }
            if metadata.contains_key("character") {
                return InferredPipeline::of(kind.name, "the metadata of the ONNX file: character");
            }
        }
        if metadata.get("task").is_some_and(|task| task == "detect")
            && metadata.contains_key("names")
            && let Some(kind) = PipelineKind::find("object-detection")
        {
            return InferredPipeline::of(kind.name, "the metadata of the ONNX file: task: detect");
        }
        let operators = self.network.summary.operators.get(MACHINE_LEARNING);
        let operator = |end: &str| operators.into_iter().flatten().map(|it| it.0).find(|name| name.ends_with(end));
        let evidence = |operator: &String| format!("the operator {MACHINE_LEARNING}.{operator}");
        let outputs = self.network.description.outputs.len();
        if metadata.contains_key(amaas_engine::onnx::CLASS_LABELS) && outputs >= 2 {
            return InferredPipeline::of("tabular-classification", "outputs with a label and the scores of classes");
        }
        if let Some(operator) = operator("Classifier") {
            return InferredPipeline::of("tabular-classification", evidence(operator));
        }
        match operator("Regressor") {
            Some(operator) if outputs == 1 => InferredPipeline::of("tabular-regression", evidence(operator)),
            _ => InferredPipeline::none("no config.json"),
        }
    }

    /// `pipeline_tag` of the model card.
    fn card_tag(&self) -> Option<String> {
        let card = std::str::from_utf8(self.card.as_deref()?).ok()?;
        let mut lines = card.lines().map(str::trim_end);
        (lines.next() == Some("---")).then_some(())?;
        let mut front = lines.take_while(|line| *line != "---");
        let tag = front.find_map(|line| line.strip_prefix("pipeline_tag:"))?;
        Some(tag.trim().trim_matches(['"', '\'']).to_owned())
    }
}

/// A pipeline that this program may be built without.
fn if_known(name: &str, evidence: &str) -> Result<InferredPipeline, FolderError> {
    match PipelineKind::find(name) {
        Some(kind) => Ok(InferredPipeline::of(kind.name, evidence)),
        None => {
            Err(FolderError::NotServed { evidence: evidence.to_owned(), what: name.to_owned(), advice: TENSORS_ADVICE })
        }
    }
}

/// The head of an architecture: `ImageClassification` of `PoolFormerForImageClassification`; empty if it has none.
fn head(architecture: &str) -> &str {
    let head = architecture.rsplit_once("For").map_or("", |(_, head)| head);
    if head.starts_with(char::is_uppercase) { head } else { "" }
}

/// The fields in which sentence-transformers says that a classifier is a cross-encoder.
const CROSS_ENCODER_FIELDS: [&str; 2] = ["sbert_ce_default_activation_function", "sentence_transformers"];
pub(super) const TEXT_RECOGNITION: &str = "text-recognition";
const MACHINE_LEARNING: &str = "ai.onnx.ml";
const TENSORS_ADVICE: &str = "`--pipeline tensors` publishes the network as it is: tensors in, tensors out";
