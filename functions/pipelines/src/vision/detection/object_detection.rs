//! The pipeline `object-detection`.

use std::sync::Arc;

use amaas_model::PredictError;
use amaas_model::task::{CpuWork, ModelCall, Predictions, Task, TaskContext, TaskError, checkpoint, split_inputs};
use amaas_wire::pipeline::{DetectedObject, ObjectDetectionParameters};
use amaas_wire::task::Image;
use bytes::Bytes;

use super::decoder::{DetectionDecoder, ImagePlacement};
use crate::vision::ImageNetwork;
use crate::vision::example::{EXAMPLE, image_of_file};
use crate::vision::runs::MAX_IMAGES;

/// The pipeline `object-detection`: an image in, objects with labels, scores and bounding boxes out.
///
/// It serves two kinds of networks:
///
/// - Networks with object queries (DETR, YOLOS, RT-DETR) give `logits` and `pred_boxes`. `config.json` and
///   `preprocessor_config.json` configure them. Objects are in the order in which `transformers` gives them.
/// - Networks in YOLO's form give one output of boxes with a score for each class. Metadata of the ONNX file configures them, as
///   ultralytics writes it: `names`, `imgsz`, `task`. Boxes that overlap better ones of their class are suppressed, unless the network
///   does that. Objects are in the order of their scores.
#[derive(Debug)]
pub struct ObjectDetection {
    network: Arc<ImageNetwork>,
    decoder: DetectionDecoder,
}

impl Task for ObjectDetection {
    const NAME: &'static str = "object-detection";
    const EXAMPLE: &'static str = EXAMPLE;
    const IS_PARTIAL: bool = true;
    const MAX_INPUTS: usize = MAX_IMAGES;
    type Input = Image;
    type Parameters = ObjectDetectionParameters;
    type Prediction = Vec<DetectedObject>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let (decoder, network) = DetectionDecoder::load(context)?;
        Ok(Self { network: Arc::new(network), decoder })
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Image> {
        image_of_file(&file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Image>,
        parameters: ObjectDetectionParameters,
    ) -> Result<Predictions<Vec<DetectedObject>>, PredictError> {
        self.decoder.check(&parameters)?;
        let images = call.check_inputs(self.network.process(&call, inputs).await?)?;
        let (accepted, places) = split_inputs(images);
        let placements: Vec<_> = accepted.iter().map(ImagePlacement::of).collect();
        let outputs = self.network.run(&call, accepted).await?;
        let detect = move |_: &_| {
            let mut predictions = Vec::with_capacity(outputs.len());
            for (outputs, placement) in outputs.iter().zip(placements) {
                predictions.push(self.decoder.objects(outputs, placement, &parameters));
                checkpoint()?;
            }
            Ok::<_, PredictError>(places.merge(predictions))
        };
        Ok(call.compute(CpuWork::heavy(call.output_size(), 0), detect).await?.into())
    }
}

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_model::task::{Assets, NetworkInfo};
    use amaas_wire::{Datatype, Tensor};

    use super::*;
    use crate::vision::ImageProcessor;

    fn spec(name: &str, sizes: &[usize]) -> TensorSpec {
        let dims = sizes.iter().map(|size| if *size == 0 { Dim::Symbol("any".to_owned()) } else { Dim::Fixed(*size) });
        TensorSpec::new(name, Datatype::Fp32, dims.collect())
    }

    /// DETR with `model_type` and three labels.
    fn detr(model_type: &str, outputs: &[(&str, &[usize])]) -> Result<ObjectDetection, TaskError> {
        let file = |name: &str, text: String| (name.to_owned(), Bytes::from(text));
        let config = format!(r#"{{"model_type":"{model_type}","id2label":{{"0":"a","1":"b","2":"c"}}}}"#);
        let processor = r#"{"image_processor_type":"DetrImageProcessor"}"#.to_owned();
        let network = NetworkInfo {
            inputs: vec![spec("pixel_values", &[0, 3, 0, 0])],
            outputs: outputs.iter().map(|(name, sizes)| spec(name, sizes)).collect(),
            ..NetworkInfo::default()
        };
        let assets = Assets::new([file("config.json", config), file(ImageProcessor::FILE, processor)]);
        ObjectDetection::load(&TaskContext { assets, network, ..TaskContext::default() })
    }

    /// YOLO of 64 x 64 pixels, with `output` and other metadata than the usual one.
    fn yolo(output: &[usize], other: &[(&str, &str)]) -> Result<ObjectDetection, TaskError> {
        let usual = [("names", "{0: 'a', 1: 'b'}"), ("imgsz", "[64, 64]"), ("task", "detect")];
        let network = NetworkInfo {
            inputs: vec![spec("images", &[1, 3, 0, 0])],
            outputs: vec![spec("output0", output)],
            metadata: usual.iter().chain(other).map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        };
        ObjectDetection::load(&TaskContext { network, ..TaskContext::default() })
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let outputs: [(&str, &[usize]); 2] = [("logits", &[0, 8, 4]), ("pred_boxes", &[0, 8, 4])];
        assert!(detr("detr", &outputs).is_ok());
        for (got, expected) in [
            (detr("deta", &outputs), "config.json: model_type: \"deta\" is not supported"),
            (detr("conditional_detr", &outputs), "expected 4 labels, one for each class of the network, got 3"),
            (detr("detr", &outputs[1..]), "expected an output \"logits\", got \"pred_boxes\""),
            (detr("detr", &outputs[..1]), "expected outputs \"logits\" and \"pred_boxes\", or an export of YOLO"),
            (
                detr("detr", &[outputs[0], ("pred_boxes", &[0, 8, 5])]),
                "output \"pred_boxes\": expected [batch, queries, 4]",
            ),
            (detr("detr", &[("logits", &[0, 4]), outputs[1]]), "output \"logits\": expected [batch, queries, classes]"),
            (yolo(&[1, 6, 84], &[("task", "segment")]), "metadata \"task\": expected \"detect\", got \"segment\""),
            (yolo(&[1, 6, 84], &[("names", "{0: 'a', 2: 'b'}")]), "metadata \"names\": expected the names of classes"),
            (yolo(&[1, 6, 84], &[("imgsz", "[]")]), "metadata \"imgsz\": expected a height and a width"),
            (
                yolo(&[1, 9, 84], &[]),
                "output \"output0\": expected [batch, 6, boxes], [batch, boxes, 7] or [batch, boxes, 6]",
            ),
            (yolo(&[1, 84], &[]), "output \"output0\": expected 3 dimensions, got 2"),
        ] {
            let error = got.expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}\n{expected}");
        }
    }

    #[test]
    fn parameters_that_do_not_apply_are_refused_by_name() {
        let outputs: [(&str, &[usize]); 2] = [("logits", &[0, 8, 4]), ("pred_boxes", &[0, 8, 4])];
        let (detr, yolo) = (detr("detr", &outputs).expect("DETR"), yolo(&[1, 6, 84], &[]).expect("YOLO"));
        let overlap = ObjectDetectionParameters::default().iou_threshold(0.5);
        assert!(yolo.decoder.check(&overlap).is_ok());
        let refused = detr.decoder.check(&overlap).expect_err("no suppression").to_string();
        assert!(refused.contains("parameters.iou_threshold"), "{refused}");
        let refused = detr.decoder.check(&ObjectDetectionParameters::default().threshold(1.5)).expect_err("above 1");
        assert!(refused.to_string().contains("parameters.threshold: expected a number from 0 to 1"), "{refused}");
    }

    #[test]
    fn an_output_of_another_shape_is_an_error() {
        let outputs: [(&str, &[usize]); 2] = [("logits", &[0, 0, 4]), ("pred_boxes", &[0, 0, 4])];
        let detr = detr("detr", &outputs).expect("DETR");
        let tensor = |name: &str, shape: Vec<usize>| {
            let count = shape.iter().product();
            Tensor::new(name, shape, vec![0.5_f32; count]).expect("a tensor")
        };
        let image = detr.network.processor.process(image::RgbImage::new(8, 8)).expect("an image");
        let placement = ImagePlacement::of(&image);
        let parameters = ObjectDetectionParameters::default().threshold(0.1);
        let objects = |logits: Vec<usize>, boxes: Vec<usize>| {
            let outputs = [tensor("logits", logits), tensor("pred_boxes", boxes)];
            detr.decoder.objects(&outputs, placement, &parameters).map(|objects| objects.len())
        };
        assert_eq!(objects(vec![1, 2, 4], vec![1, 2, 4]).ok(), Some(2));
        assert!(objects(vec![1, 2, 4], vec![1, 3, 4]).is_err());
        assert!(objects(vec![1, 2, 5], vec![1, 2, 4]).is_err());
        assert!(objects(vec![1, 2], vec![1, 2, 4]).is_err());
    }
}
