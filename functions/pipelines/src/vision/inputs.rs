//! The inputs of a network that reads images.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::TaskError;
use amaas_wire::{Datatype, Tensor, TensorData};
use half::f16;

use super::{ImageProcessor, ProcessedImage};

/// The tensors that a network takes for images: `pixel_values`, and `pixel_mask` if it has that input.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageInputs {
    pixels: String,
    datatype: Datatype,
    /// Whether the shape is `[batch, height, width, 3]`, instead of `[batch, 3, height, width]`.
    channels_last: bool,
    mask: Option<MaskInput>,
}

/// The input `pixel_mask`, `[batch, height, width]`.
#[derive(Clone, Debug, PartialEq)]
struct MaskInput {
    datatype: Datatype,
    /// Its own height and width, if the network fixes them.
    size: Option<(usize, usize)>,
}

impl ImageInputs {
    /// The image inputs among `inputs`. The inputs named in `others` are not of images.
    ///
    /// # Errors
    /// If the network has no input of pixels or one that is not known, or does not take what `processor` makes.
    pub fn of(inputs: &[TensorSpec], processor: &ImageProcessor, others: &[&str]) -> Result<Self, TaskError> {
        let mut images = inputs.iter().filter(|input| !others.contains(&input.name.as_str()));
        let named = inputs.iter().find(|input| input.name == PIXELS);
        let pixels = named.or_else(|| images.clone().find(|input| input.shape.len() == 4));
        let pixels = pixels.ok_or_else(|| TaskError::new(format!("expected an input {PIXELS:?}, got none")))?;
        let wrong = |what: String| TaskError::new(format!("input {:?}: {what}", pixels.name));
        if !matches!(pixels.datatype, Datatype::Fp32 | Datatype::Fp16) {
            return Err(wrong(format!("expected FP32 or FP16, got {}", pixels.datatype)));
        }
        let sides: Vec<Option<usize>> = pixels.shape.iter().map(Dim::fixed).collect();
        let (channels_last, height, width) = match *sides.as_slice() {
            [_, None | Some(3), height, width] => (false, height, width),
            [_, height, width, Some(3)] => (true, height, width),
            [] if pixels.unranked => (false, None, None),
            _ => return Err(wrong("expected [batch, 3, height, width] or [batch, height, width, 3]".to_owned())),
        };
        if let (None, None) = (height, width) {
            // Any size.
        } else {
            let expected = |side: Option<usize>| side.map_or("any".to_owned(), |side| side.to_string());
            let (high, wide) = (expected(height), expected(width));
            let takes = format!("the network takes a height of {high} and a width of {wide} pixels");
            let file = ImageProcessor::FILE;
            let (made_width, made_height) = processor.fixed_size().ok_or_else(|| {
                wrong(format!("{takes}, but by {file} the size depends on the image: give it a fixed size or crop"))
            })?;
            let fits = |side: Option<usize>, made: u32| side.is_none_or(|side| side == made as usize);
            if !fits(height, made_height) || !fits(width, made_width) {
                return Err(wrong(format!("{takes}, but by {file} images get {made_height} and {made_width}")));
            }
        }
        let mask = images.clone().find(|input| input.name == MASK).map(MaskInput::of).transpose()?;
        if let Some(size) = mask.as_ref().and_then(|mask| mask.size)
            && processor.pads()
            && (height, width) != (Some(size.0), Some(size.1))
        {
            return Err(TaskError::new(format!(
                "input {MASK:?}: images are padded, so expected the size of {PIXELS:?}"
            )));
        }
        let is_known = |input: &TensorSpec| input.name == pixels.name || input.name == MASK || input.optional;
        if let Some(unknown) = images.find(|input| !is_known(input)) {
            return Err(TaskError::new(format!("input {:?}: this pipeline gives images only", unknown.name)));
        }
        Ok(Self { pixels: pixels.name.clone(), datatype: pixels.datatype, channels_last, mask })
    }

    /// The tensors of `images`, which have one size; a row for each.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn tensors(&self, processor: &ImageProcessor, images: &[&ProcessedImage]) -> Result<Vec<Tensor>, PredictError> {
        let (width, height) = images.first().map(|image| image.size()).unwrap_or_default();
        let (count, width, height) = (images.len(), width as usize, height as usize);
        let mut values = Vec::with_capacity(count * 3 * width * height);
        for image in images {
            processor.append_values(image, self.channels_last, &mut values);
        }
        let shape = if self.channels_last { vec![count, height, width, 3] } else { vec![count, 3, height, width] };
        let data = if self.datatype == Datatype::Fp16 {
            TensorData::Fp16(values.into_iter().map(f16::from_f32).collect())
        } else {
            values.into()
        };
        let mut tensors = vec![Tensor::new(self.pixels.as_str(), shape, data).map_err(PredictError::internal)?];
        if let Some(mask) = &self.mask {
            tensors.push(mask.tensor(images, (height, width))?);
        }
        Ok(tensors)
    }
}

impl MaskInput {
    fn of(input: &TensorSpec) -> Result<Self, TaskError> {
        let wrong = |what: String| TaskError::new(format!("input {MASK:?}: {what}"));
        if !matches!(input.datatype, Datatype::Int64 | Datatype::Int32 | Datatype::Bool) {
            return Err(wrong(format!("expected INT64, INT32 or BOOL, got {}", input.datatype)));
        }
        let size = match input.shape.as_slice() {
            [_, height, width] => height.fixed().zip(width.fixed()),
            shape => return Err(wrong(format!("expected [batch, height, width], got {} dimensions", shape.len()))),
        };
        Ok(Self { datatype: input.datatype, size })
    }

    fn tensor(&self, images: &[&ProcessedImage], size: (usize, usize)) -> Result<Tensor, PredictError> {
        let (height, width) = self.size.unwrap_or(size);
        let mask: Vec<i64> = if (height, width) == size {
            images.iter().flat_map(|image| image.mask()).collect()
        } else {
            // No image is padded, so that any size is a mask of ones.
            vec![1; images.len() * height * width]
        };
        let data: TensorData = match self.datatype {
            Datatype::Bool => mask.into_iter().map(|value| value == 1).collect::<Vec<_>>().into(),
            Datatype::Int32 => mask.into_iter().map(|value| i32::from(value == 1)).collect::<Vec<_>>().into(),
            _ => mask.into(),
        };
        Tensor::new(MASK, vec![images.len(), height, width], data).map_err(PredictError::internal)
    }
}

const PIXELS: &str = "pixel_values";
const MASK: &str = "pixel_mask";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::export::ConfigFile;
    use crate::vision::picture::picture;

    fn processor(file: &serde_json::Value) -> ImageProcessor {
        let read = |name: &str, text: &str| ConfigFile::parse(name, text.as_bytes()).expect("a file");
        let file = read(ImageProcessor::FILE, &file.to_string());
        ImageProcessor::of(&file, &read("config.json", "{}")).expect("a processor")
    }

    fn spec(name: &str, datatype: Datatype, shape: &[usize]) -> TensorSpec {
        let dim = |side: &usize| if *side == 0 { Dim::Symbol("any".to_owned()) } else { Dim::Fixed(*side) };
        TensorSpec::new(name, datatype, shape.iter().map(dim).collect())
    }

    #[test]
    fn layout_and_datatype_are_the_networks() {
        let vit = processor(&json!({"image_processor_type": "ViTImageProcessor", "size": {"height": 2, "width": 3}}));
        let image = vit.process(picture(9, 9)).expect("an image");
        let tensors = |shape: &[usize], datatype| {
            let inputs = ImageInputs::of(&[spec(PIXELS, datatype, shape)], &vit, &[]).expect("inputs");
            inputs.tensors(&vit, &[&image, &image]).expect("tensors").remove(0)
        };
        let (first, last) = (tensors(&[0, 3, 0, 0], Datatype::Fp32), tensors(&[0, 2, 3, 3], Datatype::Fp32));
        assert_eq!((first.shape(), last.shape()), (&[2, 3, 2, 3][..], &[2, 2, 3, 3][..]));
        let (first, last) = (first.data().as_f32().expect("FP32"), last.data().as_f32().expect("FP32"));
        let places = [0, 6, 12, 1].map(|place: usize| first[place].to_bits());
        assert_eq!(places, [0, 1, 2, 3].map(|place: usize| last[place].to_bits()));
        assert_eq!(tensors(&[0, 0, 0, 0], Datatype::Fp16).datatype(), Datatype::Fp16);
    }

    #[test]
    fn a_network_of_another_size_is_refused() {
        let vit = processor(&json!({"image_processor_type": "ViTImageProcessor", "size": 32}));
        let detr = processor(&json!({"image_processor_type": "DetrImageProcessor"}));
        let fp32 = |name: &str, shape: &[usize]| spec(name, Datatype::Fp32, shape);
        for (processor, inputs, expected) in [
            (&vit, vec![fp32(PIXELS, &[0, 3, 30, 32])], "takes a height of 30 and a width of 32 pixels, but by"),
            (&vit, vec![fp32(PIXELS, &[0, 1, 32, 32])], "expected [batch, 3, height, width] or"),
            (&vit, vec![spec(PIXELS, Datatype::Uint8, &[0, 3, 32, 32])], "expected FP32 or FP16, got UINT8"),
            (&vit, vec![fp32(PIXELS, &[0, 3, 32, 32]), fp32("boxes", &[0, 4])], "input \"boxes\": this pipeline"),
            (&vit, vec![fp32("x", &[0, 4])], "expected an input \"pixel_values\""),
            (&detr, vec![fp32(PIXELS, &[0, 3, 800, 800])], "the size depends on the image"),
        ] {
            let error = ImageInputs::of(&inputs, processor, &[]).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_mask_has_the_size_that_the_network_fixes() {
        let detr = processor(&json!({"image_processor_type": "DetrImageProcessor", "size": {"height": 4, "width": 6}}));
        let image = detr.process(picture(9, 9)).expect("an image");
        for (size, expected) in [([0, 0, 0], [1, 4, 6]), ([0, 2, 2], [1, 2, 2])] {
            let inputs = [spec(PIXELS, Datatype::Fp32, &[0, 3, 0, 0]), spec(MASK, Datatype::Int64, &size)];
            let inputs = ImageInputs::of(&inputs, &detr, &[]).expect("inputs");
            assert_eq!(inputs.tensors(&detr, &[&image]).expect("tensors")[1].shape(), expected);
        }
    }
}
