//! `image-classification`: images to the scores of labels.

use std::sync::Arc;

use amaas_model::PredictError;
use amaas_model::task::{CpuWork, ModelCall, Predictions, Task, TaskContext, TaskError, split_inputs};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{FunctionToApply, ImageClassificationParameters, LabelScore};
use amaas_wire::task::Image;
use bytes::Bytes;

use super::example::{EXAMPLE, image_of_file};
use super::values::values;
use super::{ImageInputs, ImageNetwork, ImageProcessor};
use crate::export::{ConfigFile, LogitsOutput};
use crate::parameters::check_top_k;
use crate::scores::{ranked, scores};

/// The pipeline `image-classification`: an image in, labels with scores out, the most probable one first.
#[derive(Debug)]
pub struct ImageClassification {
    network: Arc<ImageNetwork>,
    output: LogitsOutput,
    function: FunctionToApply,
}

impl Task for ImageClassification {
    const NAME: &'static str = "image-classification";
    const EXAMPLE: &'static str = EXAMPLE;
    const IS_PARTIAL: bool = true;
    const MAX_INPUTS: usize = super::runs::MAX_IMAGES;
    type Input = Image;
    type Parameters = ImageClassificationParameters;
    type Prediction = Vec<LabelScore>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let processor = ImageProcessor::load(&context.assets)?;
        let inputs = ImageInputs::of(&context.network.inputs, &processor, &[])?;
        let config = ConfigFile::read_or_empty(&context.assets, "config.json")?;
        let output = LogitsOutput::load(context, &config, &["batch", "classes"])?;
        let function = default_function(&config, output.labels.count())?;
        Ok(Self { network: Arc::new(ImageNetwork { processor, inputs }), output, function })
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Image> {
        image_of_file(&file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Image>,
        parameters: ImageClassificationParameters,
    ) -> Result<Predictions<Vec<LabelScore>>, PredictError> {
        check_top_k(parameters.top_k)?;
        let images = call.check_inputs(self.network.process(&call, inputs).await?)?;
        let (accepted, places) = split_inputs(images);
        let outputs = self.network.run(&call, accepted).await?;
        let function = parameters.function_to_apply.unwrap_or(self.function);
        let top_k = parameters.top_k.unwrap_or(DEFAULT_TOP_K);
        let predict = move |_: &_| {
            let predictions = outputs.iter().map(|outputs| self.labelled(outputs, function, top_k)).collect();
            Ok::<_, PredictError>(places.merge(predictions))
        };
        Ok(call.compute(CpuWork::json(call.output_size()), predict).await?.into())
    }
}

impl ImageClassification {
    fn labelled(
        &self,
        outputs: &[Tensor],
        function: FunctionToApply,
        top_k: usize,
    ) -> Result<Vec<LabelScore>, PredictError> {
        let (logits, _) = values(outputs, &self.output.name)?;
        self.output.check_classes(logits.len())?;
        let classes = self.output.labels.iter().zip(scores(&logits, function));
        Ok(ranked(classes.map(|(label, score)| LabelScore::new(label, score)).collect(), Some(top_k)))
    }
}

/// The function that `transformers` applies: a sigmoid for several labels an image and for a single class, else softmax.
fn default_function(config: &ConfigFile, classes: usize) -> Result<FunctionToApply, TaskError> {
    let problem = config.optional::<String>("problem_type")?;
    let is_single = classes == 1 || problem.as_deref() == Some("multi_label_classification");
    Ok(if is_single { FunctionToApply::Sigmoid } else { FunctionToApply::Softmax })
}

/// As in `transformers`.
const DEFAULT_TOP_K: usize = 5;

#[cfg(test)]
mod tests {
    use amaas_engine::{Dim, TensorSpec};
    use amaas_model::task::{Assets, NetworkInfo};
    use amaas_wire::Datatype;

    use super::*;

    fn load(config: &str, classes: usize) -> Result<ImageClassification, TaskError> {
        let file = |name: &str, text: &str| (name.to_owned(), Bytes::from(text.to_owned()));
        let vit = r#"{"image_processor_type":"ViTImageProcessor","size":8}"#;
        let dims = |sizes: &[usize]| sizes.iter().map(|size| Dim::Fixed(*size)).collect();
        let network = NetworkInfo {
            inputs: vec![TensorSpec::new("pixel_values", Datatype::Fp32, dims(&[1, 3, 8, 8]))],
            outputs: vec![TensorSpec::new("logits", Datatype::Fp32, dims(&[1, classes]))],
            ..NetworkInfo::default()
        };
        let assets = Assets::new([file("config.json", config), file(ImageProcessor::FILE, vit)]);
        ImageClassification::load(&TaskContext { assets, network, ..TaskContext::default() })
    }

    #[test]
    fn the_five_most_probable_labels_are_answered() {
        let task = load(r#"{"id2label":{"0":"a","1":"b","2":"c"}}"#, 3).expect("a task");
        assert_eq!(task.function, FunctionToApply::Softmax);
        let outputs = [Tensor::new("logits", vec![1, 3], vec![0.0_f32, 2.0, 1.0]).expect("a tensor")];
        let labelled = task.labelled(&outputs, FunctionToApply::None, 2).expect("labels");
        assert_eq!(labelled, [LabelScore::new("b", 2.0), LabelScore::new("c", 1.0)]);
        let short = [Tensor::new("logits", vec![1, 2], vec![0.0_f32, 2.0]).expect("a tensor")];
        assert!(task.labelled(&short, FunctionToApply::None, 2).is_err());
    }

    #[test]
    fn the_function_is_that_of_the_configuration() {
        let function = |config: &str, classes: usize| load(config, classes).expect("a task").function;
        assert_eq!(function(r#"{"problem_type":"multi_label_classification"}"#, 2), FunctionToApply::Sigmoid);
        assert_eq!(function(r#"{"problem_type":"single_label_classification"}"#, 1), FunctionToApply::Sigmoid);
        assert_eq!(function("{}", 2), FunctionToApply::Softmax);
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let error = load(r#"{"id2label":{"0":"a"}}"#, 3).expect_err("a label too few").to_string();
        assert_eq!(error, "expected 3 labels, one for each class of the network, got 1");
    }
}
