//! The matching task: images and texts to the inputs of two networks, and their outputs to ranked texts.
//!
//! Edge cases: an image outside the bounds of `amaas-image` is refused. An input without texts is refused. An empty text is encoded and
//! ranked as any other. A long text is truncated.

use std::sync::{Arc, OnceLock};

use amaas_embed::Embed;
use amaas_serve::task::{
    Cost, CpuPermit, CpuWork, EmbeddingTexts, InvalidInput, ModelCall, PredictError, Predictions, Task, TaskContext,
    TaskError, TextEncoder, UsageUnit, check_finite, checkpoint, encode_texts, join, split,
};
use amaas_wire::Tensor;
use amaas_wire::openai::Truncation;
use amaas_wire::predict::NoParameters;
use amaas_wire::task::{Embedding, ImageAndTexts, RankedTexts, ScoredLabel};
use futures_util::future::try_join;

use crate::image_network::ImageNetworkConfig;
use crate::score::{direction, dot, largest, probabilities};

/// The task of an image network and a text encoder: an image and texts in, the texts ranked out.
///
/// Both networks run concurrently, so that a call takes as long as the slower one. The vectors of the labels are computed once, when
/// the model is loaded.
///
/// ```
/// use amaas_match::Match;
///
/// assert_eq!(Match::labels("zero, a handwritten zero\none, a handwritten one\n")?.len(), 2);
/// let error = Match::labels("zero\n\ntwo\n").expect_err("an empty line");
/// assert_eq!(error.to_string(), "labels.txt: line 2 is empty");
/// # Ok::<(), amaas_serve::task::TaskError>(())
/// ```
pub struct Match {
    labels: Vec<String>,
    image_network: ImageNetworkConfig,
    encoder: Arc<Embed>,
    /// The vectors of the labels, in their order.
    label_vectors: OnceLock<Vec<Vec<f32>>>,
}

impl Match {
    /// The name of the text encoder's network.
    pub const TEXT_NETWORK: &'static str = "text";
    /// The name of the asset with the labels: one a line, in the order of the image network's outputs.
    pub const LABELS: &'static str = "labels.txt";
    /// The name of the asset that describes the image network: an [`ImageNetworkConfig`].
    pub const IMAGE_CONFIG: &'static str = "image.json";
    /// The most texts of one image.
    pub const MAX_TEXTS: usize = 256;

    /// The labels of a `labels.txt`.
    ///
    /// # Errors
    /// There is no label, or a line is empty.
    pub fn labels(text: &str) -> Result<Vec<String>, TaskError> {
        let labels: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        match labels.iter().position(String::is_empty) {
            Some(line) => Err(TaskError::new(format!("{}: line {} is empty", Self::LABELS, line + 1))),
            None if labels.is_empty() => Err(TaskError::new(format!("{}: expected a label a line", Self::LABELS))),
            None => Ok(labels),
        }
    }

    /// The inputs of the image network: one run for all images, or one for each if the network is not known to have a batch.
    fn preprocess(&self, inputs: &[ImageAndTexts], has_rows: bool) -> Result<Vec<Vec<Tensor>>, InvalidInput> {
        let mut images = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            let tensor = self.image_network.tensor(&input.image);
            images.push([tensor.map_err(|error| InvalidInput::new(format!("inputs[{index}]: image: {error}")))?]);
            checkpoint()?;
        }
        if !has_rows {
            return Ok(images.into_iter().map(Vec::from).collect());
        }
        let rows: Vec<_> = images.iter().map(<[Tensor; 1]>::as_slice).collect();
        Ok(vec![join(&rows).map_err(InvalidInput::new)?])
    }

    /// One prediction for each of `inputs`, from the outputs of the image network and the vectors of all texts.
    fn postprocess(
        &self,
        inputs: &[ImageAndTexts],
        outputs: &[Vec<Tensor>],
        mut vectors: &[Embedding],
    ) -> Result<Vec<RankedTexts>, PredictError> {
        let rows = match outputs {
            [outputs] if inputs.len() > 1 => split(outputs, &vec![1; inputs.len()]),
            _ => None,
        };
        let outputs = rows.as_deref().unwrap_or(outputs);
        if outputs.len() != inputs.len() {
            let (expected, got) = (inputs.len(), outputs.len());
            return Err(PredictError::internal(format!("expected {expected} rows of outputs, got {got}")));
        }
        let mut predictions = Vec::with_capacity(inputs.len());
        for (index, (input, outputs)) in inputs.iter().zip(outputs).enumerate() {
            check_finite(outputs, index, 1)?;
            let (own, rest) = vectors
                .split_at_checked(input.texts.len())
                .ok_or_else(|| PredictError::internal("fewer vectors than texts"))?;
            predictions.push(self.rank(input, outputs, own).map_err(PredictError::internal)?);
            vectors = rest;
        }
        Ok(predictions)
    }

    /// The texts of `input`, the best description of the image first.
    fn rank(&self, input: &ImageAndTexts, outputs: &[Tensor], vectors: &[Embedding]) -> Result<RankedTexts, TaskError> {
        let labels = self.label_vectors.get().ok_or_else(|| TaskError::new("the labels have no vectors yet"))?;
        let output = outputs.iter().find(|output| output.name() == self.image_network.output);
        let output = output
            .ok_or_else(|| TaskError::new(format!("the network has no output {:?}", self.image_network.output)))?;
        let probabilities = probabilities(output, self.image_network.scores, self.labels.len())?;
        let top = largest(&probabilities, self.image_network.top);
        let towards = direction(top.iter().map(|place| (probabilities[*place], labels[*place].as_slice())));
        let scores = vectors.iter().map(|vector| dot(&towards, &vector.embedding));
        let label =
            |place: &usize| ScoredLabel { label: self.labels[*place].clone(), probability: probabilities[*place] };
        Ok(RankedTexts::of(input.texts.iter().cloned().zip(scores), top.iter().map(label).collect()))
    }
}

impl Task for Match {
    const NAME: &'static str = "match";
    const EXAMPLE: &'static str = concat!(
        r#"{"image":"iVBORw0KGgoAAAANSUhEUgAAAAgAAAALAQAAAABq4PGIAAAAGElEQVR42mP4z9DI8BcIfwPhdyB8"#,
        r#"D4T/AW2jCjzCFaQsAAAAAElFTkSuQmCC","texts":["a handwritten seven","a tabby cat"]}"#
    );
    const NETWORKS: &'static [&'static str] = &[Self::TEXT_NETWORK];
    // An image of the largest size takes some tenths of a second.
    const MAX_INPUTS: usize = 8;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = ImageAndTexts;
    type Parameters = NoParameters;
    type Prediction = RankedTexts;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let assets = &context.assets;
        Ok(Self {
            labels: Self::labels(assets.text(Self::LABELS)?)?,
            image_network: ImageNetworkConfig::from_json(assets.text(Self::IMAGE_CONFIG)?)?,
            encoder: Arc::new(Embed::load(context)?),
            label_vectors: OnceLock::new(),
        })
    }

    async fn precompute(self: Arc<Self>, call: ModelCall) -> Result<(), PredictError> {
        let network = call.networks().named(Self::TEXT_NETWORK)?;
        let (encoder, batching) = (Arc::clone(&self.encoder), network.batching());
        let labels = embedding_texts(self.labels.clone(), "labels");
        let size = labels.texts.iter().map(String::len).sum();
        let encode = move |working: &CpuPermit| encode_texts(&*encoder, working, &labels, batching);
        let mut tokenised = call.compute(CpuWork::text(size), encode).await?;
        let runs = network.prepare(tokenised.take_runs(), call.tenant(), call.max_rows())?;
        let charge = call.charge(Cost::tokens(runs.rows(), tokenised.tokens())).await?;
        let outputs = call.run(&charge, network, runs).await?;
        let vectors = tokenised.vectors(&outputs)?.into_iter().map(|vector| vector.embedding).collect();
        // A second call computes the same vectors.
        let _ = self.label_vectors.set(vectors);
        Ok(())
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<ImageAndTexts>,
        _: NoParameters,
    ) -> Result<Predictions<RankedTexts>, PredictError> {
        let (image_network, text_network) = (call.networks().own(), call.networks().named(Self::TEXT_NETWORK)?);
        let texts = all_texts(&inputs, call.max_rows())?;
        let text_size = texts.texts.iter().map(String::len).sum();
        let inputs = Arc::new(inputs);

        let (task, images, has_rows) = (Arc::clone(&self), Arc::clone(&inputs), image_network.has_rows());
        // A file of some kilobytes can be an image of megapixels.
        let work = CpuWork::heavy(call.input_size(), amaas_image::MAX_MEMORY_BYTES);
        let images = call.compute(work, move |_| task.preprocess(&images, has_rows));
        let (encoder, batching) = (Arc::clone(&self.encoder), text_network.batching());
        let encode = move |working: &CpuPermit| encode_texts(&*encoder, working, &texts, batching);
        let texts = call.compute(CpuWork::text(text_size), encode);
        let (images, mut texts) = try_join(images, texts).await?;

        let image_runs = image_network.prepare(images, call.tenant(), call.max_rows())?;
        let text_runs = text_network.prepare(texts.take_runs(), call.tenant(), call.max_rows())?;
        let charge = call.charge(Cost::tokens(image_runs.rows() + text_runs.rows(), texts.tokens())).await?;
        let images = call.run(&charge, image_network, image_runs);
        let vectors = async { texts.vectors(&call.run(&charge, text_network, text_runs).await?) };
        // The first error cancels the other network's run.
        let (outputs, vectors) = try_join(images, vectors).await?;
        let ranked = move |_: &_| self.postprocess(&inputs, &outputs, &vectors);
        Ok(call.compute(CpuWork::json(call.output_size()), ranked).await?.into())
    }
}

/// The texts of all `inputs`, one after the other: at most [`Match::MAX_TEXTS`] of each, and `limit` of all.
fn all_texts(inputs: &[ImageAndTexts], limit: usize) -> Result<EmbeddingTexts, PredictError> {
    let mut all = Vec::new();
    for (index, ImageAndTexts { texts, .. }) in inputs.iter().enumerate() {
        let refused = |got: &str| PredictError::invalid(format!("inputs[{index}]: texts: expected at {got}"));
        match texts.len() {
            0 => return Err(refused("least one, got none")),
            1..=Match::MAX_TEXTS => all.extend_from_slice(texts),
            got => return Err(refused(&format!("most {}, got {got}", Match::MAX_TEXTS))),
        }
        if all.len() > limit {
            return Err(PredictError::invalid(format!("expected at most {limit} texts in one call, got more")));
        }
    }
    Ok(embedding_texts(all, "texts"))
}

fn embedding_texts(texts: Vec<String>, member: &'static str) -> EmbeddingTexts {
    EmbeddingTexts { texts, member, truncation: Truncation::End }
}
