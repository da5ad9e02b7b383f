//! The decoder of a detector: outputs of a network to objects.

use amaas_model::PredictError;
use amaas_model::task::{TaskContext, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{BoundingBox, DetectedObject, ObjectDetectionParameters};

use super::queries::QueryDecoder;
use super::yolo::YoloDecoder;
use crate::export::ClassLabels;
use crate::parameters::{bad_parameter, check_share};
use crate::vision::processor::letterbox_gain;
use crate::vision::{ImageInputs, ImageNetwork, ImageProcessor, ProcessedImage};

/// The decoder that fits a network.
#[derive(Debug)]
pub(super) enum DetectionDecoder {
    /// Of networks with object queries, which give `logits` and `pred_boxes`.
    Queries(QueryDecoder),
    /// Of networks in YOLO's form.
    Yolo(YoloDecoder),
}

impl DetectionDecoder {
    /// The decoder for the network of `context`, and what prepares its images.
    pub(super) fn load(context: &TaskContext) -> Result<(Self, ImageNetwork), TaskError> {
        let network = &context.network;
        let (decoder, processor) = if network.outputs.iter().any(|output| output.name == QueryDecoder::BOXES) {
            (Self::Queries(QueryDecoder::load(context)?), ImageProcessor::load(&context.assets)?)
        } else if network.metadata.contains_key(YoloDecoder::NAMES) {
            let (decoder, processor) = YoloDecoder::load(context)?;
            (Self::Yolo(decoder), processor)
        } else {
            let got = network.outputs.iter().map(|output| format!("{:?}", output.name)).collect::<Vec<_>>().join(", ");
            return Err(TaskError::new(format!(
                "expected outputs \"logits\" and {:?}, or an export of YOLO with the metadata {:?}, got outputs {got} and no such metadata",
                QueryDecoder::BOXES,
                YoloDecoder::NAMES
            )));
        };
        let inputs = ImageInputs::of(&network.inputs, &processor, &[])?;
        Ok((decoder, ImageNetwork { processor, inputs }))
    }

    /// Checks the parameters of a call.
    ///
    /// # Errors
    /// If the network cannot use one, or its value is out of range.
    pub(super) fn check(&self, parameters: &ObjectDetectionParameters) -> Result<(), PredictError> {
        check_share("threshold", parameters.threshold)?;
        check_share("iou_threshold", parameters.iou_threshold)?;
        let suppresses = matches!(self, Self::Yolo(decoder) if !decoder.is_end_to_end());
        if parameters.iou_threshold.is_some() && !suppresses {
            let refused = "only networks in YOLO's form without suppression of their own take it";
            return Err(bad_parameter("iou_threshold", refused));
        }
        Ok(())
    }

    /// The objects that `outputs` show in an image.
    pub(super) fn objects(
        &self,
        outputs: &[Tensor],
        placement: ImagePlacement,
        parameters: &ObjectDetectionParameters,
    ) -> Result<Vec<DetectedObject>, PredictError> {
        match self {
            Self::Queries(decoder) => decoder.objects(outputs, placement.original, parameters),
            Self::Yolo(decoder) => decoder.objects(outputs, placement, parameters),
        }
    }
}

/// Where an image is on the canvas of the network, as width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ImagePlacement {
    /// The size of the image.
    pub(super) original: (u32, u32),
    /// The size of the canvas.
    canvas: (u32, u32),
    /// The upper left corner of the image on the canvas.
    offset: (u32, u32),
}

impl ImagePlacement {
    /// The placement of `image`.
    pub(super) fn of(image: &ProcessedImage) -> Self {
        Self { original: image.original_size(), canvas: image.size(), offset: image.offset() }
    }

    /// The corners `xmin`, `ymin`, `xmax`, `ymax` on the letterbox, as corners on the image, inside it.
    pub(super) fn on_image(self, corners: [f32; 4]) -> [f64; 4] {
        let gain = letterbox_gain(self.original, self.canvas);
        let (offset, limits) = ([self.offset.0, self.offset.1], [self.original.0, self.original.1]);
        std::array::from_fn(|side| {
            let place = (f64::from(corners[side]) - f64::from(offset[side % 2])) / gain;
            place.clamp(0.0, f64::from(limits[side % 2]))
        })
    }
}

/// The object of the class `class`, with fractions of its corners cut.
pub(super) fn object(labels: &ClassLabels, class: usize, score: f32, corners: [f64; 4]) -> DetectedObject {
    // A cast cuts, and saturates.
    #[allow(clippy::cast_possible_truncation)]
    let [left, top, right, bottom] = corners.map(|corner| corner as i32);
    DetectedObject::new(labels.get(class).unwrap_or_default(), score, BoundingBox::new((left, top), (right, bottom)))
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    #[test]
    fn boxes_on_a_letterbox_are_boxes_on_the_image() {
        let letterbox = ImageProcessor::letterbox(64, 64).expect("a processor");
        let image = letterbox.process(RgbImage::new(150, 100)).expect("an image");
        // 150 x 100 pixels become 64 x 43, with 10 rows above.
        let placement = ImagePlacement::of(&image);
        assert_eq!((image.image_size(), placement.offset), ((64, 43), (0, 10)));
        let gain = 64.0 / 150.0;
        let expected = [32.0 / gain, 6.0 / gain, 150.0, 0.0];
        let corners = placement.on_image([32.0, 16.0, 70.0, 4.0]);
        assert!(corners.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-9), "{corners:?}");
    }

    #[test]
    fn fractions_of_corners_are_cut_towards_zero() {
        let labels = ClassLabels::from(vec!["a".to_owned(), "b".to_owned()]);
        let found = object(&labels, 1, 0.5, [-0.9, 1.9, 2.0, f64::MAX]);
        assert_eq!(found, DetectedObject::new("b", 0.5, BoundingBox::new((0, 1), (2, i32::MAX))));
    }
}
