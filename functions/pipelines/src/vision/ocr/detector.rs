//! The detection network: a page in, the probability of text for each pixel out.

use amaas_model::PredictError;
use amaas_model::task::{NetworkInfo, TaskError};
use amaas_wire::Tensor;
use image::RgbImage;

use super::bilinear::resize_bilinear;
use super::boxes::PIXEL_THRESHOLD;
use super::page::scaled_size;
use super::pixel_input::PixelInput;
use super::probability_map::ProbabilityMap;
use crate::vision::values::values;

/// A detection network of the kind "differentiable binarization".
#[derive(Clone, Debug)]
pub(super) struct Detector {
    input: PixelInput,
    output: String,
}

impl Detector {
    /// The memory that the input or the output takes: 40 bytes for each of 6.5 million pixels.
    pub(super) const MEMORY_BYTES: usize = 40 * (13 << 19);

    /// The detector `network`.
    ///
    /// # Errors
    /// If its input or output is not that of a detector.
    pub(super) fn of(network: &NetworkInfo) -> Result<Self, TaskError> {
        let input = PixelInput::of(&network.inputs)?;
        if input.height.is_some() || input.width.is_some() {
            return Err(TaskError::new(
                "the detector: expected an input of any height and width, got a fixed one; export it with dynamic axes",
            ));
        }
        let [output] = network.outputs.as_slice() else {
            let got = network.outputs.len();
            return Err(TaskError::new(format!("the detector: expected one output, got {got}")));
        };
        Ok(Self { input, output: output.name.clone() })
    }

    /// The tensor for `page`.
    ///
    /// # Errors
    /// If there is no such tensor.
    pub(super) fn tensor(&self, page: &RgbImage) -> Result<Tensor, PredictError> {
        let (width, height) = input_size(page.dimensions());
        self.input.tensor(&[resize_bilinear(page, width, height)], (width, height))
    }

    /// The map that `outputs` hold.
    ///
    /// # Errors
    /// If they hold something else.
    pub(super) fn map(&self, outputs: &[Tensor]) -> Result<ProbabilityMap, PredictError> {
        let (values, shape) = values(outputs, &self.output)?;
        ProbabilityMap::of(&values, &shape, PIXEL_THRESHOLD)
    }
}

/// The size in which the network sees a page of `size`: the shorter side has [`MIN_SIDE`] pixels or more, as in `rapidocr`, if that is
/// within [`MAX_PIXELS`].
fn input_size(size: (u32, u32)) -> (u32, u32) {
    let short = f64::from(size.0.min(size.1));
    let largest = (MAX_PIXELS / (f64::from(size.0) * f64::from(size.1))).sqrt();
    scaled_size(size, (MIN_SIDE / short).min(largest).max(1.0))
}

const MIN_SIDE: f64 = 736.0;
/// A page that is eight times as wide as high gets 4.3 million pixels. Only pages that are higher than that reach this.
const MAX_PIXELS: f64 = 6.0 * 1024.0 * 1024.0;

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_wire::Datatype;

    use super::*;

    #[test]
    fn sizes_are_those_of_rapidocr() {
        assert_eq!(input_size((640, 480)), (992, 736));
        assert_eq!(input_size((1984, 1504)), (1984, 1504));
        assert_eq!(input_size((800, 100)), (5888, 736));
    }

    #[test]
    fn a_high_page_is_bounded() {
        let (width, height) = input_size((32, 4512));
        assert!((192..=224).contains(&width) && width * height < 7 << 20, "{width} x {height}");
        assert_eq!(input_size((1248, 4992)), (1248, 4992));
    }

    #[test]
    fn a_fixed_size_is_refused() {
        let spec = |shape: &[usize]| {
            TensorSpec::new("x", Datatype::Fp32, shape.iter().map(|side| Dim::Fixed(*side)).collect())
        };
        let network = NetworkInfo { inputs: vec![spec(&[1, 3, 640, 640])], ..NetworkInfo::default() };
        let error = Detector::of(&network).expect_err("a fixed size").to_string();
        assert!(error.contains("expected an input of any height and width"), "{error}");
    }
}
