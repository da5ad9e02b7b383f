//! Two modalities in one answer: what the model's own network makes of an input, held against vectors of texts that a second
//! network makes meanwhile.
//!
//! Each path prepares its tensors and runs its network by itself, so that a call takes as long as the slower of the two. What
//! the task needs vectors of before the first call, such as its labels, is run once, when the model is loaded.

use std::sync::{Arc, OnceLock};

use amaas_wire::Tensor;
use amaas_wire::task::Embedding;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::embed::{self, AnyEmbedder, Embedder, Plan, Texts};
use super::{AnyTask, Assets, Encoded, InvalidInput, TaskError, Working, finite, inputs};
use crate::error::PredictError;
use crate::schema::{Schemas, Typed};
use amaas_engine::Batching;
use amaas_engine::infer::{join, split};

/// Inputs with texts, for a network of another modality and one that makes vectors of texts; serve it with
/// [`Tasks::with_matcher`](super::Tasks::with_matcher).
///
/// `functions/match` is one: an image and texts.
pub trait Matcher: Sized + Send + Sync + 'static {
    /// The task's name, which a manifest asks for.
    const NAME: &'static str;
    /// One entry of the `inputs` of a request, as JSON: for a first call, for documents, and for the trial when a model is published.
    const EXAMPLE: &'static str;
    /// The name of the network that makes vectors of texts, beside the model's own: `amaas publish --network NAME=FILE`.
    const TEXTS: &'static str;
    /// The most inputs of one call.
    const MOST_INPUTS: usize;
    /// Bytes of memory that [`encode`](Self::encode) takes beyond its input and tensors: what takes much waits for its like.
    const MEMORY: usize = 0;
    /// Texts to tokens, and the output of the network [`TEXTS`](Self::TEXTS).
    type Texts: Embedder;
    /// One entry of the `inputs` of a request.
    type Input: DeserializeOwned + JsonSchema + Send + Sync;
    /// What the task keeps of the vectors of [`known`](Self::known).
    type Known: Send + Sync;
    /// One entry of the `predictions` of an answer.
    type Prediction: Serialize + JsonSchema;

    /// Makes the task from the files that were published with the networks.
    ///
    /// # Errors
    /// When a file is missing or is not what it should be; the function then never gets ready.
    fn from_assets(assets: &Assets) -> Result<Self, TaskError>;

    /// The texts whose vectors the task needs before its first call.
    fn known(&self) -> &[String];

    /// Takes the vectors of [`known`](Self::known), in their order: once, when the model is loaded.
    ///
    /// # Errors
    /// When they are not what the task needs; the function then never gets ready.
    fn learn(&self, vectors: Vec<Embedding>) -> Result<Self::Known, TaskError>;

    /// The texts of `input`.
    ///
    /// # Errors
    /// [`InvalidInput`] is shown to the caller; it must not hold a value of the payload.
    fn texts<'i>(&self, input: &'i Self::Input) -> Result<&'i [String], InvalidInput>;

    /// The inputs of the model's own network for `input`: one row, of the same shape for each.
    ///
    /// # Errors
    /// [`InvalidInput`] is shown to the caller; it must not hold a value of the payload.
    fn encode(&self, input: &Self::Input) -> Result<Vec<Tensor>, InvalidInput>;

    /// The prediction for `input`, from the outputs of the model's own network for it, and from the vectors of its texts.
    ///
    /// # Errors
    /// When the outputs are not what the network should give: a fault of the model, not of the caller.
    fn decode(
        &self,
        known: &Self::Known,
        input: &Self::Input,
        outputs: &[Tensor],
        vectors: &[Embedding],
    ) -> Result<Self::Prediction, TaskError>;
}

/// A [`Matcher`] without its types.
pub trait AnyMatcher: Send + Sync {
    /// The name of the network that makes vectors of texts.
    fn texts(&self) -> &'static str;
    /// Makes the runs for the texts that are known before the first call.
    fn known(&self, working: &Working, batching: Batching) -> Result<Plan, PredictError>;
    /// Takes their vectors.
    fn learn(&self, vectors: Vec<Embedding>) -> Result<(), TaskError>;
    /// Reads a `predict` body of at most `limit` inputs, and of at most as many texts.
    fn read(self: Arc<Self>, working: &Working, body: &[u8], limit: usize) -> Result<Paths, PredictError>;
    /// The example: one input, as JSON.
    fn example(&self) -> &'static str;
}

/// The two ways of a call, and where they meet.
pub struct Paths {
    /// Makes the runs of the model's own network.
    pub own: Box<Prepare<Vec<Vec<Tensor>>>>,
    /// Makes the runs of the network for texts.
    pub texts: Box<Prepare<Plan>>,
    /// Makes the JSON list of predictions from the outputs of the model's own runs, and from the vectors of all texts.
    pub decode: Box<Meet>,
}

/// Makes runs, for a network whose rows may share one or not.
pub type Prepare<T> = dyn FnOnce(&Working, Batching) -> Result<T, PredictError> + Send;
/// Makes the answer of what both networks gave.
pub(super) type Meet = dyn FnOnce(&[Vec<Tensor>], &[Embedding]) -> Result<Box<RawValue>, PredictError> + Send;

pub(super) struct Erased<M: Matcher> {
    task: M,
    embedder: embed::Erased<M::Texts>,
    known: OnceLock<M::Known>,
}

impl<M: Matcher> Erased<M> {
    pub(super) fn from_assets(assets: &Assets) -> Result<Self, TaskError> {
        let embedder = embed::Erased(M::Texts::from_assets(assets)?);
        Ok(Self { task: M::from_assets(assets)?, embedder, known: OnceLock::new() })
    }

    fn own(
        &self,
        working: &Working,
        inputs: &[M::Input],
        batching: Batching,
    ) -> Result<Vec<Vec<Tensor>>, PredictError> {
        let encode = |(index, input)| {
            let tensors = self.task.encode(input).map_err(|error| refused(index, &error))?;
            working.go_on(1)?;
            Ok::<_, PredictError>(tensors)
        };
        let rows = inputs.iter().enumerate().map(encode).collect::<Result<Vec<_>, _>>()?;
        if !batching.has_rows() {
            return Ok(rows);
        }
        let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
        Ok(vec![join(&rows).map_err(|error| PredictError::internal(error))?])
    }

    fn predictions(
        &self,
        inputs: &[M::Input],
        outputs: &[Vec<Tensor>],
        mut vectors: &[Embedding],
    ) -> Result<Box<RawValue>, PredictError> {
        let known = self.known.get().ok_or_else(|| PredictError::internal("a call before the model was loaded"))?;
        let joined = match outputs {
            [outputs] if inputs.len() > 1 => split(outputs, &vec![1; inputs.len()]),
            _ => None,
        };
        let outputs = joined.as_deref().unwrap_or(outputs);
        if outputs.len() != inputs.len() {
            return Err(PredictError::internal(format!(
                "{} rows of outputs for {} inputs",
                outputs.len(),
                inputs.len()
            )));
        }
        let mut predictions = Vec::with_capacity(inputs.len());
        for (index, (input, outputs)) in inputs.iter().zip(outputs).enumerate() {
            finite(outputs, index, 1)?;
            let texts = self.task.texts(input).map_err(|error| PredictError::internal(error))?;
            let (its, rest) =
                vectors.split_at_checked(texts.len()).ok_or_else(|| PredictError::internal("too few vectors"))?;
            let prediction = self.task.decode(known, input, outputs, its);
            predictions.push(prediction.map_err(|error| PredictError::internal(error))?);
            vectors = rest;
        }
        serde_json::value::to_raw_value(&predictions).map_err(|error| PredictError::internal(error))
    }
}

impl<M: Matcher> AnyMatcher for Erased<M> {
    fn texts(&self) -> &'static str {
        M::TEXTS
    }

    fn known(&self, working: &Working, batching: Batching) -> Result<Plan, PredictError> {
        self.embedder.plan(working, Texts::cut("known", self.task.known()), batching)
    }

    fn learn(&self, vectors: Vec<Embedding>) -> Result<(), TaskError> {
        let known = self.task.learn(vectors)?;
        // Whoever was first learned the same.
        let _ = self.known.set(known);
        Ok(())
    }

    fn read(self: Arc<Self>, _: &Working, body: &[u8], limit: usize) -> Result<Paths, PredictError> {
        let (inputs, mut texts) = (Arc::new(inputs::<M::Input>(body, limit.min(M::MOST_INPUTS))?), Vec::new());
        for (index, input) in inputs.iter().enumerate() {
            texts.extend_from_slice(self.task.texts(input).map_err(|error| refused(index, &error))?);
            if texts.len() > limit {
                return Err(PredictError::invalid(format!("expected at most {limit} texts in one call, got more")));
            }
        }
        let (one, other) = ((Arc::clone(&self), Arc::clone(&inputs)), Arc::clone(&self));
        Ok(Paths {
            own: Box::new(move |working, batching| one.0.own(working, &one.1, batching)),
            texts: Box::new(move |working, batching| {
                other.embedder.plan(working, Texts::cut("texts", &texts), batching)
            }),
            decode: Box::new(move |outputs, vectors| self.predictions(&inputs, outputs, vectors)),
        })
    }

    fn example(&self) -> &'static str {
        M::EXAMPLE
    }
}

impl<M: Matcher> AnyTask for Erased<M> {
    fn quick(&self) -> usize {
        0
    }

    fn memory(&self) -> usize {
        M::MEMORY
    }

    fn most_inputs(&self) -> usize {
        M::MOST_INPUTS
    }

    fn example(&self) -> &'static str {
        M::EXAMPLE
    }

    fn typed(&self, schemas: &mut Schemas) -> Typed {
        Typed::of::<M::Input, M::Prediction>(schemas, M::EXAMPLE).at_most(M::MOST_INPUTS)
    }

    fn encode(self: Arc<Self>, _: &Working, _: &[u8], _: usize, _: Batching) -> Result<Encoded, PredictError> {
        Err(PredictError::internal("a matcher has two networks, and no runs for one"))
    }

    fn matcher(self: Arc<Self>) -> Option<Arc<dyn AnyMatcher>> {
        Some(self)
    }
}

fn refused(index: usize, error: &InvalidInput) -> PredictError {
    PredictError::invalid(format!("inputs[{index}]: {error}"))
}
