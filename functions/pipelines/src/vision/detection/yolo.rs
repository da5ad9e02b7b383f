//! The decoder of networks in YOLO's form, which ultralytics' exporter writes: `YOLOv5` to YOLO11, and those that end with suppression.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::{NetworkInfo, TaskContext, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{DetectedObject, ObjectDetectionParameters};
use serde_json::Value;

use super::class_names::class_names;
use super::decoder::{ImagePlacement, object};
use super::suppression::{Candidate, suppress};
use super::yolo_form::{MAX_OBJECTS, YoloForm};
use crate::export::{ClassLabels, PipelineSettings};
use crate::parameters::bad_parameter;
use crate::vision::ImageProcessor;
use crate::vision::values::values;

/// The decoder of an output in one of YOLO's forms. Metadata of the ONNX file configures it.
#[derive(Debug)]
pub(super) struct YoloDecoder {
    labels: ClassLabels,
    output: String,
    /// The form; `None` if only a run shows the shape of the output.
    form: Option<YoloForm>,
    /// Whether the metadata says that the network suppresses boxes.
    suppresses: bool,
}

impl YoloDecoder {
    /// The metadata with the names of classes.
    pub(super) const NAMES: &'static str = "names";

    /// Reads the metadata, and checks input and output.
    pub(super) fn load(context: &TaskContext) -> Result<(Self, ImageProcessor), TaskError> {
        if context.assets.bytes(ImageProcessor::FILE).is_ok() {
            return Err(TaskError::new(format!(
                "{}: images of a network in YOLO's form get a letterbox by its metadata; publish it without this file",
                ImageProcessor::FILE
            )));
        }
        let network = &context.network;
        let metadata = |key: &str| network.metadata.get(key).map(String::as_str);
        if let Some(task) = metadata("task").filter(|task| *task != "detect") {
            return Err(wrong("task", &format!("expected \"detect\", got {task:?}")));
        }
        let names = class_names(metadata(Self::NAMES).unwrap_or_default());
        let names =
            names.ok_or_else(|| wrong(Self::NAMES, "expected the names of classes, {0: 'a', 1: 'b'} or a list"))?;
        let labels = match PipelineSettings::read(&context.assets)?.labels {
            Some(chosen) if chosen.len() != names.len() => {
                let (expected, got) = (names.len(), chosen.len());
                return Err(TaskError::new(format!(
                    "expected {expected} labels, one for each of its names, got {got}"
                )));
            }
            chosen => ClassLabels::from(chosen.unwrap_or(names)),
        };
        let suppresses =
            metadata("end2end") == Some("True") || metadata("args").is_some_and(|args| args.contains("'nms': True"));
        let output = network.outputs.first().ok_or_else(|| TaskError::new("expected an output, got none"))?;
        let form = form_of_spec(output, labels.count(), suppresses)?;
        let (width, height) = image_size(network)?;
        let processor = ImageProcessor::letterbox(width, height).map_err(|error| wrong("imgsz", &error.to_string()))?;
        Ok((Self { labels, output: output.name.clone(), form, suppresses }, processor))
    }

    /// Whether the network suppresses boxes itself.
    pub(super) fn is_end_to_end(&self) -> bool {
        self.suppresses || self.form == Some(YoloForm::EndToEnd)
    }

    /// The objects in an image, best first.
    pub(super) fn objects(
        &self,
        outputs: &[Tensor],
        placement: ImagePlacement,
        parameters: &ObjectDetectionParameters,
    ) -> Result<Vec<DetectedObject>, PredictError> {
        let (values, shape) = values(outputs, &self.output)?;
        let wrong = |what: String| PredictError::internal(format!("output {:?}: {what}", self.output));
        let [first, second] = *shape.as_slice() else {
            return Err(wrong(format!("expected 3 dimensions, got {}", shape.len() + 1)));
        };
        let form = YoloForm::of(Some(first), Some(second), self.labels.count(), self.suppresses).map_err(wrong)?;
        let Some(form) = form else { return Err(wrong("its form is not known".to_owned())) };
        if form == YoloForm::EndToEnd && parameters.iou_threshold.is_some() {
            return Err(bad_parameter("iou_threshold", "the network suppresses boxes itself"));
        }
        let threshold = parameters.threshold.unwrap_or(DEFAULT_THRESHOLD);
        let boxes = if form == YoloForm::BoxesLast { second } else { first };
        let width = if form == YoloForm::BoxesLast { first } else { second };
        let mut row = vec![0.0; width];
        let mut candidates = Vec::new();
        for place in 0..boxes {
            for (index, value) in row.iter_mut().enumerate() {
                *value =
                    values[if form == YoloForm::BoxesLast { index * boxes + place } else { place * width + index }];
            }
            let candidate = form.candidate(&row).filter(|candidate| candidate.score > threshold);
            candidates.extend(candidate);
        }
        if candidates.iter().any(|candidate| candidate.class >= self.labels.count()) {
            return Err(wrong(format!("expected classes below {}, got another one", self.labels.count())));
        }
        let kept = match form {
            YoloForm::EndToEnd => suppress(candidates, f32::INFINITY, MAX_OBJECTS),
            _ => suppress(candidates, parameters.iou_threshold.unwrap_or(DEFAULT_OVERLAP), MAX_OBJECTS),
        };
        let object = |kept: &Candidate| object(&self.labels, kept.class, kept.score, placement.on_image(kept.corners));
        Ok(kept.iter().map(object).collect())
    }
}

/// The form of the output `output`, if its shape is known.
fn form_of_spec(output: &TensorSpec, classes: usize, suppresses: bool) -> Result<Option<YoloForm>, TaskError> {
    let wrong = |what: String| TaskError::new(format!("output {:?}: {what}", output.name));
    match output.shape.as_slice() {
        _ if output.unranked => Ok(None),
        [_, first, second] => YoloForm::of(first.fixed(), second.fixed(), classes, suppresses).map_err(wrong),
        shape => Err(wrong(format!("expected 3 dimensions, got {}", shape.len()))),
    }
}

/// Width and height of the network's images: those of its input, else of the metadata `imgsz`.
fn image_size(network: &NetworkInfo) -> Result<(u32, u32), TaskError> {
    let input = network.inputs.iter().find(|input| input.shape.len() == 4);
    let input = input.ok_or_else(|| TaskError::new("expected an input [batch, 3, height, width]"))?;
    let side = |dim: &Dim| dim.fixed().and_then(|side| u32::try_from(side).ok());
    if let Some(size) = side(&input.shape[3]).zip(side(&input.shape[2])) {
        return Ok(size);
    }
    let text = network.metadata.get(SIZE).map(String::as_str).unwrap_or_default();
    let sides = match serde_json::from_str(text) {
        Ok(Value::Number(side)) => vec![side.as_u64()],
        Ok(Value::Array(sides)) => sides.iter().map(Value::as_u64).collect(),
        _ => Vec::new(),
    };
    let sides: Option<Vec<u32>> = sides.into_iter().map(|side| u32::try_from(side?).ok()).collect();
    match sides.as_deref() {
        Some([side]) => Ok((*side, *side)),
        Some([height, width]) => Ok((*width, *height)),
        _ => Err(wrong(SIZE, "expected a height and a width, because the network's input fixes none")),
    }
}

fn wrong(key: &str, what: &str) -> TaskError {
    TaskError::new(format!("metadata {key:?}: {what}"))
}

/// The metadata with the size of images.
const SIZE: &str = "imgsz";
/// Defaults of ultralytics.
const DEFAULT_THRESHOLD: f32 = 0.25;
const DEFAULT_OVERLAP: f32 = 0.7;
