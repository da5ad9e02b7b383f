//! The answers of calls.

use std::time::Duration;

use amaas_wire::Tensor;
use amaas_wire::predict::Usage;
use amaas_wire::receipt::SignedReceipt;

/// The answer of [`Model::predict`](crate::Model::predict): one or more predictions, in the order of the inputs.
#[derive(Clone, Debug)]
pub struct Answer<P> {
    /// Never empty: a call without inputs is refused, and so is an answer with another number of predictions.
    pub(crate) predictions: Vec<P>,
    pub(crate) model: String,
    pub(crate) version: String,
    pub(crate) usage: Usage,
    pub(crate) trace: CallTrace,
}

impl<P> Answer<P> {
    /// The same answer with each prediction mapped.
    pub(crate) fn map<R>(self, to: impl FnMut(P) -> R) -> Answer<R> {
        let Self { predictions, model, version, usage, trace } = self;
        Answer { predictions: predictions.into_iter().map(to).collect(), model, version, usage, trace }
    }

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

    /// The usage of the call.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// The receipt that the service signed for this call, to keep as a proof; `None` if the service has no signer. It matches this
    /// request and answer, or the call would have failed. If signers are [pinned](crate::ClientBuilder::signers), one of them signed it.
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

    /// The request id, to quote to the operator.
    pub fn request_id(&self) -> &str {
        &self.trace.request_id
    }

    /// The number of attempts; 1 without retries.
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

    /// The version that answered, if the service states it.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The usage of the call; `None` from another server of the protocol.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The receipt of the call, as [`Answer::receipt`].
    pub fn receipt(&self) -> Option<&SignedReceipt> {
        self.trace.receipt.as_ref()
    }

    /// The request id, to quote to the operator.
    pub fn request_id(&self) -> &str {
        &self.trace.request_id
    }

    /// The number of attempts; 1 without retries.
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
        /// The execution provider in use, such as `cpu`, if the service states it.
        execution_provider: Option<String>,
    },
    /// Not yet, or not any more.
    #[non_exhaustive]
    NotReady {
        /// The reason, if the service states it.
        reason: Option<String>,
    },
}

impl Readiness {
    /// Whether calls will be answered.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

/// How a call was answered.
#[derive(Clone, Debug)]
pub(crate) struct CallTrace {
    pub(crate) request_id: String,
    /// A receipt that matches the call.
    pub(crate) receipt: Option<SignedReceipt>,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
}
