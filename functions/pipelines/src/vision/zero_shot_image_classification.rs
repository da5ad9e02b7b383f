//! `zero-shot-image-classification`: images to the scores of labels that the call names, by a network of images and texts.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::{
    Cost, CpuWork, ExampleCall, ModelCall, Predictions, Task, TaskContext, TaskError, split_inputs,
};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{LabelScore, ZeroShotImageClassificationParameters};
use amaas_wire::task::Image;
use bytes::Bytes;

use super::example::{EXAMPLE, image_of_file};
use super::runs::{MAX_IMAGES, plan};
use super::values::rows;
use super::{ImageInputs, ImageNetwork, ImageProcessor, ProcessedImage};
use crate::export::ConfigFile;
use crate::labels_template::label_texts;
use crate::scores::{ranked, sigmoid, softmax};
use crate::text::network::TextInputs;
use crate::text::row::TextRow;
use crate::text::{TextTokenizer, Truncate};

/// The pipeline `zero-shot-image-classification`: an image in, the labels of the call with scores out, the best one first.
///
/// The network is of CLIP's kind, whose scores add up to 1, or of `SigLIP`'s, in which each label has a probability of its own.
#[derive(Debug)]
pub struct ZeroShotImageClassification {
    images: Arc<ImageNetwork>,
    tokenizer: TextTokenizer,
    texts: TextInputs,
    /// The length of every text, if the network was trained on one.
    text_length: Option<usize>,
    has_sigmoid: bool,
}

impl Task for ZeroShotImageClassification {
    const NAME: &'static str = "zero-shot-image-classification";
    const EXAMPLE: &'static str = EXAMPLE;
    const IS_PARTIAL: bool = true;
    const MAX_INPUTS: usize = MAX_IMAGES;
    type Input = Image;
    type Parameters = ZeroShotImageClassificationParameters;
    type Prediction = Vec<LabelScore>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let processor = ImageProcessor::load(&context.assets)?;
        let tokenizer = TextTokenizer::load(context)?;
        let (texts, others): (Vec<_>, Vec<_>) =
            context.network.inputs.iter().cloned().partition(|input| TEXT_INPUTS.contains(&input.name.as_str()));
        let names: Vec<&str> = texts.iter().map(|input| input.name.as_str()).collect();
        let inputs = ImageInputs::of(&context.network.inputs, &processor, &names)?;
        check_output(&context.network.outputs)?;
        if let Some(length) = others.iter().find(|input| input.shape.first().and_then(Dim::fixed).is_some()) {
            let name = &length.name;
            return Err(TaskError::new(format!("input {name:?}: expected a batch of any size, got a fixed one")));
        }
        let config = ConfigFile::read_or_empty(&context.assets, "config.json")?;
        let family = config.optional::<String>("model_type")?.unwrap_or_default();
        let has_sigmoid = family.starts_with("siglip");
        let texts = TextInputs::of(&texts, tokenizer.pad_id())?;
        let text_length = if has_sigmoid { Some(tokenizer.max_length()) } else { texts.fixed_length() };
        Ok(Self { images: Arc::new(ImageNetwork { processor, inputs }), tokenizer, texts, text_length, has_sigmoid })
    }

    fn example(&self) -> ExampleCall {
        ExampleCall::of_input(Self::EXAMPLE).with_parameters(r#"{"candidate_labels":["a cat","a house"]}"#)
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Image> {
        image_of_file(&file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Image>,
        parameters: ZeroShotImageClassificationParameters,
    ) -> Result<Predictions<Vec<LabelScore>>, PredictError> {
        let template = parameters.hypothesis_template.as_deref().unwrap_or(DEFAULT_TEMPLATE);
        let texts = label_texts(&parameters.candidate_labels, template)?;
        let size = texts.iter().map(String::len).sum();
        let task = Arc::clone(&self);
        let texts =
            call.compute(CpuWork::text(size), move |working: &CpuPermit| task.text_tensors(working, &texts)).await?;
        let images = call.check_inputs(self.images.process(&call, inputs).await?)?;
        let (accepted, places) = split_inputs(images);
        let logits = self.run(&call, &accepted, &texts).await?;
        let labels = parameters.candidate_labels;
        let predictions = logits.into_iter().map(|logits| self.labelled(&labels, &logits)).collect();
        Ok(Predictions::of_results(places.merge(predictions)))
    }
}

impl ZeroShotImageClassification {
    /// The network's inputs for `texts`.
    fn text_tensors(&self, working: &CpuPermit, texts: &[String]) -> Result<Vec<Tensor>, PredictError> {
        let row = |text: &String| Ok(self.tokenizer.encode(working, (text, None), Truncate::Refuse)?.row());
        let rows = texts.iter().map(row).collect::<Result<Vec<TextRow>, PredictError>>()?;
        let longest = rows.iter().map(TextRow::len).max().unwrap_or_default();
        let rows: Vec<&TextRow> = rows.iter().collect();
        self.texts.tensors(&rows, self.text_length.unwrap_or(longest))
    }

    /// The logits of `images`, one for each text. Images of one size share a run.
    async fn run(
        &self,
        call: &ModelCall,
        images: &[ProcessedImage],
        texts: &[Tensor],
    ) -> Result<Vec<Vec<f32>>, PredictError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        let network = call.networks().own();
        let plan = plan(&images.iter().map(ProcessedImage::size).collect::<Vec<_>>(), true);
        let charge = call.charge(Cost::rows(images.len())).await?;
        let mut logits = vec![Vec::new(); images.len()];
        for run in plan {
            let of_run: Vec<_> = run.iter().map(|index| &images[*index]).collect();
            let mut tensors = self.images.inputs.tensors(&self.images.processor, &of_run)?;
            tensors.extend(texts.iter().cloned());
            let prepared = network.prepare(vec![tensors], call.tenant(), call.max_rows())?;
            let outputs = call.run(&charge, network, prepared).await?;
            let outputs = outputs.into_iter().next().unwrap_or_default();
            let rows = rows(&outputs, OUTPUT, run.len())?;
            for (index, row) in run.iter().zip(rows) {
                logits[*index] = row;
            }
        }
        Ok(logits)
    }

    fn labelled(&self, labels: &[String], logits: &[f32]) -> Result<Vec<LabelScore>, PredictError> {
        if logits.len() != labels.len() {
            let (expected, got) = (labels.len(), logits.len());
            return Err(PredictError::internal(format!("output {OUTPUT:?}: expected {expected} texts, got {got}")));
        }
        let scores =
            if self.has_sigmoid { logits.iter().map(|logit| sigmoid(*logit)).collect() } else { softmax(logits) };
        let labels = labels.iter().zip(scores).map(|(label, score)| LabelScore::new(label, score));
        Ok(ranked(labels.collect(), None))
    }
}

fn check_output(outputs: &[TensorSpec]) -> Result<(), TaskError> {
    if outputs.iter().any(|output| output.name == OUTPUT) {
        return Ok(());
    }
    let got = outputs.iter().map(|output| format!("{:?}", output.name)).collect::<Vec<_>>().join(", ");
    Err(TaskError::new(format!(
        "expected an output {OUTPUT:?}, got {got}; export the whole network, and not its image or text part"
    )))
}

const TEXT_INPUTS: [&str; 4] = ["input_ids", "attention_mask", "token_type_ids", "position_ids"];
const OUTPUT: &str = "logits_per_image";
const DEFAULT_TEMPLATE: &str = "This is a photo of {}.";
