//! Parameters and predictions of object detection.

use serde::{Deserialize, Serialize};

/// The parameters of `object-detection`.
///
/// ```
/// use amaas_wire::pipeline::ObjectDetectionParameters;
///
/// let parameters = ObjectDetectionParameters::default().threshold(0.75);
/// assert_eq!(serde_json::to_string(&parameters)?, r#"{"threshold":0.75}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ObjectDetectionParameters {
    /// Only objects with a higher score are in the answer; by default 0.5, and 0.25 for exports in YOLO's form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// For exports in YOLO's form: a box is left out if its intersection over union with a better box of the same label is higher; 0.7 by
    /// default. Other networks have no suppression of boxes, and refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iou_threshold: Option<f32>,
}

impl ObjectDetectionParameters {
    /// Sets the score that objects have to exceed.
    #[must_use]
    pub fn threshold(self, threshold: f32) -> Self {
        Self { threshold: Some(threshold), ..self }
    }

    /// Sets the highest intersection over union of two boxes of one label.
    #[must_use]
    pub fn iou_threshold(self, threshold: f32) -> Self {
        Self { iou_threshold: Some(threshold), ..self }
    }
}

/// An object in an image.
///
/// ```
/// use amaas_wire::pipeline::{BoundingBox, DetectedObject};
///
/// let object = DetectedObject::new("cat", 0.5, BoundingBox::new((10, 20), (110, 80)));
/// let json = r#"{"label":"cat","score":0.5,"box":{"xmin":10,"ymin":20,"xmax":110,"ymax":80}}"#;
/// assert_eq!(serde_json::to_string(&object)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct DetectedObject {
    /// The label of the object.
    pub label: String,
    /// The score of the label, from 0 to 1.
    pub score: f32,
    /// The bounding box; in JSON `box`.
    #[serde(rename = "box")]
    pub bounding_box: BoundingBox,
}

impl DetectedObject {
    /// An object with a label, its score, and a bounding box.
    pub fn new(label: impl Into<String>, score: f32, bounding_box: BoundingBox) -> Self {
        Self { label: label.into(), score, bounding_box }
    }
}

/// A bounding box in whole pixels of the upright image, from its upper left corner. Fractions are cut towards zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct BoundingBox {
    /// The left side.
    pub xmin: i32,
    /// The upper side.
    pub ymin: i32,
    /// The right side.
    pub xmax: i32,
    /// The lower side.
    pub ymax: i32,
}

impl BoundingBox {
    /// A box from its upper left corner, `x` and `y`, and its lower right one.
    pub fn new((xmin, ymin): (i32, i32), (xmax, ymax): (i32, i32)) -> Self {
        Self { xmin, ymin, xmax, ymax }
    }
}
