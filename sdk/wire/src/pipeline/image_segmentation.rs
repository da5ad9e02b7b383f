//! Parameters and predictions of image segmentation.

use serde::{Deserialize, Serialize};

use crate::task::Image;

/// What the segments of an image are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub enum SegmentationSubtask {
    /// Single objects, whose masks may leave parts of the image free.
    Instance,
    /// Single objects and regions; each pixel belongs to one of them at most.
    Panoptic,
    /// A segment for each label, with all pixels of the label.
    Semantic,
}

/// The parameters of `image-segmentation`.
///
/// ```
/// use amaas_wire::pipeline::{ImageSegmentationParameters, SegmentationSubtask};
///
/// let parameters = ImageSegmentationParameters::default().subtask(SegmentationSubtask::Semantic);
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"subtask":"semantic"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ImageSegmentationParameters {
    /// The probability from which a pixel counts as part of a mask, to compare it with the pixels that it keeps; 0.5 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_threshold: Option<f32>,
    /// A mask is left out unless it keeps a larger share of its pixels when masks overlap; 0.5 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_mask_area_threshold: Option<f32>,
    /// What the segments are; by default `panoptic` if the network finds single objects, else `semantic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtask: Option<SegmentationSubtask>,
    /// Segments need at least about this score; 0.9 by default. Semantic segments have no score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

impl ImageSegmentationParameters {
    /// Sets the probability from which a pixel counts as part of a mask.
    #[must_use]
    pub fn mask_threshold(self, threshold: f32) -> Self {
        Self { mask_threshold: Some(threshold), ..self }
    }

    /// Sets the share of its pixels that a mask has to exceed when masks overlap.
    #[must_use]
    pub fn overlap_mask_area_threshold(self, threshold: f32) -> Self {
        Self { overlap_mask_area_threshold: Some(threshold), ..self }
    }

    /// Sets what the segments are.
    #[must_use]
    pub fn subtask(self, subtask: SegmentationSubtask) -> Self {
        Self { subtask: Some(subtask), ..self }
    }

    /// Sets the score that segments need.
    #[must_use]
    pub fn threshold(self, threshold: f32) -> Self {
        Self { threshold: Some(threshold), ..self }
    }
}

/// A segment of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ImageSegment {
    /// The label of the segment.
    pub label: String,
    /// A PNG of the upright image's size: pixels of the segment are white, others black.
    pub mask: Image,
    /// The score of the label, from 0 to 1; null for semantic segments.
    pub score: Option<f32>,
}

impl ImageSegment {
    /// A segment with a label, the PNG of its mask, and its score.
    pub fn new(label: impl Into<String>, mask: Image, score: Option<f32>) -> Self {
        Self { label: label.into(), mask, score }
    }
}
