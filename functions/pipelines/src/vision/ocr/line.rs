//! Networks that read lines of text: images of one height, filled up to one width.

use amaas_model::PredictError;
use amaas_model::task::{Assets, NetworkInfo, TaskError};
use amaas_wire::Tensor;
use image::RgbImage;

use super::bilinear::resize_bilinear;
use super::characters::Characters;
use super::pixel_input::PixelInput;
use crate::vision::values::rows;

/// The most lines of a run, as in `rapidocr`. Lines of a run are filled up to the width of its longest line, which changes scores a little.
pub(super) const BATCH_LINES: usize = 6;

/// The recognition network: lines in, probabilities of characters out.
#[derive(Clone, Debug)]
pub(super) struct Recognizer {
    input: PixelInput,
    output: String,
    characters: Characters,
}

impl Recognizer {
    /// The recognizer `network`.
    ///
    /// # Errors
    /// If its input, output or characters are not those of a recognizer.
    pub(super) fn of(assets: &Assets, network: &NetworkInfo) -> Result<Self, TaskError> {
        let input = PixelInput::of(&network.inputs).map_err(|error| of_network("recognition", &error))?;
        let [output] = network.outputs.as_slice() else {
            let got = network.outputs.len();
            return Err(TaskError::new(format!("the recognition network: expected one output, got {got}")));
        };
        let classes = match output.shape.as_slice() {
            [] if output.unranked => None,
            [_, _, classes] => classes.fixed(),
            shape => {
                let (name, got) = (&output.name, shape.len());
                return Err(TaskError::new(format!(
                    "the recognition network: output {name:?}: expected [batch, steps, classes], got {got} dimensions"
                )));
            }
        };
        let characters = Characters::load(assets, network, classes)?;
        Ok(Self { input, output: output.name.clone(), characters })
    }

    /// The width that lines with these sides are filled up to.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is at most MAX_WIDTH
    pub(super) fn width(&self, sizes: impl IntoIterator<Item = (u32, u32)>) -> u32 {
        self.input.width.unwrap_or_else(|| {
            let longest = sizes.into_iter().map(ratio).fold(MIN_RATIO, f64::max);
            (f64::from(self.height()) * longest).min(f64::from(MAX_WIDTH)) as u32
        })
    }

    /// A line in the network's height.
    pub(super) fn fit(&self, line: &RgbImage, width: u32) -> RgbImage {
        fit(line, width, self.height())
    }

    /// The tensor of lines of at most `width` pixels.
    ///
    /// # Errors
    /// If there is no such tensor.
    pub(super) fn tensor(&self, lines: &[RgbImage], width: u32) -> Result<Tensor, PredictError> {
        self.input.tensor(lines, (width, self.height()))
    }

    /// The texts of `count` lines, with their scores.
    ///
    /// # Errors
    /// If `outputs` are not probabilities of the characters.
    pub(super) fn texts(&self, outputs: &[Tensor], count: usize) -> Result<Vec<(String, f32)>, PredictError> {
        let output = outputs.iter().find(|output| output.name() == self.output);
        let shape = output.map(Tensor::shape).unwrap_or_default();
        let &[_, _, classes] = shape else {
            return Err(PredictError::internal(format!(
                "the recognition network: expected the shape [batch, steps, classes], got {shape:?}"
            )));
        };
        let rows = rows(outputs, &self.output, count)?;
        rows.iter().map(|row| self.characters.decode(row, classes)).collect()
    }

    fn height(&self) -> u32 {
        self.input.height.unwrap_or(DEFAULT_HEIGHT)
    }
}

/// The direction classifier: lines in, the probability that a line is upside down out.
#[derive(Clone, Debug)]
pub(super) struct DirectionClassifier {
    input: PixelInput,
    output: String,
}

impl DirectionClassifier {
    /// The classifier `network`.
    ///
    /// # Errors
    /// If its input or output is not that of a direction classifier.
    pub(super) fn of(network: &NetworkInfo) -> Result<Self, TaskError> {
        let input = PixelInput::of(&network.inputs).map_err(|error| of_network("direction", &error))?;
        let wrong = |got: &str| {
            TaskError::new(format!(
                "the direction network: expected one output [batch, 2], for lines of 0 and 180 degrees, got {got}"
            ))
        };
        let [output] = network.outputs.as_slice() else {
            return Err(wrong(&format!("{} outputs", network.outputs.len())));
        };
        match output.shape.as_slice() {
            [] if output.unranked => (),
            [_, classes] if classes.fixed().is_none_or(|classes| classes == 2) => (),
            shape => {
                let got: Vec<_> = shape.iter().map(amaas_engine::Dim::fixed).collect();
                return Err(wrong(&format!("{got:?}")));
            }
        }
        Ok(Self { input, output: output.name.clone() })
    }

    /// A line in the network's height.
    pub(super) fn fit(&self, line: &RgbImage) -> RgbImage {
        let (width, height) = self.frame();
        fit(line, width, height)
    }

    /// The tensor of lines.
    ///
    /// # Errors
    /// If there is no such tensor.
    pub(super) fn tensor(&self, lines: &[RgbImage]) -> Result<Tensor, PredictError> {
        self.input.tensor(lines, self.frame())
    }

    /// Whether each of `count` lines is upside down.
    ///
    /// # Errors
    /// If `outputs` are not two probabilities for each line.
    pub(super) fn upside_down(&self, outputs: &[Tensor], count: usize) -> Result<Vec<bool>, PredictError> {
        let is_upside_down = |row: &Vec<f32>| match *row.as_slice() {
            [upright, upside_down] => Ok(upside_down > upright && upside_down > MIN_DIRECTION_SCORE),
            _ => Err(PredictError::internal(format!(
                "the direction network: expected 2 probabilities for a line, got {}",
                row.len()
            ))),
        };
        rows(outputs, &self.output, count)?.iter().map(is_upside_down).collect()
    }

    fn frame(&self) -> (u32, u32) {
        (self.input.width.unwrap_or(DIRECTION_WIDTH), self.input.height.unwrap_or(DEFAULT_HEIGHT))
    }
}

/// `line` in `height`, and in proportion as wide, up to `width`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is at most `width`
fn fit(line: &RgbImage, width: u32, height: u32) -> RgbImage {
    let own_width = (f64::from(height) * ratio(line.dimensions())).ceil().min(f64::from(width)) as u32;
    resize_bilinear(line, own_width.max(1), height)
}

/// The ratio of width and height.
pub(super) fn ratio((width, height): (u32, u32)) -> f64 {
    f64::from(width) / f64::from(height.max(1))
}

fn of_network(name: &str, error: &TaskError) -> TaskError {
    TaskError::new(format!("the {name} network: {error}"))
}

/// The height of lines, if a network takes any height.
const DEFAULT_HEIGHT: u32 = 48;
/// The width for the direction classifier, if it takes any width.
const DIRECTION_WIDTH: u32 = 192;
/// Lines are filled up to this ratio of width and height at least, as in `rapidocr`.
const MIN_RATIO: f64 = 320.0 / 48.0;
/// The longest line, which is 85 times as long as it is high. A longer one is squeezed: the network's memory grows by the square.
const MAX_WIDTH: u32 = 4096;
/// The lowest probability that turns a line around, as in `rapidocr`.
const MIN_DIRECTION_SCORE: f32 = 0.9;

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_wire::Datatype;

    use super::*;

    fn network(output: &[usize]) -> NetworkInfo {
        let dim = |side: &usize| if *side == 0 { Dim::Symbol("any".to_owned()) } else { Dim::Fixed(*side) };
        let spec = |name: &str, shape: &[usize]| TensorSpec::new(name, Datatype::Fp32, shape.iter().map(dim).collect());
        NetworkInfo {
            inputs: vec![spec("x", &[0, 3, 0, 0])],
            outputs: vec![spec("y", output)],
            metadata: [("character".to_owned(), "a\nb".to_owned())].into_iter().collect(),
        }
    }

    #[test]
    fn lines_are_filled_up_to_the_longest_one() {
        let recognizer = Recognizer::of(&Assets::default(), &network(&[0, 0, 4])).expect("a recognizer");
        assert_eq!(recognizer.width([(100, 50), (20, 40)]), 320);
        assert_eq!(recognizer.width([(100, 50), (1000, 99)]), 484);
        assert_eq!(recognizer.width([(9000, 50)]), MAX_WIDTH);
        let lines = [(100, 50), (1000, 99)].map(|(width, height)| recognizer.fit(&RgbImage::new(width, height), 484));
        assert_eq!(lines.each_ref().map(RgbImage::dimensions), [(96, 48), (484, 48)]);
        assert_eq!(recognizer.tensor(&lines, 484).expect("a tensor").shape(), [2, 3, 48, 484]);
    }

    #[test]
    fn a_line_turns_only_if_that_is_almost_certain() {
        let classifier = DirectionClassifier::of(&network(&[0, 2])).expect("a classifier");
        let output = Tensor::new("y", vec![3, 2], vec![0.05_f32, 0.95, 0.2, 0.8, 0.99, 0.01]).expect("a tensor");
        assert_eq!(classifier.upside_down(std::slice::from_ref(&output), 3).expect("directions"), [true, false, false]);
        assert!(classifier.upside_down(&[output], 2).is_err());
        assert_eq!(classifier.tensor(&[RgbImage::new(9, 48)]).expect("a tensor").shape(), [1, 3, 48, 192]);
    }

    #[test]
    fn other_outputs_are_refused() {
        let error = Recognizer::of(&Assets::default(), &network(&[0, 1, 0, 0])).expect_err("a map").to_string();
        assert!(error.contains("expected [batch, steps, classes], got 4 dimensions"), "{error}");
        let error = DirectionClassifier::of(&network(&[0, 4])).expect_err("four classes").to_string();
        assert!(error.contains("for lines of 0 and 180 degrees, got [None, Some(4)]"), "{error}");
    }
}
