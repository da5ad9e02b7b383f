//! The pipeline `audio-classification`.

use std::sync::Arc;

use amaas_model::task::{
    CpuWork, ModelCall, PredictError, Predictions, Task, TaskContext, TaskError, checkpoint, split_inputs,
};
use amaas_wire::pipeline::{Audio, AudioClassificationParameters, FunctionToApply, LabelScore};
use bytes::Bytes;

use super::ctc::FrameRate;
use super::features::{AudioFeatures, FeatureExtractor};
use super::network::{AudioNetwork, SoundOutput};
use super::runs;
use super::sounds::{self, audio_of_file, sound};
use crate::export::{ClassLabels, ConfigFile};
use crate::parameters::check_top_k;
use crate::scores::{ranked, scores};

/// The pipeline `audio-classification`: a sound in, labels with scores out, the most probable one first.
///
/// It reads `config.json` (labels, convolutions) and `preprocessor_config.json` (the feature extractor). Its network takes
/// `input_values` or `input_features`, and `attention_mask` if it has that, and gives `logits` of `[batch, labels]`.
#[derive(Debug)]
pub struct AudioClassification {
    extractor: FeatureExtractor,
    network: AudioNetwork,
    /// The fewest samples.
    min_samples: usize,
    labels: ClassLabels,
}

impl AudioClassification {
    fn features(&self, audio: &Audio) -> Result<AudioFeatures, PredictError> {
        let sound = sound(audio, self.extractor.rate())?;
        self.network.features(&self.extractor, sound.samples(), self.min_samples).map_err(PredictError::invalid)
    }

    fn prediction(
        &self,
        (shape, values): &SoundOutput,
        parameters: &AudioClassificationParameters,
    ) -> Result<Vec<LabelScore>, PredictError> {
        let [classes] = shape.as_slice() else {
            return Err(PredictError::internal(format!("expected an output for each label, got the shape {shape:?}")));
        };
        if self.labels.count() != *classes {
            let count = self.labels.count();
            return Err(PredictError::internal(format!(
                "expected an output for each of {count} labels, got {classes}"
            )));
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err(PredictError::not_finite("the network gave a score that is no finite number"));
        }
        let function = parameters.function_to_apply.unwrap_or(FunctionToApply::Softmax);
        let classes =
            self.labels.iter().zip(scores(values, function)).map(|(label, score)| LabelScore::new(label, score));
        Ok(ranked(classes.collect(), Some(parameters.top_k.unwrap_or(DEFAULT_TOP))))
    }
}

impl Task for AudioClassification {
    const NAME: &'static str = "audio-classification";
    const EXAMPLE: &'static str = sounds::EXAMPLE;
    const IS_PARTIAL: bool = true;
    const MAX_INPUTS: usize = sounds::MAX_INPUTS;
    type Input = Audio;
    type Parameters = AudioClassificationParameters;
    type Prediction = Vec<LabelScore>;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let config = ConfigFile::read(&context.assets, "config.json")?;
        let extractor = FeatureExtractor::read(&context.assets)?;
        let network = AudioNetwork::of(&context.network, 2)?;
        network.expect(&extractor)?;
        let min_samples = match extractor {
            FeatureExtractor::Wav2Vec2(_) | FeatureExtractor::Seamless(_) => {
                FrameRate::of(&config, &extractor)?.min_samples
            }
            FeatureExtractor::Ast(_) | FeatureExtractor::Whisper(_) => 1,
        };
        let labels = ClassLabels::load(context, &config, network.output_width(&context.network))?;
        Ok(Self { extractor, network, min_samples, labels })
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Audio> {
        audio_of_file(file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Audio>,
        parameters: AudioClassificationParameters,
    ) -> Result<Predictions<Vec<LabelScore>>, PredictError> {
        check_top_k(parameters.top_k)?;
        let task = Arc::clone(&self);
        let work = CpuWork::heavy(call.input_size(), amaas_audio::MAX_MEMORY_BYTES);
        let extract = move |_: &_| {
            let mut features = Vec::with_capacity(inputs.len());
            for audio in &inputs {
                features.push(task.features(audio));
                checkpoint()?;
            }
            Ok::<_, PredictError>(features)
        };
        let (features, places) = split_inputs(call.check_inputs(call.compute(work, extract).await?)?);
        let outputs = runs::run(&call, &self.network, &features.iter().collect::<Vec<_>>()).await?;
        let predictions = outputs.iter().map(|output| self.prediction(output, &parameters)).collect();
        Ok(places.merge(predictions).into())
    }
}

/// As in `transformers`.
const DEFAULT_TOP: usize = 5;
