//! A task gives a network typed inputs and predictions: the one thing that a model owner writes. It is a [`Task`], or an
//! [`Embedder`] where it makes vectors of texts, a [`Matcher`] where it holds texts against something else, or a [`Generator`] where
//! it goes on with them.

mod embed;
mod generate;
mod inputs;
mod matching;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amaas_wire::{Tensor, TensorError};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub use self::embed::{AnyEmbedder, Plan, QUICK_TEXT, Texts, Vectors};
pub use self::embed::{Embedder, Tokens};
pub use self::generate::{AnyGenerator, Generator};
pub use self::inputs::inputs;
pub use self::matching::Matcher;
pub use self::matching::{AnyMatcher, Prepare};
use crate::error::PredictError;
use crate::schema::{Schemas, Typed};
use amaas_engine::Batching;
pub use amaas_engine::cpu::{Working, checkpoint};
pub use amaas_engine::generate::{TensorNames, Tokenizer};
pub use amaas_engine::{InvalidInput, TaskError};

/// Typed inputs to tensors, and tensors to typed predictions.
///
/// ```
/// use amaas_model::task::{Assets, InvalidInput, Task, TaskError};
/// use amaas_wire::{Tensor, TensorData};
///
/// /// Doubles numbers, through a network that does it.
/// struct Double;
///
/// impl Task for Double {
///     const NAME: &'static str = "double";
///     const EXAMPLE: &'static str = "1.5";
///     type Input = f32;
///     type Prediction = f32;
///
///     fn from_assets(_: &Assets) -> Result<Self, TaskError> {
///         Ok(Self)
///     }
///
///     fn encode(&self, inputs: &[f32]) -> Result<Vec<Tensor>, InvalidInput> {
///         let data = inputs.to_vec();
///         Ok(vec![Tensor::new("x", vec![inputs.len(), 1], data).map_err(InvalidInput::new)?])
///     }
///
///     fn decode(&self, outputs: &[Tensor]) -> Result<Vec<f32>, TaskError> {
///         let y = outputs.first().and_then(|y| y.data().as_f32());
///         Ok(y.ok_or_else(|| TaskError::new("the network gave no FP32 output"))?.to_vec())
///     }
/// }
/// ```
pub trait Task: Sized + Send + Sync + 'static {
    /// The task's name, which a manifest asks for.
    const NAME: &'static str;
    /// One entry of the `inputs` of a request, as JSON: for a first call, and for documents.
    const EXAMPLE: &'static str;
    /// Bodies of up to this many bytes take less than 500 µs to encode, so that no other call has to wait for it; 0 where
    /// the work does not follow from the size, as with packed images.
    const QUICK: usize = amaas_engine::cpu::QUICK;
    /// Bytes of memory that encoding takes beyond its inputs and tensors: what takes much waits for its like.
    const MEMORY: usize = 0;
    /// One entry of the `inputs` of a request. Its schema stands in `GET /openapi.json`, so a type of your own derives that beside
    /// what it derives of serde:
    ///
    /// ```
    /// use schemars::{self, JsonSchema};
    /// use serde::Deserialize;
    ///
    /// /// What callers read of it in the document.
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Review {
    ///     text: String,
    ///     stars: Option<u8>,
    /// }
    /// ```
    type Input: DeserializeOwned + JsonSchema + Send;
    /// One entry of the `predictions` of an answer, with its schema.
    type Prediction: Serialize + JsonSchema;

    /// Makes the task from the files that were published with the network.
    ///
    /// # Errors
    /// When a file is missing or is not what it should be; the function then never gets ready.
    fn from_assets(assets: &Assets) -> Result<Self, TaskError>;

    /// Makes the network's inputs, one row for each of `inputs`, which is never empty. Where an input takes long it asks
    /// [`checkpoint`] between them.
    ///
    /// # Errors
    /// [`InvalidInput`] is shown to the caller; it must not hold a value of the payload.
    fn encode(&self, inputs: &[Self::Input]) -> Result<Vec<Tensor>, InvalidInput>;

    /// Makes one prediction for each row of the network's outputs.
    ///
    /// # Errors
    /// When the outputs are not what the network should give: a fault of the model, not of the caller.
    fn decode(&self, outputs: &[Tensor]) -> Result<Vec<Self::Prediction>, TaskError>;
}

/// The files that were published with a network, verified.
#[derive(Clone, Debug, Default)]
pub struct Assets(BTreeMap<String, Bytes>);

impl Assets {
    /// Assets from names and bytes.
    pub fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// The bytes of the file `name`.
    ///
    /// # Errors
    /// When it was not published.
    pub fn bytes(&self, name: &str) -> Result<&Bytes, TaskError> {
        self.0.get(name).ok_or_else(|| TaskError::new(format!("asset {name:?} was not published with the model")))
    }

    /// The text of the file `name`.
    ///
    /// # Errors
    /// When it was not published or is not UTF-8.
    pub fn text(&self, name: &str) -> Result<&str, TaskError> {
        std::str::from_utf8(self.bytes(name)?)
            .map_err(|error| TaskError::new(format!("asset {name:?} is not UTF-8: {error}")))
    }
}

/// The tasks that a function was built with, by name.
#[derive(Clone, Default)]
pub struct Tasks {
    known: BTreeMap<&'static str, Known>,
    elsewhere: BTreeSet<String>,
}

#[derive(Clone)]
struct Known {
    make: Make,
    example: &'static str,
    /// The names of the networks that it runs beside the model's own.
    networks: &'static [&'static str],
}

type Make = fn(&Assets) -> Result<Arc<dyn AnyTask>, TaskError>;

impl Tasks {
    /// These and `T`.
    #[must_use]
    pub fn with<T: Task>(mut self) -> Self {
        let make: Make = |assets| Ok(Arc::new(Erased(T::from_assets(assets)?)));
        self.known.insert(T::NAME, Known { make, example: T::EXAMPLE, networks: &[] });
        self
    }

    /// These and `E`.
    #[must_use]
    pub fn with_embedder<E: Embedder>(mut self) -> Self {
        let make: Make = |assets| Ok(Arc::new(embed::Erased(E::from_assets(assets)?)));
        self.known.insert(E::NAME, Known { make, example: E::EXAMPLE, networks: &[] });
        self
    }

    /// These and `M`.
    #[must_use]
    pub fn with_matcher<M: Matcher>(mut self) -> Self {
        let make: Make = |assets| Ok(Arc::new(matching::Erased::<M>::from_assets(assets)?));
        self.known.insert(M::NAME, Known { make, example: M::EXAMPLE, networks: const { &[M::TEXTS] } });
        self
    }

    /// These and `G`.
    #[must_use]
    pub fn with_generator<G: Generator>(mut self) -> Self {
        let make: Make = |assets| Ok(Arc::new(generate::Erased(G::from_assets(assets)?)));
        self.known.insert(G::NAME, Known { make, example: G::EXAMPLE, networks: &[] });
        self
    }

    /// These, and models with the task `name` are published although this program does not have it: by a word of their publisher
    /// that the program which will serve them does.
    #[must_use]
    pub fn with_unchecked(mut self, name: impl Into<String>) -> Self {
        self.elsewhere.insert(name.into());
        self
    }

    /// Whether models with the task `name` are published unchecked.
    pub fn is_unchecked(&self, name: &str) -> bool {
        !self.known.contains_key(name) && self.elsewhere.contains(name)
    }

    /// The names of all tasks that this program has.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.known.keys().copied()
    }

    /// The example input of the task `name`, as JSON.
    pub fn example(&self, name: &str) -> Option<&'static str> {
        self.known.get(name).map(|known| known.example)
    }

    /// Makes the task `name` of a model that was published with `networks` beside its own.
    pub fn make_with<'n>(
        &self,
        name: &str,
        assets: &Assets,
        networks: impl Iterator<Item = &'n String>,
    ) -> Result<Arc<dyn AnyTask>, TaskError> {
        let wanted = self.known.get(name).map_or(&[][..], |known| known.networks);
        let task = self.make(name, assets)?;
        let (got, show) = (networks.collect::<Vec<_>>(), |names: &[&str]| match names {
            [] => "no network".to_owned(),
            names => format!("the networks {names:?}"),
        });
        if got.iter().copied().eq(wanted) {
            return Ok(task);
        }
        let got: Vec<_> = got.iter().map(|name| name.as_str()).collect();
        Err(TaskError::new(format!("expected {} beside the model's own, got {}", show(wanted), show(&got))))
    }

    /// Makes the task `name`.
    pub fn make(&self, name: &str, assets: &Assets) -> Result<Arc<dyn AnyTask>, TaskError> {
        let Some(Known { make, .. }) = self.known.get(name) else {
            let known = self.names().collect::<Vec<_>>().join(", ");
            return Err(TaskError::new(format!("the function was built without task {name:?}; it has: {known}")));
        };
        make(assets)
    }
}

/// A [`Task`] without its types: JSON in, JSON out.
pub trait AnyTask: Send + Sync {
    /// Bodies of more bytes than this are encoded beside the runtime.
    fn quick(&self) -> usize;

    /// See [`Task::MEMORY`].
    fn memory(&self) -> usize {
        0
    }

    /// The most inputs of one call.
    fn most_inputs(&self) -> usize {
        usize::MAX
    }

    /// One input, as JSON.
    fn example(&self) -> &'static str;

    /// The bodies of `predict`.
    fn typed(&self, schemas: &mut Schemas) -> Typed;

    /// Reads a `predict` body of at most `limit` inputs and makes the network's inputs.
    fn encode(
        self: Arc<Self>,
        working: &Working,
        body: &[u8],
        limit: usize,
        batching: Batching,
    ) -> Result<Encoded, PredictError>;

    /// The same task as one that makes vectors of texts, where it does.
    fn embedder(self: Arc<Self>) -> Option<Arc<dyn AnyEmbedder>> {
        None
    }

    /// The same task as one with two networks, where it is.
    fn matcher(self: Arc<Self>) -> Option<Arc<dyn AnyMatcher>> {
        None
    }

    /// The same task as one that goes on with texts, where it does.
    fn generator(self: Arc<Self>) -> Option<Arc<dyn AnyGenerator>> {
        None
    }
}

/// What a call's inputs ask of the network.
pub struct Encoded {
    /// The inputs of each run.
    pub runs: Vec<Vec<Tensor>>,
    /// How many tokens go through the network, where the task counts them.
    pub tokens: Option<u64>,
    /// Makes the JSON list of predictions from the outputs of each run.
    pub decode: Box<Decode>,
}

/// Outputs that are not finite are refused: as JSON they would be null.
pub type Decode = dyn FnOnce(&[Vec<Tensor>]) -> Result<Box<RawValue>, PredictError> + Send;

struct Erased<T>(T);

impl<T: Task> AnyTask for Erased<T> {
    fn quick(&self) -> usize {
        T::QUICK
    }

    fn memory(&self) -> usize {
        T::MEMORY
    }

    fn example(&self) -> &'static str {
        T::EXAMPLE
    }

    fn typed(&self, schemas: &mut Schemas) -> Typed {
        Typed::of::<T::Input, T::Prediction>(schemas, T::EXAMPLE)
    }

    fn encode(
        self: Arc<Self>,
        _: &Working,
        body: &[u8],
        limit: usize,
        batching: Batching,
    ) -> Result<Encoded, PredictError> {
        let inputs = inputs::<T::Input>(body, limit)?;
        let count = inputs.len();
        // Of a network that is not known to have a batch, each input has a run of its own.
        let rows = if batching.has_rows() { count } else { 1 };
        let mut runs = Vec::with_capacity(count.div_ceil(rows));
        for inputs in inputs.chunks(rows) {
            runs.push(self.0.encode(inputs).map_err(PredictError::from)?);
        }
        let decode = Box::new(move |outputs: &[Vec<Tensor>]| self.decode(outputs, rows));
        Ok(Encoded { runs, tokens: None, decode })
    }
}

impl<T: Task> Erased<T> {
    /// Makes the JSON list of the predictions of all runs, `rows` of each.
    fn decode(&self, runs: &[Vec<Tensor>], rows: usize) -> Result<Box<RawValue>, PredictError> {
        let mut predictions = Vec::with_capacity(runs.len() * rows);
        for outputs in runs {
            finite(outputs, predictions.len(), rows)?;
            let of_run = self.0.decode(outputs).map_err(|error| PredictError::internal(error))?;
            if of_run.len() != rows {
                let got = of_run.len();
                return Err(PredictError::internal(format!(
                    "task {} made {got} predictions of {rows} inputs",
                    T::NAME
                )));
            }
            predictions.extend(of_run);
        }
        serde_json::value::to_raw_value(&predictions).map_err(|error| PredictError::internal(error))
    }
}

/// Refuses `outputs` of the `count` inputs from the one `first` on where a value is no finite number, and says of which input it is, where
/// each has a row.
fn finite(outputs: &[Tensor], first: usize, count: usize) -> Result<(), PredictError> {
    for output in outputs {
        let Err(TensorError::NotFinite { index, .. }) = output.check_finite() else { continue };
        let row = if output.rows() == Some(count) { (index * count).checked_div(output.data().len()) } else { None };
        let of = if count == 1 { Some(0) } else { row };
        let of = of.map_or_else(String::new, |row| format!("inputs[{}]: ", first + row));
        let name = output.name();
        return Err(PredictError::not_finite(format!(
            "{of}the network gave {name:?} a value that is no finite number"
        )));
    }
    Ok(())
}

/// The most inputs of a call unless `AMAAS_MAX_ROWS` says otherwise.
pub const DEFAULT_MAX_INPUTS: usize = 4096;
/// The largest body of a call unless `AMAAS_MAX_BODY_BYTES` says otherwise.
pub const DEFAULT_MAX_BODY_BYTES: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    struct First;

    impl Task for First {
        const NAME: &'static str = "first";
        const EXAMPLE: &'static str = "1";
        type Input = f32;
        type Prediction = f32;

        fn from_assets(_: &Assets) -> Result<Self, TaskError> {
            Ok(Self)
        }

        fn encode(&self, inputs: &[f32]) -> Result<Vec<Tensor>, InvalidInput> {
            Ok(vec![Tensor::new("x", vec![inputs.len()], inputs.to_vec()).map_err(InvalidInput::new)?])
        }

        fn decode(&self, outputs: &[Tensor]) -> Result<Vec<f32>, TaskError> {
            Ok(outputs[0].data().as_f32().map(<[f32]>::to_vec).unwrap_or_default())
        }
    }

    #[test]
    fn outputs_that_are_not_finite_are_refused_and_not_null() {
        let output = |value| [vec![Tensor::new("y", vec![1], vec![value]).expect("one value")]];
        assert_eq!(Erased(First).decode(&output(0.5), 1).expect("finite").get(), "[0.5]");
        for value in [f32::NAN, f32::INFINITY] {
            let error = Erased(First).decode(&output(value), 1).expect_err("not finite");
            assert_eq!(error.classify().class.slug, "unwritable-answer");
            assert_eq!(error.to_string(), "inputs[0]: the network gave \"y\" a value that is no finite number");
        }
        let rows = |shape: Vec<usize>| {
            let count = shape.iter().product();
            let values = (0..count).map(|index| if index + 2 == count { f32::NAN } else { 0.0 }).collect::<Vec<_>>();
            let output = [Tensor::new("y", shape, values).expect("as many")];
            finite(&output, 4, 3).expect_err("not finite").to_string()
        };
        assert_eq!(rows(vec![3, 2]), "inputs[6]: the network gave \"y\" a value that is no finite number");
        assert_eq!(rows(vec![3, 1]), "inputs[5]: the network gave \"y\" a value that is no finite number");
        assert_eq!(rows(vec![2, 2]), "the network gave \"y\" a value that is no finite number", "no row each");
    }

    #[test]
    fn a_body_is_read_up_to_the_limit() {
        let encode = |body: &str| {
            let encoded = Arc::new(Erased(First)).encode(&Working::at_once(), body.as_bytes(), 2, Batching::Rows);
            encoded.map(|encoded| encoded.runs[0][0].shape().to_vec())
        };
        assert_eq!(encode(r#"{"inputs":[1,2]}"#).expect("two"), [2]);
        for (body, expected) in [
            (r#"{"inputs":[]}"#, "inputs: expected at least one entry, got none"),
            (r#"{"inputs":[1,2,3]}"#, "inputs: expected at most 2 entries, got more"),
        ] {
            let error = encode(body).expect_err(body);
            assert_eq!((error.classify().class.slug, error.to_string().as_str()), ("invalid-input", expected));
        }
    }
}
