//! Text embedding: the adapter for sentence encoders, which also answer `OpenAI`'s `/v1/embeddings`.
//!
//! A call's texts are sorted by length and run in batches of bounded size, so that little of a run is padding, and a few long
//! texts among many cannot exhaust memory. If publishing found that rows of a run affect one another, as with dynamic
//! quantisation, each text has its own run without padding. So a text's vector does not depend on other texts.

use std::sync::Arc;

use amaas_engine::cpu::CpuPermit;
use amaas_engine::{Batching, InvalidInput, TaskError, TensorSpec};
use amaas_wire::openai::{EmbeddingInput, Truncation};
use amaas_wire::predict::NoParameters;
use amaas_wire::task::Embedding;
use amaas_wire::{Tensor, TensorData};
use async_trait::async_trait;

use super::{
    Cost, CpuWork, EmbeddingInputs, EmbeddingTexts, EmbeddingsInterface, ModelCall, Predictions, Task, TaskContext,
    TaskInterfaces, UsageUnit,
};
use crate::error::PredictError;

/// The tokenizer of a network that embeds texts; registered as [`TextEmbedding`].
///
/// Its predictions are [`Embedding`]s, and `POST /v1/embeddings` takes the model.
///
/// ```
/// use amaas_model::task::{InvalidInput, TaskContext, TaskError, Tasks, TextEmbedding, TextEncoder, TextTokens};
/// use amaas_wire::{Tensor, TensorData};
///
/// /// Reads bytes, 64 at most.
/// struct Bytes;
///
/// impl TextEncoder for Bytes {
///     const NAME: &'static str = "bytes";
///     const EXAMPLE: &'static str = r#""A text.""#;
///     const OUTPUT: &'static str = "vector";
///
///     fn load(_: &TaskContext) -> Result<Self, TaskError> {
///         Ok(Self)
///     }
///
///     fn tokens(&self, text: &str) -> Result<TextTokens, InvalidInput> {
///         let ids = text.bytes().take(64).map(i64::from).collect();
///         Ok(TextTokens { ids, truncated: text.len() > 64 })
///     }
///
///     fn tensors(&self, rows: &[TextTokens], length: usize) -> Result<Vec<Tensor>, InvalidInput> {
///         let padded = rows.iter().flat_map(|row| (0..length).map(|at| row.ids.get(at).copied().unwrap_or(-1)));
///         let data: Vec<i64> = padded.collect();
///         Ok(vec![Tensor::new("bytes", vec![rows.len(), length], data).map_err(InvalidInput::new)?])
///     }
/// }
///
/// let tasks = Tasks::default().with::<TextEmbedding<Bytes>>();
/// assert_eq!(tasks.names().collect::<Vec<_>>(), ["bytes"]);
/// ```
pub trait TextEncoder: Sized + Send + Sync + 'static {
    /// See [`Task::NAME`].
    const NAME: &'static str;
    /// One text, as JSON: for the `OpenAPI` document, and for a trial.
    const EXAMPLE: &'static str;
    /// The network's output with the vectors: FP32 `[batch, dimensions]`. Vectors are normalised to length 1.
    const OUTPUT: &'static str;

    /// See [`Task::load`].
    ///
    /// # Errors
    /// If a file is missing or not valid; the function then never gets ready.
    fn load(context: &TaskContext) -> Result<Self, TaskError>;

    /// Tokenises `text`, truncated to what the network reads.
    ///
    /// # Errors
    /// [`InvalidInput`] is shown to the caller; it must not hold a value of the payload.
    fn tokens(&self, text: &str) -> Result<TextTokens, InvalidInput>;

    /// The number of tokens of all of `text`, if it is quick to count: for the error about a text that is too long.
    fn count(&self, text: &str) -> Option<usize> {
        let _ = text;
        None
    }

    /// The network's inputs for `rows`, which is never empty. Each row is padded to `length`, in a way that changes no vector.
    ///
    /// # Errors
    /// As for [`tokens`](Self::tokens).
    fn tensors(&self, rows: &[TextTokens], length: usize) -> Result<Vec<Tensor>, InvalidInput>;
}

/// The tokens of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTokens {
    /// Their ids, special tokens included.
    pub ids: Vec<i64>,
    /// Whether the text has more tokens than the network reads.
    pub truncated: bool,
}

/// A [`TextEncoder`] as a [`Task`].
pub struct TextEmbedding<E> {
    encoder: Arc<E>,
    dimensions: Option<usize>,
}

impl<E: TextEncoder> Task for TextEmbedding<E> {
    const NAME: &'static str = E::NAME;
    const EXAMPLE: &'static str = E::EXAMPLE;
    const UNIT: UsageUnit = UsageUnit::Tokens;
    type Input = String;
    type Parameters = NoParameters;
    type Prediction = Embedding;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let dimensions = dimensions::<E>(&context.network.outputs);
        Ok(Self { encoder: Arc::new(E::load(context)?), dimensions })
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        texts: Vec<String>,
        _: NoParameters,
    ) -> Result<Predictions<Embedding>, PredictError> {
        Ok(self
            .embed_texts(call, EmbeddingTexts { texts, member: "inputs", truncation: Truncation::End })
            .await?
            .into())
    }

    fn interfaces(self: &Arc<Self>) -> TaskInterfaces {
        TaskInterfaces::default().with_embeddings(Arc::clone(self) as Arc<dyn EmbeddingsInterface>)
    }
}

#[async_trait]
impl<E: TextEncoder> EmbeddingsInterface for TextEmbedding<E> {
    fn non_unit_norm(&self, outputs: &[Tensor]) -> Option<f64> {
        let output = outputs.iter().find(|output| output.name() == E::OUTPUT)?;
        let norm = norm(output.data().as_f32()?.get(..*output.shape().get(1)?)?);
        (!is_unit(norm)).then_some(norm)
    }

    async fn embed(self: Arc<Self>, call: ModelCall, inputs: EmbeddingInputs) -> Result<Vec<Embedding>, PredictError> {
        let EmbeddingInputs { input, dimensions, prompt_name, truncation } = inputs;
        if prompt_name.is_some() {
            return Err(PredictError::parameter("prompt_name", "prompt_name: expected none: the model has no prompts"));
        }
        check_dimensions(dimensions, self.dimensions)?;
        let EmbeddingInput::Texts(texts) = input else { return Err(PredictError::parameter("input", NO_TOKEN_IDS)) };
        let embeddings = self.embed_texts(call, EmbeddingTexts { texts, member: "input", truncation }).await?;
        // The network may not declare the length.
        check_dimensions(dimensions, embeddings.first().map(|embedding| embedding.embedding.len()))?;
        Ok(embeddings)
    }
}

impl<E: TextEncoder> TextEmbedding<E> {
    /// A vector of length 1 for each text, in order.
    async fn embed_texts(&self, call: ModelCall, texts: EmbeddingTexts) -> Result<Vec<Embedding>, PredictError> {
        let (network, encoder) = (call.networks().own(), Arc::clone(&self.encoder));
        let batching = network.batching();
        let job = move |working: &CpuPermit| encode_texts(&*encoder, working, &texts, batching);
        let mut tokenised = call.compute(CpuWork::text(call.input_size()), job).await?;
        let runs = network.prepare(tokenised.take_runs(), call.tenant(), call.max_rows())?;
        let charge = call.charge(Cost::tokens(runs.rows(), tokenised.tokens())).await?;
        let outputs = call.run(&charge, network, runs).await?;
        call.compute(CpuWork::json(call.output_size()), move |_| tokenised.vectors(&outputs)).await
    }
}

/// Refuses a length `got` of vectors that is not the `expected` one.
fn check_dimensions(got: Option<usize>, expected: Option<usize>) -> Result<(), PredictError> {
    match (got, expected) {
        (Some(got), Some(expected)) if got != expected => {
            let message = format!("dimensions: expected {expected}, which vectors of this model have, got {got}");
            Err(PredictError::parameter("dimensions", message))
        }
        _ => Ok(()),
    }
}

/// The length of the vectors, if the network declares it.
fn dimensions<E: TextEncoder>(outputs: &[TensorSpec]) -> Option<usize> {
    outputs.iter().find(|output| output.name == E::OUTPUT)?.shape.get(1)?.fixed()
}

/// Tokenises `texts` and batches them into runs. A task with an auxiliary text encoder calls it too.
///
/// # Errors
/// [`InputError`](crate::InputError) names the text.
pub fn encode_texts<E: TextEncoder>(
    encoder: &E,
    working: &CpuPermit,
    texts: &EmbeddingTexts,
    batching: Batching,
) -> Result<EncodedTexts, PredictError> {
    let EmbeddingTexts { texts, member, truncation } = texts;
    let tokens = |(index, text): (usize, &String)| {
        let refused = |what: &str| PredictError::invalid(format!("{member}[{index}]: {what}"));
        let tokens = encoder.tokens(text).map_err(|error| refused(&error.to_string()))?;
        if tokens.truncated && *truncation == Truncation::Refuse {
            let got = encoder.count(text).map_or_else(|| "more".to_owned(), |count| count.to_string());
            let most = tokens.ids.len();
            return Err(refused(&format!("expected at most {most} tokens where truncate is false, got {got}")));
        }
        working.record_progress((tokens.ids.len() as u64).max(1))?;
        Ok::<_, PredictError>(tokens)
    };
    let run = |rows: &[TextTokens], length| encoder.tensors(rows, length).map_err(PredictError::from);
    let texts: Vec<TextTokens> = texts.iter().enumerate().map(tokens).collect::<Result<_, _>>()?;
    let mut texts: Vec<_> = texts.into_iter().enumerate().collect();
    texts.sort_by_key(|(_, tokens)| tokens.ids.len());
    let (mut runs, mut rows) = (Vec::new(), Vec::with_capacity(texts.len()));
    let mut waiting: Vec<TextTokens> = Vec::new();
    let (mut longest, mut unpadded) = (0, 0);
    for (text, tokens) in texts {
        let length = padded_length(tokens.ids.len(), batching);
        unpadded += length;
        if !waiting.is_empty() && !may_share_run((waiting.len() + 1) * length, unpadded, batching) {
            runs.push(run(&std::mem::take(&mut waiting), longest)?);
            unpadded = length;
        }
        rows.push(TextRow { text, tokens: tokens.ids.len() as u64, truncated: tokens.truncated });
        waiting.push(tokens);
        longest = length;
    }
    if !waiting.is_empty() {
        runs.push(run(&waiting, longest)?);
    }
    Ok(EncodedTexts { runs, output: E::OUTPUT, member, rows })
}

/// Tokenised texts, batched into runs.
pub struct EncodedTexts {
    /// The inputs of each run.
    runs: Vec<Vec<Tensor>>,
    output: &'static str,
    member: &'static str,
    /// The rows of all runs, in order.
    rows: Vec<TextRow>,
}

struct TextRow {
    /// The index of its text in the call.
    text: usize,
    tokens: u64,
    truncated: bool,
}

impl EncodedTexts {
    /// Takes the inputs of each run.
    pub fn take_runs(&mut self) -> Vec<Vec<Tensor>> {
        std::mem::take(&mut self.runs)
    }

    /// The tokens that the network reads, without padding.
    pub fn tokens(&self) -> u64 {
        self.rows.iter().map(|row| row.tokens).sum()
    }

    /// One vector of length 1 for each text, in order, from the outputs of the runs.
    ///
    /// # Errors
    /// If a vector has length 0 or a value that is not finite, or an output has the wrong shape.
    pub fn vectors(self, outputs: &[Vec<Tensor>]) -> Result<Vec<Embedding>, PredictError> {
        let mut vectors = Vec::with_capacity(self.rows.len());
        for outputs in outputs {
            let output = outputs.iter().find(|output| output.name() == self.output);
            let Some((output, TensorData::Fp32(values))) = output.map(|output| (output, output.data())) else {
                return Err(PredictError::internal(format!("the network gave no FP32 output {:?}", self.output)));
            };
            match *output.shape() {
                [_, width] if width > 0 => vectors.extend(values.chunks_exact(width)),
                ref got => {
                    return Err(PredictError::internal(format!("{:?}: expected rows, got {got:?}", self.output)));
                }
            }
        }
        if vectors.len() != self.rows.len() {
            let (expected, got) = (self.rows.len(), vectors.len());
            return Err(PredictError::internal(format!("the network gave {got} vectors for {expected} texts")));
        }
        let mut embeddings: Vec<_> = self.rows.into_iter().zip(vectors).collect();
        // If several vectors are invalid, the error names the first text of the call.
        embeddings.sort_unstable_by_key(|(row, _)| row.text);
        let embedding = |(row, vector): (TextRow, &[f32])| {
            let none = |what| {
                PredictError::not_finite(format!("{}[{}]: the network gave a vector {what}", self.member, row.text))
            };
            let embedding = normalised(vector).map_err(none)?;
            Ok(Embedding { embedding, tokens: row.tokens, truncated: row.truncated })
        };
        embeddings.into_iter().map(embedding).collect()
    }
}

/// Normalises `vector` to length 1; a vector of length 1 keeps its bits. The error says what is wrong with it.
#[allow(clippy::cast_possible_truncation)] // it is a number of 32 bits, divided
fn normalised(vector: &[f32]) -> Result<Vec<f32>, &'static str> {
    match norm(vector) {
        norm if is_unit(norm) => Ok(vector.to_vec()),
        // Squares of FP32 cannot overflow FP64, so a value itself is not finite.
        norm if !norm.is_finite() => Err("with a value that is no finite number"),
        0.0 => Err("of length 0"),
        norm => Ok(vector.iter().map(|value| (f64::from(*value) / norm) as f32).collect()),
    }
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// Whether `norm` is 1, up to the rounding of FP32.
fn is_unit(norm: f64) -> bool {
    (norm - 1.0).abs() <= 1e-5
}

/// The padded length of a text of `length` tokens; calls with texts of about the same length share a run.
fn padded_length(length: usize, batching: Batching) -> usize {
    if batching.has_rows() { length.next_multiple_of(PADDING_STEP) } else { length }
}

/// Whether texts may share a run that have `together` tokens padded to the longest, and `unpadded` tokens padded separately.
fn may_share_run(together: usize, unpadded: usize, batching: Batching) -> bool {
    batching.has_rows() && together <= MAX_RUN_TOKENS && together <= 2 * unpadded
}

/// Why token ids are refused, and how to send texts.
const NO_TOKEN_IDS: &str = "input: expected a text or a list of texts, got token ids: this model takes none (LangChain's OpenAIEmbeddings \
                            sends texts with check_embedding_ctx_length=False)";
/// Lengths are padded to a multiple of this: at most 7 tokens of padding, and 64 lengths for texts of up to 512 tokens.
const PADDING_STEP: usize = 8;
/// Tokens of one run, with padding: 8 texts of 512 tokens or 128 of 32. Attention over 8 texts of 512 tokens with 12 heads takes 100 MB.
const MAX_RUN_TOKENS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use amaas_engine::Dim;

    /// A token for each byte, and a network that returns the first token of each row.
    struct Bytes;

    impl TextEncoder for Bytes {
        const NAME: &'static str = "bytes";
        const EXAMPLE: &'static str = r#""a""#;
        const OUTPUT: &'static str = "vector";

        fn load(_: &TaskContext) -> Result<Self, TaskError> {
            Ok(Self)
        }

        fn tokens(&self, text: &str) -> Result<TextTokens, InvalidInput> {
            let truncated = text.len() > 999;
            let most = if text.len() > 1100 { 999 } else { text.len() };
            Ok(TextTokens { ids: text.bytes().take(most).map(i64::from).collect(), truncated })
        }

        fn count(&self, text: &str) -> Option<usize> {
            Some(text.len())
        }

        fn tensors(&self, rows: &[TextTokens], length: usize) -> Result<Vec<Tensor>, InvalidInput> {
            let ids = rows.iter().flat_map(|row| (0..length).map(|at| row.ids.get(at).copied().unwrap_or_default()));
            let data: Vec<i64> = ids.collect();
            Ok(vec![Tensor::new("bytes", vec![rows.len(), length], data).map_err(InvalidInput::new)?])
        }
    }

    fn encoded(texts: &[String], batching: Batching) -> EncodedTexts {
        let texts = EmbeddingTexts { texts: texts.to_vec(), member: "inputs", truncation: Truncation::End };
        encode_texts(&Bytes, &CpuPermit::for_inline_work(), &texts, batching).expect("runs")
    }

    fn task(outputs: Vec<TensorSpec>) -> TextEmbedding<Bytes> {
        let network = crate::task::NetworkInfo { outputs, ..Default::default() };
        TextEmbedding::load(&TaskContext { network, ..TaskContext::default() }).expect("it needs no assets")
    }

    fn shapes(encoded: &EncodedTexts) -> Vec<Vec<usize>> {
        encoded.runs.iter().map(|run| run[0].shape().to_vec()).collect()
    }

    #[allow(clippy::cast_precision_loss)]
    fn outputs(encoded: &EncodedTexts, name: &str) -> Vec<Vec<Tensor>> {
        let first = |run: &Vec<Tensor>| {
            let TensorData::Int64(ids) = run[0].data() else { panic!("ids") };
            let shape = run[0].shape();
            let angles = ids.chunks_exact(shape[1]).map(|row| row[0] as f32 / 1e3);
            let values: Vec<f32> = angles.flat_map(|angle| [angle.sin(), angle.cos()]).collect();
            vec![Tensor::new(name, vec![shape[0], 2], values).expect("whole rows")]
        };
        encoded.runs.iter().map(first).collect()
    }

    fn is_not_finite(error: &PredictError) -> bool {
        matches!(error, PredictError::Run(amaas_engine::RunError::NotFinite(_)))
    }

    fn texts(lengths: &[usize]) -> Vec<String> {
        lengths
            .iter()
            .zip((b'a'..=b'z').cycle())
            .map(|(length, byte)| char::from(byte).to_string().repeat(*length))
            .collect()
    }

    #[test]
    fn runs_are_bounded_in_tokens_and_little_of_them_is_padding() {
        let mut lengths = vec![500; 20];
        lengths.extend([3; 20]);
        let encoded = encoded(&texts(&lengths), Batching::Rows);
        // Short texts with as many long ones as fit; 8 of 504 tokens fit in 4,096.
        assert_eq!(shapes(&encoded), [[20, 8], [8, 504], [8, 504], [4, 504]]);
        assert_eq!(encoded.tokens(), 20 * 500 + 20 * 3);
        // A few short texts are not padded to the length of a long one; texts of similar length share a run.
        assert_eq!(shapes(&self::encoded(&texts(&[500, 3, 3]), Batching::Rows)), [[2, 8], [1, 504]]);
        assert_eq!(shapes(&self::encoded(&texts(&[3, 12, 15, 9]), Batching::Rows)), [[4, 16]]);
    }

    #[test]
    fn a_text_runs_alone_where_rows_change_one_another() {
        let encoded = encoded(&texts(&[3, 9, 3]), Batching::None);
        assert_eq!(shapes(&encoded), [[1, 3], [1, 3], [1, 9]]);
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts() {
        for batching in [Batching::Rows, Batching::None] {
            let encoded = encoded(&texts(&[700, 2, 1000, 5, 700]), batching);
            let outputs = outputs(&encoded, "vector");
            let embeddings = encoded.vectors(&outputs).expect("vectors");
            let id = |it: &Embedding| (it.embedding[0].asin() * 1e3).round();
            let first: Vec<_> = embeddings.iter().map(|it| (id(it), it.tokens, it.truncated)).collect();
            let expected =
                [(97.0, 700, false), (98.0, 2, false), (99.0, 1000, true), (100.0, 5, false), (101.0, 700, false)];
            assert_eq!(first, expected);
        }
    }

    #[test]
    fn vectors_have_length_1_and_those_that_had_it_keep_their_bits() {
        for (vector, expected) in [
            (vec![0.6_f32, 0.8], Some(vec![0.6_f32, 0.8])),
            (vec![3.0, 4.0], Some(vec![0.6, 0.8])),
            (vec![3.0 * f32::exp2(100.0), f32::exp2(102.0)], Some(vec![0.6, 0.8])),
            (vec![0.0, 0.0], None),
        ] {
            let encoded = encoded(&texts(&[2]), Batching::None);
            let outputs = [vec![Tensor::new("vector", vec![1, 2], vector.clone()).expect("two values")]];
            let norm = task(vec![]).non_unit_norm(&outputs[0]);
            assert_eq!(norm.is_none(), vector == [0.6, 0.8], "{norm:?}");
            match encoded.vectors(&outputs) {
                Ok(read) => assert_eq!(Some(&read[0].embedding), expected.as_ref()),
                Err(error) => {
                    assert!(expected.is_none() && is_not_finite(&error), "{error:?}");
                    assert_eq!(error.to_string(), "inputs[0]: the network gave a vector of length 0");
                }
            }
        }
    }

    #[test]
    fn the_text_is_named_whose_vector_is_no_vector() {
        for (batching, broken) in [(Batching::Rows, 2), (Batching::None, 2), (Batching::Rows, 0)] {
            let encoded = encoded(&texts(&[700, 2, 9, 5]), batching);
            let mut outputs = outputs(&encoded, "vector");
            for output in outputs.iter_mut().flatten() {
                // The angle of a vector identifies its text: "a" is the first.
                let values: Vec<f32> = output.data().as_f32().expect("floats").to_vec();
                let values: Vec<f32> = values
                    .chunks(2)
                    .flat_map(|row| {
                        let letter = row[0].atan2(row[1]) * 1e3;
                        if (letter - 97.0 - f32::from(u8::try_from(broken).expect("small"))).abs() < 0.5 {
                            [row[0], f32::NAN]
                        } else {
                            [row[0], row[1]]
                        }
                    })
                    .collect();
                *output = Tensor::new("vector", output.shape().to_vec(), values).expect("as many");
            }
            let error = encoded.vectors(&outputs).expect_err("no number").to_string();
            assert!(error.starts_with(&format!("inputs[{broken}]: ")), "{error}");
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_refused_where_it_may_not_be_cut() {
        let texts = texts(&[3, 1200]);
        let encode = |truncation| {
            let texts = EmbeddingTexts { texts: texts.clone(), member: "input", truncation };
            encode_texts(&Bytes, &CpuPermit::for_inline_work(), &texts, Batching::Rows)
        };
        assert!(encode(Truncation::End).is_ok());
        let refused = encode(Truncation::Refuse);
        let refused = refused.err().expect("the second is too long");
        assert_eq!(refused.to_string(), "input[1]: expected at most 999 tokens where truncate is false, got 1200");
        assert!(matches!(refused, PredictError::Input(crate::InputError::Invalid(_))), "{refused:?}");
    }

    #[test]
    fn outputs_that_are_no_vectors_are_our_fault_and_not_null() {
        let read = |change: fn(&mut Vec<Vec<Tensor>>)| {
            let encoded = encoded(&texts(&[2, 2]), Batching::Rows);
            let mut outputs = outputs(&encoded, "vector");
            change(&mut outputs);
            encoded.vectors(&outputs).expect_err("no vectors")
        };
        assert_eq!(read(Vec::clear).for_operator(), "the network gave 0 vectors for 2 texts");
        let error = read(|outputs| outputs[0].clear());
        assert!(matches!(error, PredictError::Run(amaas_engine::RunError::Failed { .. })), "{error:?}");
        let error = read(|outputs| {
            let data = vec![f32::NAN; 4];
            outputs[0] = vec![Tensor::new("vector", vec![2, 2], data).expect("four values")];
        });
        assert!(is_not_finite(&error), "{error:?}");
        let expected = "inputs[0]: the network gave a vector with a value that is no finite number";
        assert_eq!(error.to_string(), expected);
        assert_eq!(task(vec![]).dimensions, None);
        let spec =
            TensorSpec::new("vector", amaas_wire::Datatype::Fp32, vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(2)]);
        assert_eq!(task(vec![spec]).dimensions, Some(2));
    }
}
