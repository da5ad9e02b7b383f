//! The pipeline `image-segmentation`.

use std::sync::Arc;

use amaas_model::PredictError;
use amaas_model::task::{
    CpuPermit, CpuWork, InvalidInput, ModelCall, Predictions, Task, TaskContext, TaskError, checkpoint, split_inputs,
};
use amaas_wire::pipeline::{ImageSegment, ImageSegmentationParameters};
use amaas_wire::task::Image;
use bytes::Bytes;

use super::segmenter::Segmenter;
use crate::vision::example::{EXAMPLE, image_of_file};
use crate::vision::runs::MAX_IMAGES;
use crate::vision::{ImageInputs, ImageNetwork, ImageProcessor, ProcessedImage};

/// The pipeline `image-segmentation`: an image in, segments with labels, scores and masks out.
///
/// `config.json` and `preprocessor_config.json` configure it. It serves networks that give `logits` for each label and pixel (`SegFormer`,
/// `BEiT`, `MobileViT`), and networks with a mask for each query (`MaskFormer`, `Mask2Former`, DETR).
#[derive(Debug)]
pub struct ImageSegmentation {
    network: Arc<ImageNetwork>,
    segmenter: Segmenter,
}

impl Task for ImageSegmentation {
    const NAME: &'static str = "image-segmentation";
    const EXAMPLE: &'static str = EXAMPLE;
    const IS_PARTIAL: bool = true;
    const MAX_INPUTS: usize = MAX_IMAGES;
    type Input = Image;
    type Parameters = ImageSegmentationParameters;
    type Prediction = Vec<ImageSegment>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let segmenter = Segmenter::load(context)?;
        let processor = ImageProcessor::load(&context.assets)?;
        let inputs = ImageInputs::of(&context.network.inputs, &processor, &[])?;
        Ok(Self { network: Arc::new(ImageNetwork { processor, inputs }), segmenter })
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Image> {
        image_of_file(&file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Image>,
        parameters: ImageSegmentationParameters,
    ) -> Result<Predictions<Vec<ImageSegment>>, PredictError> {
        self.segmenter.check(&parameters)?;
        let images = self.network.process(&call, inputs).await?;
        let images = call.check_inputs(within_bounds(images, self.segmenter.channels()))?;
        let (accepted, places) = split_inputs(images);
        let sizes: Vec<_> = accepted.iter().map(ProcessedImage::original_size).collect();
        let outputs = self.network.run(&call, accepted).await?;
        let largest = sizes.iter().map(|(width, height)| *width as usize * *height as usize).max().unwrap_or_default();
        // A map with a label for each pixel, and the outputs in another layout.
        let work = CpuWork::heavy(call.output_size(), size_of::<u16>() * largest + call.output_size());
        let segment = move |permit: &CpuPermit| {
            let mut predictions = Vec::with_capacity(outputs.len());
            for (outputs, size) in outputs.into_iter().zip(sizes) {
                predictions.push(self.segmenter.segments(&outputs, size, &parameters, permit));
                checkpoint()?;
            }
            Ok::<_, PredictError>(places.merge(predictions))
        };
        Ok(call.compute(work, segment).await?.into())
    }
}

/// Refuses images from the one on that makes the maps of the call too large. A map has `channels` numbers for each pixel of an image.
fn within_bounds(
    images: Vec<Result<ProcessedImage, PredictError>>,
    channels: usize,
) -> Vec<Result<ProcessedImage, PredictError>> {
    let max = MAX_CALL_VALUES / channels.max(1) as u64;
    let mut pixels = 0;
    let mut check = |image: ProcessedImage| {
        let (width, height) = image.original_size();
        pixels += u64::from(width) * u64::from(height);
        if pixels <= max {
            return Ok(image);
        }
        let refused =
            format!("expected images of at most {max} pixels in all, because of {channels} channels, got more");
        Err(InvalidInput::new(refused).into())
    };
    images.into_iter().map(|image| image.and_then(&mut check)).collect()
}

/// Numbers that the masks of one call are computed from: some seconds of a core. One of the largest images may have 256 channels.
const MAX_CALL_VALUES: u64 = 256 * amaas_image::MAX_PIXELS;

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_model::task::{Assets, NetworkInfo};
    use amaas_wire::pipeline::SegmentationSubtask;
    use amaas_wire::{Datatype, Tensor};

    use super::*;

    fn spec(name: &str, sizes: &[usize]) -> TensorSpec {
        let dims = sizes.iter().map(|size| if *size == 0 { Dim::Symbol("any".to_owned()) } else { Dim::Fixed(*size) });
        TensorSpec::new(name, Datatype::Fp32, dims.collect())
    }

    fn load(model_type: &str, outputs: &[(&str, &[usize])]) -> Result<ImageSegmentation, TaskError> {
        let file = |name: &str, text: String| (name.to_owned(), Bytes::from(text));
        let config = format!(r#"{{"model_type":"{model_type}","id2label":{{"0":"a","1":"b"}}}}"#);
        let processor = r#"{"image_processor_type":"SegformerImageProcessor","size":8}"#.to_owned();
        let network = NetworkInfo {
            inputs: vec![spec("pixel_values", &[0, 3, 8, 8])],
            outputs: outputs.iter().map(|(name, sizes)| spec(name, sizes)).collect(),
            ..NetworkInfo::default()
        };
        let assets = Assets::new([file("config.json", config), file(ImageProcessor::FILE, processor)]);
        ImageSegmentation::load(&TaskContext { assets, network, ..TaskContext::default() })
    }

    const SEMANTIC: [(&str, &[usize]); 1] = [("logits", &[0, 2, 0, 0])];
    const MASKS: [(&str, &[usize]); 2] =
        [("class_queries_logits", &[0, 9, 3]), ("masks_queries_logits", &[0, 9, 0, 0])];
    const DETR: [(&str, &[usize]); 3] =
        [("logits", &[0, 9, 3]), ("pred_boxes", &[0, 9, 4]), ("pred_masks", &[0, 9, 0, 0])];

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        for (model_type, outputs) in [("segformer", &SEMANTIC[..]), ("maskformer", &MASKS), ("detr", &DETR)] {
            assert!(load(model_type, outputs).is_ok(), "{model_type}");
        }
        for (got, expected) in [
            (load("oneformer", &MASKS), "config.json: model_type: \"oneformer\" is not supported"),
            (load("detr", &DETR[..2]), "output \"logits\": expected [batch, labels, height, width], got 3 dimensions"),
            (
                load("segformer", &[("logits", &[0, 3, 0, 0])]),
                "expected 3 labels, one for each class of the network, got 2",
            ),
            (load("maskformer", &MASKS[..1]), "expected an output \"logits\", or \"class_queries_logits\" and"),
            (
                load("maskformer", &[MASKS[0], ("masks_queries_logits", &[0, 9])]),
                "output \"masks_queries_logits\": expected",
            ),
        ] {
            let error = got.expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}\n{expected}");
        }
    }

    #[test]
    fn parameters_that_do_not_apply_are_refused_by_name() {
        let of = ImageSegmentationParameters::default;
        let (semantic, masks, detr) = (load("segformer", &SEMANTIC), load("maskformer", &MASKS), load("detr", &DETR));
        let [semantic, masks, detr] = [semantic, masks, detr].map(|task| task.expect("a task").segmenter);
        let instance = of().subtask(SegmentationSubtask::Instance);
        for (segmenter, parameters, refused) in [
            (&semantic, of().subtask(SegmentationSubtask::Semantic), None),
            (&semantic, of().threshold(0.5), Some("parameters.threshold")),
            (&semantic, of().subtask(SegmentationSubtask::Panoptic), Some("parameters.subtask")),
            (&masks, of().threshold(0.5).mask_threshold(0.5).overlap_mask_area_threshold(0.5), None),
            (
                &masks,
                of().subtask(SegmentationSubtask::Semantic).mask_threshold(0.5),
                Some("parameters.mask_threshold"),
            ),
            (&masks, instance.clone().threshold(0.5), None),
            (&masks, instance.clone().mask_threshold(0.5), Some("parameters.mask_threshold")),
            (&detr, instance.mask_threshold(0.5), None),
            (&detr, of().overlap_mask_area_threshold(-1.0), Some("parameters.overlap_mask_area_threshold")),
        ] {
            let got = segmenter.check(&parameters).err().map(|error| error.to_string());
            let fits =
                got.as_deref().zip(refused).map_or(got.is_none() && refused.is_none(), |(got, it)| got.contains(it));
            assert!(fits, "{parameters:?}: {got:?}");
        }
    }

    #[test]
    fn segments_have_the_size_of_the_image() {
        let task = load("segformer", &SEMANTIC).expect("a task");
        let outputs = [Tensor::new("logits", vec![1, 2, 1, 2], vec![1.0_f32, 0.0, 0.0, 1.0]).expect("logits")];
        let permit = CpuPermit::for_inline_work();
        let segments = task.segmenter.segments(&outputs, (6, 4), &ImageSegmentationParameters::default(), &permit);
        let segments = segments.expect("segments");
        assert_eq!(segments.iter().map(|segment| segment.label.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let mask = amaas_image::grey(segments[0].mask.as_bytes()).expect("a PNG");
        assert_eq!((mask.dimensions(), mask.get_pixel(2, 3).0, mask.get_pixel(3, 0).0), ((6, 4), [255], [0]));
        let other = [Tensor::new("logits", vec![1, 3, 1, 1], vec![0.0_f32; 3]).expect("logits")];
        let error = task.segmenter.segments(&other, (6, 4), &ImageSegmentationParameters::default(), &permit);
        assert!(error.is_err());
    }

    #[test]
    fn images_are_bounded_for_the_whole_call() {
        let processor = load("segformer", &SEMANTIC).expect("a task").network.processor.clone();
        let image = processor.process(image::RgbImage::new(64, 64)).expect("an image");
        let images = || (0..3).map(|_| Ok(image.clone())).collect::<Vec<_>>();
        let channels = usize::try_from(MAX_CALL_VALUES / (2 * 64 * 64)).expect("a number");
        assert_eq!(within_bounds(images(), 2).iter().filter(|image| image.is_ok()).count(), 3);
        let bounded = within_bounds(images(), channels);
        assert_eq!(bounded.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    }
}
