//! Images and texts to the inputs of two networks, and their outputs to ranked texts.
//!
//! What happens to odd inputs: an image that the image function's bounds refuse is refused; no text is refused; an empty text has
//! a vector as every other, and stands where that puts it; of a long one the beginning counts.

use amaas_embed::Embed;
use amaas_serve::task::{Assets, Matcher};
use amaas_serve::task::{InvalidInput, TaskError};
use amaas_wire::Tensor;
use amaas_wire::task::{Embedding, ImageAndTexts, RankedTexts, ScoredLabel};

use crate::picture::Picture;
use crate::score::{direction, dot, largest, probabilities};

/// The task of an image network and a text encoder: an image and texts in, the texts ranked out.
///
/// ```
/// use amaas_match::Match;
/// use amaas_serve::task::Matcher;
/// use amaas_wire::task::ImageAndTexts;
///
/// let labels = Match::labels("zero, a handwritten zero\none, a handwritten one\n")?;
/// let matcher = Match::new(labels, include_str!("../model/image.json"))?;
/// let error = matcher.texts(&ImageAndTexts::new(vec![], [""; 0])).expect_err("no text");
/// assert_eq!(error.to_string(), "texts: expected at least one, got none");
/// # Ok::<(), amaas_engine::TaskError>(())
/// ```
pub struct Match {
    labels: Vec<String>,
    picture: Picture,
}

impl Match {
    /// The name of the asset with the labels: one a line, in the order of the image network's outputs.
    pub const LABELS: &'static str = "labels.txt";
    /// The name of the asset that says what the image network reads and gives: a [`Picture`].
    pub const PICTURE: &'static str = "image.json";
    /// The most texts of one image.
    pub const MOST_TEXTS: usize = 256;

    /// The task for an image network with `labels`, of which `picture` is the `image.json`.
    ///
    /// # Errors
    /// When `picture` is none.
    pub fn new(labels: Vec<String>, picture: &str) -> Result<Self, TaskError> {
        Ok(Self { labels, picture: Picture::from_json(picture)? })
    }

    /// The labels of a `labels.txt`.
    ///
    /// # Errors
    /// When there is none, or a line is empty.
    pub fn labels(text: &str) -> Result<Vec<String>, TaskError> {
        let labels: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        match labels.iter().position(String::is_empty) {
            Some(line) => Err(TaskError::new(format!("{}: line {} is empty", Self::LABELS, line + 1))),
            None if labels.is_empty() => Err(TaskError::new(format!("{}: expected a label a line", Self::LABELS))),
            None => Ok(labels),
        }
    }
}

impl Matcher for Match {
    const NAME: &'static str = "match";
    const EXAMPLE: &'static str = concat!(
        r#"{"image":"iVBORw0KGgoAAAANSUhEUgAAAAgAAAALAQAAAABq4PGIAAAAGElEQVR42mP4z9DI8BcIfwPhdyB8"#,
        r#"D4T/AW2jCjzCFaQsAAAAAElFTkSuQmCC","texts":["a handwritten seven","a tabby cat"]}"#
    );
    const TEXTS: &'static str = "text";
    // An image of the largest size takes some tenths of a second.
    const MOST_INPUTS: usize = 8;
    const MEMORY: usize = amaas_image::MOST_MEMORY;
    type Texts = Embed;
    type Input = ImageAndTexts;
    type Known = Vec<Vec<f32>>;
    type Prediction = RankedTexts;

    fn from_assets(assets: &Assets) -> Result<Self, TaskError> {
        Self::new(Self::labels(assets.text(Self::LABELS)?)?, assets.text(Self::PICTURE)?)
    }

    fn known(&self) -> &[String] {
        &self.labels
    }

    fn learn(&self, vectors: Vec<Embedding>) -> Result<Vec<Vec<f32>>, TaskError> {
        Ok(vectors.into_iter().map(|vector| vector.embedding).collect())
    }

    fn texts<'i>(&self, input: &'i ImageAndTexts) -> Result<&'i [String], InvalidInput> {
        match input.texts.len() {
            0 => Err(InvalidInput::new("texts: expected at least one, got none")),
            1..=Self::MOST_TEXTS => Ok(&input.texts),
            got => Err(InvalidInput::new(format!("texts: expected at most {}, got {got}", Self::MOST_TEXTS))),
        }
    }

    fn encode(&self, input: &ImageAndTexts) -> Result<Vec<Tensor>, InvalidInput> {
        let tensor = self.picture.tensor(&input.image);
        Ok(vec![tensor.map_err(|error| InvalidInput::new(format!("image: {error}")))?])
    }

    fn decode(
        &self,
        known: &Vec<Vec<f32>>,
        input: &ImageAndTexts,
        outputs: &[Tensor],
        vectors: &[Embedding],
    ) -> Result<RankedTexts, TaskError> {
        let output = outputs.iter().find(|output| output.name() == self.picture.output);
        let output =
            output.ok_or_else(|| TaskError::new(format!("the network has no output {:?}", self.picture.output)))?;
        let probabilities = probabilities(output, self.picture.scores, self.labels.len())?;
        let top = largest(&probabilities, self.picture.top);
        let towards = direction(top.iter().map(|place| (probabilities[*place], known[*place].as_slice())));
        let scores = vectors.iter().map(|vector| dot(&towards, &vector.embedding));
        let label =
            |place: &usize| ScoredLabel { label: self.labels[*place].clone(), probability: probabilities[*place] };
        Ok(RankedTexts::of(input.texts.iter().cloned().zip(scores), top.iter().map(label).collect()))
    }
}
