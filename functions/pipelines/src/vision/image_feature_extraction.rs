//! `image-feature-extraction`: images to a network's own numbers.

use std::sync::Arc;

use amaas_model::PredictError;
use amaas_model::task::{CpuWork, ModelCall, Predictions, Task, TaskContext, TaskError, split_inputs};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{ImageFeatureExtractionParameters, ImageFeatures};
use amaas_wire::task::Image;
use bytes::Bytes;

use super::example::{EXAMPLE, image_of_file};
use super::values::values;
use super::{ImageInputs, ImageNetwork, ImageProcessor};
use crate::parameters::bad_parameter;

/// The pipeline `image-feature-extraction`: an image in, the network's output for it out.
///
/// By default that is the first output, as in `transformers`. With `pool` it is `pooler_output`, or
/// `image_embeds`; a network without them refuses `pool`.
#[derive(Debug)]
pub struct ImageFeatureExtraction {
    network: Arc<ImageNetwork>,
    output: String,
    pooled: Option<String>,
}

impl Task for ImageFeatureExtraction {
    const NAME: &'static str = "image-feature-extraction";
    const EXAMPLE: &'static str = EXAMPLE;
    const IS_PARTIAL: bool = true;
    const MAX_INPUTS: usize = super::runs::MAX_IMAGES;
    type Input = Image;
    type Parameters = ImageFeatureExtractionParameters;
    type Prediction = ImageFeatures;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let processor = ImageProcessor::load(&context.assets)?;
        let inputs = ImageInputs::of(&context.network.inputs, &processor, &[])?;
        let outputs = &context.network.outputs;
        let named = |name: &str| outputs.iter().find(|output| output.name == name).map(|output| output.name.clone());
        let output = outputs.first().map(|output| output.name.clone());
        let output = output.ok_or_else(|| TaskError::new("expected an output, got none"))?;
        let pooled = named("pooler_output").or_else(|| named("image_embeds"));
        Ok(Self { network: Arc::new(ImageNetwork { processor, inputs }), output, pooled })
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Image> {
        image_of_file(&file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Image>,
        parameters: ImageFeatureExtractionParameters,
    ) -> Result<Predictions<ImageFeatures>, PredictError> {
        let output = match (parameters.pool.unwrap_or(false), &self.pooled) {
            (false, _) => self.output.clone(),
            (true, Some(pooled)) => pooled.clone(),
            (true, None) => {
                return Err(bad_parameter("pool", "the network has no output \"pooler_output\" or \"image_embeds\""));
            }
        };
        let images = call.check_inputs(self.network.process(&call, inputs).await?)?;
        let (accepted, places) = split_inputs(images);
        let outputs = self.network.run(&call, accepted).await?;
        let predict = move |_: &_| {
            let predictions = outputs.iter().map(|outputs| features(outputs, &output)).collect();
            Ok::<_, PredictError>(places.merge(predictions))
        };
        Ok(call.compute(CpuWork::json(call.output_size()), predict).await?.into())
    }
}

/// The values of the output `name`, in lists by its shape.
fn features(outputs: &[Tensor], name: &str) -> Result<ImageFeatures, PredictError> {
    let (values, mut shape) = values(outputs, name)?;
    let rows = |values: &[f32], width: usize| values.chunks(width.max(1)).map(<[f32]>::to_vec).collect::<Vec<_>>();
    if shape.is_empty() {
        shape.push(1);
    }
    Ok(match *shape.as_slice() {
        [_] => ImageFeatures::Vector(values),
        [_, width] => ImageFeatures::Matrix(rows(&values, width)),
        [_, height, width] => {
            ImageFeatures::Map(values.chunks((height * width).max(1)).map(|channel| rows(channel, width)).collect())
        }
        _ => {
            let got = shape.len() + 1;
            return Err(PredictError::internal(format!("output {name:?}: expected 2 to 4 dimensions, got {got}")));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_have_the_shape_of_the_output() {
        let of = |shape: Vec<usize>| {
            let values: Vec<f32> = (0_u8..4).map(f32::from).collect();
            features(&[Tensor::new("x", shape, values).expect("a tensor")], "x")
        };
        assert_eq!(of(vec![1, 4]).expect("features"), ImageFeatures::Vector(vec![0.0, 1.0, 2.0, 3.0]));
        assert_eq!(of(vec![1, 2, 2]).expect("features"), ImageFeatures::Matrix(vec![vec![0.0, 1.0], vec![2.0, 3.0]]));
        let map = ImageFeatures::Map(vec![vec![vec![0.0], vec![1.0]], vec![vec![2.0], vec![3.0]]]);
        assert_eq!(of(vec![1, 2, 2, 1]).expect("features"), map);
        assert!(of(vec![2, 2]).is_err() && of(vec![1, 1, 2, 2, 1]).is_err());
    }
}
