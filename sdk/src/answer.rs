//! What calls answer.

use std::time::Duration;

use amaas_wire::Tensor;
use amaas_wire::predict::Usage;
use amaas_wire::receipt::SignedReceipt;

/// The answer of [`Model::predict`](crate::Model::predict): one prediction or more, in the order of the inputs.
#[derive(Clone, Debug)]
pub struct Answer<P> {
    /// Never empty: a call without inputs is refused, and an answer with another number of predictions too.
    pub(crate) predictions: Vec<P>,
    pub(crate) model: String,
    pub(crate) version: String,
    pub(crate) usage: Usage,
    pub(crate) trace: CallTrace,
}

impl<P> Answer<P> {
    /// The first prediction, which is the only one of a call with one input.
    #[allow(clippy::missing_panics_doc)] // it cannot: see the field
    pub fn prediction(&self) -> &P {
        &self.predictions[0]
    }

    /// The first prediction, by value.
    #[allow(clippy::missing_panics_doc)] // it cannot: see the field
    pub fn into_prediction(mut self) -> P {
        self.predictions.swap_remove(0)
    }

    /// One prediction for each input, in their order.
    pub fn predictions(&self) -> &[P] {
        &self.predictions
    }

    /// One prediction for each input, by value.
    pub fn into_predictions(self) -> Vec<P> {
        self.predictions
    }

    /// The model that answered.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The version that answered.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What the call is counted as.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// What the service signed of this call, to be kept and shown to others; `None` where it signs nothing. It is for what was
    /// sent and answered here, or the call would have failed, and by a [pinned](crate::ClientBuilder::signers) signer where
    /// there is one.
    ///
    /// ```
    /// # use amaas::{Answer, VerifyingKey};
    /// fn file<P>(answer: &Answer<P>, signer: VerifyingKey) -> Result<String, Box<dyn std::error::Error>> {
    ///     let Some(signed) = answer.receipt() else { return Ok("no receipt".to_owned()) };
    ///     let receipt = signed.verify(&[signer])?;
    ///     println!("{} {} of {}, version {}", receipt.usage.units, receipt.usage.unit, receipt.model, receipt.version);
    ///     Ok(signed.to_string())
    /// }
    /// ```
    pub fn receipt(&self) -> Option<&SignedReceipt> {
        self.trace.receipt.as_ref()
    }

    /// The id to quote to whoever runs the service.
    pub fn request_id(&self) -> &str {
        &self.trace.request_id
    }

    /// How many times the request was sent; 1 where nothing went wrong.
    pub fn attempts(&self) -> u32 {
        self.trace.attempts
    }

    /// How long the call took, retries and waits included.
    pub fn elapsed(&self) -> Duration {
        self.trace.elapsed
    }
}

/// The answer of [`Model::infer`](crate::Model::infer): tensors by name.
#[derive(Clone, Debug)]
pub struct InferAnswer {
    pub(crate) outputs: Vec<Tensor>,
    pub(crate) model: String,
    pub(crate) version: Option<String>,
    pub(crate) usage: Option<Usage>,
    pub(crate) trace: CallTrace,
}

impl InferAnswer {
    /// The output tensor `name`.
    pub fn output(&self, name: &str) -> Option<&Tensor> {
        self.outputs.iter().find(|tensor| tensor.name() == name)
    }

    /// Every output tensor, in the order of the answer.
    pub fn outputs(&self) -> &[Tensor] {
        &self.outputs
    }

    /// Every output tensor, by value.
    pub fn into_outputs(self) -> Vec<Tensor> {
        self.outputs
    }

    /// The model that answered.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The version that answered, where the service says.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What the call is counted as; `None` from a service that speaks the protocol but is not amaas.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What the service signed of this call, as [`Answer::receipt`].
    pub fn receipt(&self) -> Option<&SignedReceipt> {
        self.trace.receipt.as_ref()
    }

    /// The id to quote to whoever runs the service.
    pub fn request_id(&self) -> &str {
        &self.trace.request_id
    }

    /// How many times the request was sent; 1 where nothing went wrong.
    pub fn attempts(&self) -> u32 {
        self.trace.attempts
    }

    /// How long the call took, retries and waits included.
    pub fn elapsed(&self) -> Duration {
        self.trace.elapsed
    }
}

/// Whether a model answers calls, as [`Model::ready`](crate::Model::ready) finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// Calls will be answered.
    #[non_exhaustive]
    Ready {
        /// The execution provider in use, such as `cpu`, where the service says.
        execution_provider: Option<String>,
    },
    /// Not yet, or not any more.
    #[non_exhaustive]
    NotReady {
        /// Why, where the service says.
        reason: Option<String>,
    },
}

impl Readiness {
    /// Whether calls will be answered.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

/// How an answer came about.
#[derive(Clone, Debug)]
pub(crate) struct CallTrace {
    pub(crate) request_id: String,
    /// One that was held against the call.
    pub(crate) receipt: Option<SignedReceipt>,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
}
