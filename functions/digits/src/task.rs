//! The digits task: images to pixels, and probabilities to a digit.
//!
//! Edge cases: a file that is no PNG, JPEG or WebP, is damaged, exceeds the bounds or has no contrast is refused. The first image of an
//! animation is used. Transparent pixels are white. Colours become grey.

use amaas_image::{MAX_MEMORY_BYTES, MAX_PIXELS, grey};
use amaas_serve::task::{InvalidInput, TaskError};
use amaas_serve::task::{RowTask, TaskContext, checkpoint};
use amaas_wire::Tensor;
use amaas_wire::task::{DigitClassification, Image};

use crate::digit::{PIXELS, SIDE, digit};

/// The task of the MNIST network: an image of a digit in, the digit out.
///
/// ```
/// use amaas_digits::Digits;
/// use amaas_serve::task::RowTask;
///
/// let error = Digits.preprocess(&[b"GIF89a".to_vec().into()]).expect_err("another format");
/// assert_eq!(error.to_string(), "inputs[0]: expected a PNG, JPEG or WebP file, got something else");
/// ```
pub struct Digits;

impl RowTask for Digits {
    const NAME: &'static str = "digits";
    const EXAMPLE: &'static str = concat!(
        r#""iVBORw0KGgoAAAANSUhEUgAAAAgAAAALAQAAAABq4PGIAAAAGElEQVR42mP4z9DI8BcIfwPhdyB8"#,
        r#"D4T/AW2jCjzCFaQsAAAAAElFTkSuQmCC""#
    );
    // A file of some kilobytes can be an image of megapixels.
    const QUICK_BYTES: usize = 0;
    const MEMORY_BYTES: usize = MAX_MEMORY_BYTES;
    type Input = Image;
    type Prediction = DigitClassification;

    fn load(_: &TaskContext) -> Result<Self, TaskError> {
        Ok(Self)
    }

    fn preprocess(&self, inputs: &[Image]) -> Result<Vec<Tensor>, InvalidInput> {
        let (mut pixels, mut decoded) = (Vec::with_capacity(inputs.len() * PIXELS), 0);
        for (index, file) in inputs.iter().enumerate() {
            let refused = |why: &dyn std::fmt::Display| InvalidInput::new(format!("inputs[{index}]: {why}"));
            let image = grey(file.as_bytes()).map_err(|error| refused(&error))?;
            decoded += u64::from(image.width()) * u64::from(image.height());
            if decoded > MAX_PIXELS_PER_CALL {
                return Err(refused(&format_args!(
                    "expected at most {MAX_PIXELS_PER_CALL} pixels in one call, got more"
                )));
            }
            let blank = || refused(&"expected a digit, got an image in which nothing differs from the background");
            pixels.extend(digit(image).ok_or_else(blank)?);
            checkpoint()?;
        }
        let side = SIDE as usize;
        let tensor = Tensor::new("pixels", vec![inputs.len(), side, side], pixels);
        Ok(vec![tensor.map_err(InvalidInput::new)?])
    }

    fn postprocess(&self, _: &[Image], outputs: &[Tensor]) -> Result<Vec<DigitClassification>, TaskError> {
        let output = outputs.iter().find(|output| output.name() == "probabilities");
        let probabilities = output.and_then(|tensor| tensor.data().as_f32()).map(<[f32]>::as_chunks);
        match probabilities {
            Some((rows, [])) => Ok(rows.iter().copied().map(DigitClassification::of).collect()),
            _ => Err(TaskError::new("the network gave no FP32 output \"probabilities\" of ten a row")),
        }
    }
}

/// Four images of the largest size: some tenths of a second.
const MAX_PIXELS_PER_CALL: u64 = 4 * MAX_PIXELS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equals_the_first_digit_is_taken() {
        let output =
            |values: &[f32]| [Tensor::new("probabilities", vec![1, values.len()], values.to_vec()).expect("a row")];
        let answer =
            Digits.postprocess(&[], &output(&[0.0, 0.1, 0.4, 0.1, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0])).expect("ten");
        assert_eq!((answer[0].digit, answer[0].probability), (2, 0.4));
        assert!(Digits.postprocess(&[], &output(&[0.1; 11])).is_err(), "not ten a row");
    }

    #[test]
    fn the_example_is_an_image() {
        let image: Image = serde_json::from_str(Digits::EXAMPLE).expect("base64");
        assert_eq!(Digits.preprocess(&[image.clone(), image]).expect("a digit")[0].shape(), [2, 28, 28]);
    }
}
