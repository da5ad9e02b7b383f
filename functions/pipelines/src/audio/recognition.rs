//! The pipeline `automatic-speech-recognition`, for networks with connectionist temporal classification (CTC).

use std::sync::Arc;

use amaas_model::task::{
    CpuWork, ModelCall, PredictError, Predictions, Task, TaskContext, TaskError, checkpoint, split_inputs,
};
use amaas_wire::pipeline::{Audio, SpeechChunk, SpeechRecognitionParameters, SpeechTranscript, Timestamps};
use bytes::Bytes;

use super::ctc::{CtcText, CtcVocabulary, FrameRate, TokenSpan, Window, Windowing};
use super::features::{AudioFeatures, FeatureExtractor};
use super::network::{AudioNetwork, SoundOutput};
use super::runs;
use super::sounds::{self, audio_of_file, sound};
use crate::export::ConfigFile;
use crate::parameters::bad_parameter;

/// The pipeline `automatic-speech-recognition`: a sound in, what was said out. Tokens are decoded greedily, as `transformers` decodes
/// them without a language model.
///
/// It reads `config.json` (convolutions), `preprocessor_config.json` (the feature extractor), and `vocab.json` with
/// `tokenizer_config.json`, or `tokenizer.json`. Its network takes `input_values` or `input_features`, and `attention_mask` if it has
/// that, and gives `logits` of `[batch, frames, vocabulary]`. Networks with a decoder, such as Whisper, are refused.
#[derive(Debug)]
pub struct SpeechRecognition {
    extractor: FeatureExtractor,
    network: AudioNetwork,
    frames: FrameRate,
    vocabulary: CtcVocabulary,
}

/// A sound in windows.
type Windows = Vec<(Window, AudioFeatures)>;

impl SpeechRecognition {
    fn windows(&self, audio: &Audio, windowing: Option<Windowing>, limit: usize) -> Result<Windows, PredictError> {
        let sound = sound(audio, self.extractor.rate())?;
        let count = sound.samples().len();
        let mut windows = windowing.map_or_else(|| vec![Window::whole(count)], |windowing| windowing.windows(count));
        if windows.len() > 1 {
            // A rest without a frame says nothing.
            windows.retain(|window| window.samples.len() >= self.frames.min_samples);
        }
        if windows.len() > limit {
            let got = windows.len();
            return Err(PredictError::invalid(format!("expected a sound of at most {limit} windows, got {got}")));
        }
        let features = windows.into_iter().map(|window| {
            let samples = sound.samples().get(window.samples.clone()).unwrap_or_default();
            let features = self.network.features(&self.extractor, samples, self.frames.min_samples)?;
            checkpoint().map_err(|error| error.to_string())?;
            Ok((window, features))
        });
        features.collect::<Result<_, String>>().map_err(PredictError::invalid)
    }

    /// The most likely token of each frame of a window that is its own.
    fn tokens(&self, window: &Window, (shape, values): &SoundOutput) -> Result<Vec<usize>, PredictError> {
        let [frames, tokens] = shape.as_slice() else {
            return Err(PredictError::internal(format!("expected frames and tokens, got the shape {shape:?}")));
        };
        if !values.iter().all(|value| value.is_finite()) {
            return Err(PredictError::not_finite("the network gave a score that is no finite number"));
        }
        let own = window.own_frames(*frames, self.frames);
        let rows = values.chunks_exact((*tokens).max(1)).skip(own.start).take(own.len());
        Ok(rows.map(largest).collect())
    }

    fn transcript(&self, tokens: &[usize], timestamps: Timestamps) -> SpeechTranscript {
        let text = CtcText::decode(&self.vocabulary, tokens);
        let spans = match timestamps {
            Timestamps::Characters => Some(text.characters().to_vec()),
            Timestamps::Words => Some(text.words()),
            _ => None,
        };
        #[allow(clippy::cast_precision_loss)] // numbers of frames
        let seconds = |frame: usize| (frame * self.frames.samples_per_frame) as f64 / f64::from(self.extractor.rate());
        let chunk = |TokenSpan { text, frames }| SpeechChunk::new(text, seconds(frames.start), seconds(frames.end));
        SpeechTranscript::new(text.into_text(), spans.map(|spans| spans.into_iter().map(chunk).collect()))
    }

    /// The tokens of a sound, from those of its windows.
    fn joined(&self, windows: &Windows, outputs: &[SoundOutput]) -> Result<Vec<usize>, PredictError> {
        let mut tokens = Vec::new();
        for ((window, _), output) in windows.iter().zip(outputs) {
            tokens.extend(self.tokens(window, output)?);
        }
        Ok(tokens)
    }
}

impl Task for SpeechRecognition {
    const NAME: &'static str = "automatic-speech-recognition";
    const EXAMPLE: &'static str = sounds::EXAMPLE;
    const IS_PARTIAL: bool = true;
    const MAX_INPUTS: usize = sounds::MAX_INPUTS;
    type Input = Audio;
    type Parameters = SpeechRecognitionParameters;
    type Prediction = SpeechTranscript;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let config = ConfigFile::read(&context.assets, "config.json")?;
        expect_ctc(&config)?;
        let extractor = FeatureExtractor::read(&context.assets)?;
        if !matches!(extractor, FeatureExtractor::Wav2Vec2(_) | FeatureExtractor::Seamless(_)) {
            return Err(TaskError::new(format!(
                "{}: feature_extractor_type: expected that of a CTC network, such as Wav2Vec2FeatureExtractor",
                FeatureExtractor::FILE
            )));
        }
        let network = AudioNetwork::of(&context.network, 3)?;
        network.expect(&extractor)?;
        let frames = FrameRate::of(&config, &extractor)?;
        Ok(Self { extractor, network, frames, vocabulary: CtcVocabulary::read(&context.assets)? })
    }

    fn input_of_file(file: Bytes, media_type: &str) -> Option<Audio> {
        audio_of_file(file, media_type)
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        inputs: Vec<Audio>,
        parameters: SpeechRecognitionParameters,
    ) -> Result<Predictions<SpeechTranscript>, PredictError> {
        let timestamps = parameters.return_timestamps;
        if timestamps == Timestamps::Segments {
            let what = "expected false, \"char\" or \"word\", as of any CTC network, got true";
            return Err(bad_parameter("return_timestamps", what));
        }
        let windowing = Windowing::of(&parameters, (self.extractor.rate(), self.frames));
        let windowing = windowing.map_err(|error| bad_parameter(error.parameter, &error.message))?;
        let (task, limit) = (Arc::clone(&self), call.max_rows());
        let work = CpuWork::heavy(call.input_size(), amaas_audio::MAX_MEMORY_BYTES);
        let extract = move |_: &_| {
            let mut all = Vec::with_capacity(inputs.len());
            for audio in &inputs {
                all.push(task.windows(audio, windowing, limit));
                checkpoint()?;
            }
            Ok::<_, PredictError>(all)
        };
        let (sounds, places) = split_inputs(call.check_inputs(call.compute(work, extract).await?)?);
        let features: Vec<&AudioFeatures> = sounds.iter().flatten().map(|(_, features)| features).collect();
        let outputs = runs::run(&call, &self.network, &features).await?;
        let decode = move |_: &_| {
            let mut rest = outputs.as_slice();
            let transcripts = sounds.iter().map(|windows| {
                let (own, others) = rest.split_at_checked(windows.len()).unwrap_or((rest, &[]));
                rest = others;
                Ok(self.transcript(&self.joined(windows, own)?, timestamps))
            });
            let transcripts = transcripts.collect();
            Ok::<_, PredictError>(places.merge(transcripts))
        };
        Ok(call.compute(CpuWork::json(call.output_size()), decode).await?.into())
    }
}

/// Refuses networks with a decoder, which need more than one network.
fn expect_ctc(config: &ConfigFile) -> Result<(), TaskError> {
    const SERVED: &str = "expected a CTC network, such as Wav2Vec2ForCTC, HubertForCTC or WavLMForCTC";
    let kind = config.optional::<String>("model_type")?.unwrap_or_default();
    let has_decoder = config.optional("is_encoder_decoder")?.unwrap_or(false);
    if has_decoder || WITH_DECODER.contains(&kind.as_str()) {
        return Err(config.error("model_type", format!("{SERVED}, got {kind:?}, whose decoder is not served yet")));
    }
    let architectures = config.optional::<Vec<String>>("architectures")?.unwrap_or_default();
    if !architectures.is_empty() && !architectures.iter().any(|name| name.ends_with("CTC")) {
        return Err(config.error("architectures", format!("{SERVED}, got {architectures:?}")));
    }
    Ok(())
}

/// The place of the largest of `scores`; the first of equal ones.
fn largest(scores: &[f32]) -> usize {
    let largest = scores.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    largest.map_or(0, |(place, _)| place)
}

const WITH_DECODER: [&str; 6] =
    ["moonshine", "seamless_m4t", "speech-encoder-decoder", "speech_to_text", "speecht5", "whisper"];
