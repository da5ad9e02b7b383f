//! The inputs and the output of a network that reads the features of sounds.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::task::{NetworkInfo, TaskError};
use amaas_wire::{Datatype, Tensor, TensorData};
use half::f16;

use super::features::{AudioFeatures, FeatureExtractor};

/// The inputs and the output of a network that reads the features of sounds, as it declares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioNetwork {
    features: TensorSpec,
    mask: Option<TensorSpec>,
    output: String,
}

/// The shape of what a network gave for one sound, without a batch, and its values.
pub type SoundOutput = (Vec<usize>, Vec<f32>);

impl AudioNetwork {
    /// Reads the tensors of a network whose output `logits` has `output_rank` dimensions, the batch included.
    ///
    /// # Errors
    /// If it takes no features of sounds, needs another input, or has no such output.
    pub fn of(network: &NetworkInfo, output_rank: usize) -> Result<Self, TaskError> {
        let names = |tensors: &[TensorSpec]| tensors.iter().map(|tensor| tensor.name.clone()).collect::<Vec<_>>();
        let features = network.inputs.iter().find(|input| FEATURES.contains(&input.name.as_str()));
        let features = features.ok_or_else(|| {
            TaskError::new(format!(
                "expected a network with an input of {FEATURES:?}, got {:?}",
                names(&network.inputs)
            ))
        })?;
        expect_datatype(features, &[Datatype::Fp32, Datatype::Fp16])?;
        let mask = network.inputs.iter().find(|input| input.name == MASK);
        if let Some(mask) = mask {
            expect_datatype(mask, &[Datatype::Int64, Datatype::Int32, Datatype::Bool])?;
        }
        let other = |input: &&TensorSpec| input.name != features.name && input.name != MASK && !input.optional;
        if let Some(other) = network.inputs.iter().find(other) {
            let name = &other.name;
            return Err(TaskError::new(format!("input {name:?}: expected {:?} and {MASK:?} only", features.name)));
        }
        let output = network.outputs.iter().find(|output| output.name == LOGITS).or(match network.outputs.as_slice() {
            [only] => Some(only),
            _ => None,
        });
        let output = output.ok_or_else(|| {
            TaskError::new(format!("expected a network with an output {LOGITS:?}, got {:?}", names(&network.outputs)))
        })?;
        expect_datatype(output, &[Datatype::Fp32, Datatype::Fp16, Datatype::Fp64])?;
        if !output.shape.is_empty() && output.shape.len() != output_rank {
            let got = output.shape.len();
            return Err(TaskError::new(format!(
                "output {:?}: expected {output_rank} dimensions, got {got}",
                output.name
            )));
        }
        Ok(Self { features: features.clone(), mask: mask.cloned(), output: output.name.clone() })
    }

    /// The size of the last dimension of the output, if it is fixed.
    pub fn output_width(&self, network: &NetworkInfo) -> Option<usize> {
        network.outputs.iter().find(|output| output.name == self.output)?.shape.last().and_then(Dim::fixed)
    }

    /// The number of samples that the network is fixed to, if it takes samples.
    fn fixed_samples(&self) -> Option<usize> {
        match self.features.shape.as_slice() {
            [_, samples] => samples.fixed(),
            _ => None,
        }
    }

    /// Checks that the network takes what `extractor` gives.
    ///
    /// # Errors
    /// If it takes features of another name or shape.
    pub fn expect(&self, extractor: &FeatureExtractor) -> Result<(), TaskError> {
        let (name, shape) = extractor.output();
        let declared = self.features.shape.as_slice();
        let fits = |(dim, size): (&Dim, &Option<usize>)| match (dim.fixed(), size) {
            (Some(fixed), Some(size)) => fixed == *size,
            _ => true,
        };
        let has_shape =
            declared.is_empty() || declared.len() == shape.len() + 1 && declared.iter().skip(1).zip(&shape).all(fits);
        if self.features.name == name && has_shape {
            return Ok(());
        }
        let size = |size: Option<usize>| size.map_or_else(|| "any".to_owned(), |size| size.to_string());
        let sizes = |sizes: Vec<Option<usize>>| sizes.into_iter().map(size).collect::<Vec<_>>().join(", ");
        let got = sizes(declared.iter().skip(1).map(Dim::fixed).collect());
        Err(TaskError::new(format!(
            "{}: expected a network with the input {name:?} of [batch, {}], got {:?} of [batch, {got}]",
            FeatureExtractor::FILE,
            sizes(shape),
            self.features.name
        )))
    }

    /// The features of `samples`, padded if the network takes a fixed number of samples.
    ///
    /// # Errors
    /// If there are fewer samples than `least`, or more than the network takes; the text is for the client.
    pub fn features(
        &self,
        extractor: &FeatureExtractor,
        samples: &[f32],
        least: usize,
    ) -> Result<AudioFeatures, String> {
        let (count, rate) = (samples.len(), extractor.rate());
        if count < least {
            return Err(format!("expected a sound of at least {least} samples at {rate} Hz, got {count}"));
        }
        let mut features = extractor.extract(samples);
        if let (Some(fixed), FeatureExtractor::Wav2Vec2(extractor)) = (self.fixed_samples(), extractor) {
            if count > fixed {
                return Err(format!("expected a sound of at most {fixed} samples at {rate} Hz, got {count}"));
            }
            features.pad(fixed, extractor.padding_value());
        }
        Ok(features)
    }

    /// The tensors of a run over `sounds`, which have one shape.
    ///
    /// # Errors
    /// If they do not.
    pub fn tensors(&self, sounds: &[&AudioFeatures]) -> Result<Vec<Tensor>, TaskError> {
        let first = sounds.first().ok_or_else(|| TaskError::new("expected a sound"))?;
        let mut values = Vec::with_capacity(sounds.len() * first.values.len());
        for sound in sounds {
            values.extend_from_slice(&sound.values);
        }
        let shape = [&[sounds.len()], first.shape.as_slice()].concat();
        let data = match self.features.datatype {
            Datatype::Fp16 => TensorData::from(values.into_iter().map(f16::from_f32).collect::<Vec<_>>()),
            _ => TensorData::from(values),
        };
        let mut tensors = vec![Tensor::new(&self.features.name, shape, data).map_err(TaskError::new)?];
        if let Some(mask) = &self.mask {
            tensors.push(mask_tensor(mask, sounds, first.frames)?);
        }
        Ok(tensors)
    }

    /// The values for each of the `count` sounds of a run, from its `outputs`.
    ///
    /// # Errors
    /// If the network gave something else: a fault of the model.
    pub fn outputs(&self, outputs: &[Tensor], count: usize) -> Result<Vec<SoundOutput>, TaskError> {
        let output = outputs.iter().find(|output| output.name() == self.output);
        let output = output.ok_or_else(|| TaskError::new(format!("the network gave no output {:?}", self.output)))?;
        let [rows, shape @ ..] = output.shape() else { return Err(TaskError::new("the output has no batch")) };
        if *rows != count {
            return Err(TaskError::new(format!("output {:?}: expected {count} rows, got {rows}", self.output)));
        }
        let values = floats(output)?;
        let size = shape.iter().product::<usize>().max(1);
        Ok(values.chunks(size).map(|values| (shape.to_vec(), values.to_vec())).collect())
    }
}

/// A mask of ones, but for the frames that are hidden.
fn mask_tensor(mask: &TensorSpec, sounds: &[&AudioFeatures], frames: usize) -> Result<Tensor, TaskError> {
    let seen = sounds.iter().flat_map(|sound| {
        let seen = frames.saturating_sub(sound.hidden);
        (0..frames).map(move |frame| frame < seen)
    });
    let data = match mask.datatype {
        Datatype::Bool => TensorData::Bool(seen.collect()),
        Datatype::Int32 => TensorData::from(seen.map(i32::from).collect::<Vec<_>>()),
        _ => TensorData::from(seen.map(i64::from).collect::<Vec<_>>()),
    };
    Tensor::new(&mask.name, vec![sounds.len(), frames], data).map_err(TaskError::new)
}

/// The values of `output`, in FP32.
fn floats(output: &Tensor) -> Result<Vec<f32>, TaskError> {
    #[allow(clippy::cast_possible_truncation)] // scores need no more than 32 bits
    match output.data() {
        TensorData::Fp32(values) => Ok(values.to_vec()),
        TensorData::Fp16(values) => Ok(values.iter().map(|value| value.to_f32()).collect()),
        TensorData::Fp64(values) => Ok(values.iter().map(|value| *value as f32).collect()),
        other => {
            let (name, got) = (output.name(), other.datatype());
            Err(TaskError::new(format!("output {name:?}: expected FP16, FP32 or FP64, got {got}")))
        }
    }
}

fn expect_datatype(tensor: &TensorSpec, expected: &[Datatype]) -> Result<(), TaskError> {
    if expected.contains(&tensor.datatype) {
        return Ok(());
    }
    let (name, got) = (&tensor.name, tensor.datatype);
    let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    Err(TaskError::new(format!("tensor {name:?}: expected {}, got {got}", expected.join(" or "))))
}

const FEATURES: [&str; 2] = ["input_values", "input_features"];
const MASK: &str = "attention_mask";
const LOGITS: &str = "logits";

#[cfg(test)]
mod tests {
    use amaas_engine::TensorSpec;

    use super::*;
    use crate::export::ConfigFile;

    fn spec(name: &str, datatype: Datatype, sizes: &[Option<usize>]) -> TensorSpec {
        let dim = |size: &Option<usize>| size.map_or_else(|| Dim::Symbol("n".to_owned()), Dim::Fixed);
        TensorSpec::new(name, datatype, sizes.iter().map(dim).collect())
    }

    fn network(inputs: Vec<TensorSpec>, output: TensorSpec) -> NetworkInfo {
        NetworkInfo { inputs, outputs: vec![output], ..NetworkInfo::default() }
    }

    fn logits() -> TensorSpec {
        spec("logits", Datatype::Fp32, &[None, Some(6)])
    }

    fn extractor(kind: &str) -> FeatureExtractor {
        let config = format!(r#"{{"feature_extractor_type":"{kind}FeatureExtractor","do_normalize":false}}"#);
        let config = ConfigFile::parse(FeatureExtractor::FILE, config.as_bytes()).expect("an object");
        FeatureExtractor::of(&config).expect("an extractor")
    }

    #[test]
    fn a_network_gets_the_types_and_the_length_that_it_declares() {
        let inputs = vec![
            spec("input_values", Datatype::Fp16, &[None, Some(4)]),
            spec("attention_mask", Datatype::Int32, &[None, Some(4)]),
        ];
        let info = network(inputs, logits());
        let network = AudioNetwork::of(&info, 2).expect("a network");
        assert_eq!(network.output_width(&info), Some(6));
        let extractor = extractor("Wav2Vec2");
        network.expect(&extractor).expect("samples");
        let features = |samples: &[f32]| network.features(&extractor, samples, 2);
        let sounds = [features(&[0.5, 0.25]).expect("padded"), features(&[1.0; 4]).expect("whole")];
        let tensors = network.tensors(&sounds.iter().collect::<Vec<_>>()).expect("tensors");
        let values: Vec<f16> = [0.5, 0.25, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0].map(f16::from_f32).to_vec();
        assert_eq!((tensors[0].shape(), tensors[0].data()), (&[2, 4][..], &TensorData::from(values)));
        assert_eq!(tensors[1].data(), &TensorData::from(vec![1_i32, 1, 0, 0, 1, 1, 1, 1]));
        for (samples, expected) in
            [(1, "at least 2 samples at 16000 Hz, got 1"), (5, "at most 4 samples at 16000 Hz, got 5")]
        {
            let error = features(&vec![0.0; samples]).expect_err(expected);
            assert_eq!(error, format!("expected a sound of {expected}"));
        }
    }

    #[test]
    fn outputs_of_any_float_type_are_split_by_sound() {
        let network =
            AudioNetwork::of(&network(vec![spec("input_values", Datatype::Fp32, &[None, None])], logits()), 2);
        let network = network.expect("a network");
        for data in [TensorData::from(vec![1.0_f32, 2.0]), TensorData::from(vec![1.0_f64, 2.0])] {
            let outputs = [Tensor::new("logits", vec![2, 1], data).expect("two values")];
            let got = network.outputs(&outputs, 2).expect("two rows");
            assert_eq!(got, [(vec![1], vec![1.0]), (vec![1], vec![2.0])]);
            assert!(network.outputs(&outputs, 3).is_err());
        }
    }

    #[test]
    fn networks_that_read_no_sounds_are_refused() {
        let samples = || spec("input_values", Datatype::Fp32, &[None, None]);
        for (inputs, output, expected) in [
            (vec![spec("x", Datatype::Fp32, &[])], logits(), "expected a network with an input of [\"input_values\", "),
            (
                vec![spec("input_values", Datatype::Int64, &[])],
                logits(),
                "tensor \"input_values\": expected FP32 or FP16",
            ),
            (
                vec![samples(), spec("rate", Datatype::Fp32, &[])],
                logits(),
                "input \"rate\": expected \"input_values\" and",
            ),
            (
                vec![samples()],
                spec("logits", Datatype::Fp32, &[None]),
                "output \"logits\": expected 2 dimensions, got 1",
            ),
            (vec![samples()], spec("y", Datatype::Int64, &[None, None]), "tensor \"y\": expected FP32 or FP16 or FP64"),
        ] {
            let error = AudioNetwork::of(&network(inputs, output), 2).expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let network = AudioNetwork::of(&network(vec![samples()], logits()), 2).expect("a network");
        assert_eq!(
            network.expect(&extractor("Whisper")).expect_err("a spectrogram").to_string(),
            "preprocessor_config.json: expected a network with the input \"input_features\" of [batch, 80, 3000], got \"input_values\" of \
             [batch, any]"
        );
    }
}
