//! The segmenter of a network: outputs to segments.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::{CpuPermit, TaskContext, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{ImageSegment, ImageSegmentationParameters, SegmentationSubtask};

use super::channels::Channels;
use super::instances::instances;
use super::panoptic::panoptic;
use super::query_masks::{MaskOutputs, QueryMasks, wrong_shape};
use super::semantic::{scores, semantic};
use crate::export::{ClassLabels, ConfigFile};
use crate::parameters::{bad_parameter, check_share};
use crate::vision::values::values;

/// What makes segments of a network's outputs.
#[derive(Debug)]
pub(super) struct Segmenter {
    labels: ClassLabels,
    kind: SegmenterKind,
    /// The most channels of a map.
    channels: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SegmenterKind {
    /// `logits`, `[batch, labels, height, width]`: semantic segmentation only.
    Semantic,
    /// A mask for each query.
    Masks(MaskOutputs, InstanceRule),
}

/// How a network with masks finds instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InstanceRule {
    /// As panoptic segments.
    AsPanoptic,
    /// By pairs of query and class.
    Pairs,
}

/// A segment, with its label in a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    pub(super) class: usize,
    pub(super) label: usize,
    pub(super) score: Option<f32>,
}

/// The thresholds of panoptic segmentation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SegmentThresholds {
    pub(super) score: f32,
    pub(super) mask: f32,
    pub(super) overlap: f32,
}

impl Segmenter {
    /// The segmenter for the network of `context`.
    pub(super) fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let config = ConfigFile::read(&context.assets, "config.json")?;
        let find = |name: &str| context.network.outputs.iter().find(|output| output.name == name);
        let found = KINDS.iter().find(|kind| find(kind.classes).is_some() && find(kind.masks).is_some());
        let (kind, classes, queries) = if let Some(kind) = found {
            let (classes, queries) = check_masks(kind, find)?;
            (SegmenterKind::Masks(kind.outputs(&config)?, kind.instances), classes, queries)
        } else {
            let logits = find(LOGITS).ok_or_else(|| missing(&context.network.outputs))?;
            (SegmenterKind::Semantic, dims(logits, "[batch, labels, height, width]", 4)?[1], Some(0))
        };
        let labels = ClassLabels::load(context, &config, classes)?;
        if labels.count() == 0 || labels.count() >= super::label_map::LabelMap::MAX_LABELS {
            return Err(config.error("id2label", format!("expected 1 to 65534 labels, got {}", labels.count())));
        }
        let channels = labels.count().max(queries.unwrap_or(ASSUMED_QUERIES));
        Ok(Self { labels, kind, channels })
    }

    /// The most channels of a map that a pixel is computed from.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Checks the parameters of a call.
    ///
    /// # Errors
    /// If the network cannot use one, or its value is out of range.
    pub(super) fn check(&self, parameters: &ImageSegmentationParameters) -> Result<(), PredictError> {
        let thresholds = [
            ("threshold", parameters.threshold),
            ("mask_threshold", parameters.mask_threshold),
            ("overlap_mask_area_threshold", parameters.overlap_mask_area_threshold),
        ];
        thresholds.into_iter().try_for_each(|(name, value)| check_share(name, value))?;
        let subtask = self.subtask(parameters);
        let (unused, why) = match (self.kind, subtask) {
            (SegmenterKind::Semantic, SegmentationSubtask::Instance | SegmentationSubtask::Panoptic) => {
                return Err(bad_parameter(
                    "subtask",
                    "the network gives no masks of objects, so expected \"semantic\"",
                ));
            }
            (_, SegmentationSubtask::Semantic) => (&thresholds[..], "semantic segments have no threshold"),
            (SegmenterKind::Masks(_, InstanceRule::Pairs), SegmentationSubtask::Instance) => {
                (&thresholds[1..], "the instances of this network have no such threshold")
            }
            _ => (&[][..], ""),
        };
        match unused.iter().find(|(_, value)| value.is_some()) {
            Some(&(name, _)) => Err(bad_parameter(name, why)),
            None => Ok(()),
        }
    }

    /// The segments that `outputs` show in an image of the size `size`, width and height.
    pub(super) fn segments(
        &self,
        outputs: &[Tensor],
        size: (u32, u32),
        parameters: &ImageSegmentationParameters,
        permit: &CpuPermit,
    ) -> Result<Vec<ImageSegment>, PredictError> {
        let labels = self.labels.count();
        let thresholds = SegmentThresholds {
            score: parameters.threshold.unwrap_or(DEFAULT_THRESHOLD),
            mask: parameters.mask_threshold.unwrap_or(DEFAULT_MASK_THRESHOLD),
            overlap: parameters.overlap_mask_area_threshold.unwrap_or(DEFAULT_OVERLAP),
        };
        let (map, segments) = match (self.kind, self.subtask(parameters)) {
            (SegmenterKind::Semantic, _) => semantic(&self.logits(outputs)?, labels, size, permit)?,
            (SegmenterKind::Masks(names, rule), subtask) => {
                let queries = QueryMasks::of(outputs, names, labels)?;
                match (subtask, rule) {
                    (SegmentationSubtask::Semantic, _) => {
                        semantic(&scores(&queries, labels, permit)?, labels, size, permit)?
                    }
                    (SegmentationSubtask::Instance, InstanceRule::Pairs) => {
                        instances(&queries, thresholds.score, size, permit)?
                    }
                    _ => panoptic(&queries, thresholds, size, permit)?,
                }
            }
        };
        let mut masked = Vec::with_capacity(segments.len());
        for Segment { class, label, score } in segments {
            masked.push(ImageSegment::new(self.labels.get(class).unwrap_or_default(), map.mask(label)?, score));
            permit.record_progress(0)?;
        }
        Ok(masked)
    }

    fn subtask(&self, parameters: &ImageSegmentationParameters) -> SegmentationSubtask {
        let default = match self.kind {
            SegmenterKind::Semantic => SegmentationSubtask::Semantic,
            SegmenterKind::Masks(..) => SegmentationSubtask::Panoptic,
        };
        parameters.subtask.unwrap_or(default)
    }

    fn logits(&self, outputs: &[Tensor]) -> Result<Channels, PredictError> {
        let (logits, shape) = values(outputs, LOGITS)?;
        let labels = self.labels.count();
        match *shape.as_slice() {
            [count, height, width] if count == labels => {
                let all: Vec<usize> = (0..labels).collect();
                Ok(Channels::of_planes(&logits, (width, height), &all, |logit| logit))
            }
            _ => Err(wrong_shape(LOGITS, &format!("[1, {labels}, height, width]"), &shape)),
        }
    }
}

/// A family of networks with masks.
struct MaskKind {
    classes: &'static str,
    masks: &'static str,
    /// The values of `model_type`, and the side that masks are resized to first.
    models: &'static [(&'static str, Option<usize>)],
    instances: InstanceRule,
}

impl MaskKind {
    /// The outputs of the network that `config` describes.
    fn outputs(&self, config: &ConfigFile) -> Result<MaskOutputs, TaskError> {
        let model_type = config.required::<String>("model_type")?;
        let (_, side) = self.models.iter().find(|(model, _)| *model == model_type).ok_or_else(|| {
            let known = self.models.iter().map(|(model, _)| *model).collect::<Vec<_>>().join(", ");
            let outputs = format!("with outputs {:?} and {:?} supported are {known}", self.classes, self.masks);
            config.error("model_type", format!("{model_type:?} is not supported by this pipeline; {outputs}"))
        })?;
        Ok(MaskOutputs { classes: self.classes, masks: self.masks, side: *side })
    }
}

/// The number of classes and queries of a network with masks, if its shapes have them.
fn check_masks<'o>(
    kind: &MaskKind,
    find: impl Fn(&str) -> Option<&'o TensorSpec>,
) -> Result<(Option<usize>, Option<usize>), TaskError> {
    let output =
        |name: &str| find(name).ok_or_else(|| TaskError::new(format!("expected an output {name:?}, got none")));
    let classes = dims(output(kind.classes)?, "[batch, queries, classes]", 3)?;
    let masks = dims(output(kind.masks)?, "[batch, queries, height, width]", 4)?;
    Ok((classes[2].map(|classes| classes.saturating_sub(1)), classes[1].or(masks[1])))
}

/// The `count` dimensions of `output`, those that are fixed.
fn dims(output: &TensorSpec, expected: &str, count: usize) -> Result<Vec<Option<usize>>, TaskError> {
    if output.unranked {
        return Ok(vec![None; count]);
    }
    let dims: Vec<_> = output.shape.iter().map(Dim::fixed).collect();
    if dims.len() == count {
        return Ok(dims);
    }
    Err(TaskError::new(format!("output {:?}: expected {expected}, got {} dimensions", output.name, dims.len())))
}

fn missing(outputs: &[TensorSpec]) -> TaskError {
    let pairs = KINDS.iter().map(|kind| format!("{:?} and {:?}", kind.classes, kind.masks));
    let expected = pairs.collect::<Vec<_>>().join(", or ");
    let got = outputs.iter().map(|output| format!("{:?}", output.name)).collect::<Vec<_>>().join(", ");
    TaskError::new(format!("expected an output {LOGITS:?}, or {expected}, got {got}"))
}

const LOGITS: &str = "logits";
/// Defaults of the pipeline of `transformers`.
const DEFAULT_THRESHOLD: f32 = 0.9;
const DEFAULT_MASK_THRESHOLD: f32 = 0.5;
const DEFAULT_OVERLAP: f32 = 0.5;
/// The queries of a network that does not state them, for bounds; known networks have 100 or 200.
const ASSUMED_QUERIES: usize = 256;
const KINDS: [MaskKind; 2] = [
    MaskKind {
        classes: "class_queries_logits",
        masks: "masks_queries_logits",
        models: &[("maskformer", None), ("mask2former", Some(384))],
        instances: InstanceRule::Pairs,
    },
    MaskKind {
        classes: LOGITS,
        masks: "pred_masks",
        models: &[("detr", None), ("conditional_detr", None)],
        instances: InstanceRule::AsPanoptic,
    },
];
