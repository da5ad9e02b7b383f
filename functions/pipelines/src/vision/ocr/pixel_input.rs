//! The input of a network of PP-OCR: blue, green and red levels from -1 to 1.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::TaskError;
use amaas_wire::{Datatype, Tensor, TensorData};
use half::f16;
use image::RgbImage;

/// The input `[batch, 3, height, width]` of a network.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PixelInput {
    name: String,
    datatype: Datatype,
    /// The height, if the network fixes it.
    pub(super) height: Option<u32>,
    /// The width, if the network fixes it.
    pub(super) width: Option<u32>,
}

impl PixelInput {
    /// The only input among `inputs`.
    ///
    /// # Errors
    /// If there is another number of inputs, or it takes something else.
    pub(super) fn of(inputs: &[TensorSpec]) -> Result<Self, TaskError> {
        let [input] = inputs else {
            return Err(TaskError::new(format!("expected one input, got {}", inputs.len())));
        };
        let wrong = |what: String| TaskError::new(format!("input {:?}: {what}", input.name));
        if !matches!(input.datatype, Datatype::Fp32 | Datatype::Fp16) {
            return Err(wrong(format!("expected FP32 or FP16, got {}", input.datatype)));
        }
        let side = |dim: &Dim| dim.fixed().map(u32::try_from).transpose();
        let (height, width) = match input.shape.as_slice() {
            [] if input.unranked => (Ok(None), Ok(None)),
            [_, channels, height, width] if channels.fixed().is_none_or(|channels| channels == CHANNELS) => {
                (side(height), side(width))
            }
            shape => {
                let got: Vec<_> = shape.iter().map(Dim::fixed).collect();
                return Err(wrong(format!("expected [batch, 3, height, width], got {got:?}")));
            }
        };
        let too_large = |_| wrong("the height or width is too large".to_owned());
        let (height, width) = (height.map_err(too_large)?, width.map_err(too_large)?);
        if [height, width].into_iter().flatten().any(|side| !(1..=MAX_FIXED_SIDE).contains(&side)) {
            return Err(wrong(format!("expected a height and width from 1 to {MAX_FIXED_SIDE}")));
        }
        Ok(Self { name: input.name.clone(), datatype: input.datatype, height, width })
    }

    /// The tensor of `images` in a frame of `width` x `height` pixels. What an image does not cover is 0.
    ///
    /// # Errors
    /// If an image is larger than the frame.
    pub(super) fn tensor(&self, images: &[RgbImage], (width, height): (u32, u32)) -> Result<Tensor, PredictError> {
        let (columns, rows) = (width as usize, height as usize);
        let mut values = vec![0.0_f32; images.len() * CHANNELS * rows * columns];
        for (image, values) in images.iter().zip(values.chunks_exact_mut((CHANNELS * rows * columns).max(1))) {
            if image.width() > width || image.height() > height {
                let (got_width, got_height) = image.dimensions();
                return Err(PredictError::internal(format!(
                    "expected an image of at most {width} x {height} pixels, got {got_width} x {got_height}"
                )));
            }
            for (y, row) in image.rows().enumerate() {
                for (x, pixel) in row.enumerate() {
                    for (channel, level) in pixel.0.into_iter().rev().enumerate() {
                        values[(channel * rows + y) * columns + x] = normalized(level);
                    }
                }
            }
        }
        let data: TensorData = match self.datatype {
            Datatype::Fp16 => TensorData::Fp16(values.into_iter().map(f16::from_f32).collect()),
            _ => values.into(),
        };
        let shape = vec![images.len(), CHANNELS, rows, columns];
        Tensor::new(self.name.as_str(), shape, data).map_err(PredictError::internal)
    }
}

/// A level from 0 to 255 as a value from -1 to 1.
fn normalized(level: u8) -> f32 {
    (f32::from(level) / 255.0 - 0.5) / 0.5
}

const CHANNELS: usize = 3;
/// The longest side that a network may fix.
const MAX_FIXED_SIDE: u32 = 4096;

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn spec(datatype: Datatype, shape: &[usize]) -> TensorSpec {
        let dim = |side: &usize| if *side == 0 { Dim::Symbol("any".to_owned()) } else { Dim::Fixed(*side) };
        TensorSpec::new("x", datatype, shape.iter().map(dim).collect())
    }

    #[test]
    fn channels_are_blue_green_red_and_the_rest_is_zero() {
        let input = PixelInput::of(&[spec(Datatype::Fp32, &[0, 3, 48, 0])]).expect("an input");
        assert_eq!((input.height, input.width), (Some(48), None));
        let image = RgbImage::from_pixel(1, 2, Rgb([255, 0, 51]));
        let tensor = input.tensor(&[image], (2, 2)).expect("a tensor");
        assert_eq!(tensor.shape(), [1, 3, 2, 2]);
        let expected = [-0.6, 0.0, -0.6, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 1.0, 0.0_f32];
        let values = tensor.data().as_f32().expect("FP32");
        assert!(values.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-6), "{values:?}");
        assert!(input.tensor(&[RgbImage::new(3, 1)], (2, 2)).is_err());
        let half = PixelInput::of(&[spec(Datatype::Fp16, &[1, 3, 0, 0])]).expect("an input");
        assert_eq!(half.tensor(&[], (2, 2)).expect("a tensor").datatype(), Datatype::Fp16);
    }

    #[test]
    fn other_inputs_are_refused() {
        for (inputs, expected) in [
            (vec![], "expected one input, got 0"),
            (vec![spec(Datatype::Uint8, &[0, 3, 48, 0])], "expected FP32 or FP16, got UINT8"),
            (vec![spec(Datatype::Fp32, &[0, 1, 48, 0])], "expected [batch, 3, height, width]"),
            (vec![spec(Datatype::Fp32, &[0, 3, 48, 5000])], "expected a height and width from 1 to 4096"),
        ] {
            let error = PixelInput::of(&inputs).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
