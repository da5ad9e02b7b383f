//! One model of a service.

use std::fmt;

use amaas_wire::Tensor;
use amaas_wire::oip::{InferRequest, ModelMetadata};
use amaas_wire::predict::{NoParameters, PredictRequest};
use amaas_wire::task::{Embedding, Generation, Prompt};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, InferAnswer, Readiness};
use crate::call::{AcceptedAnswers, Call};
use crate::client::Client;
use crate::completed::CompletedCall;
use crate::endpoint::check_name;
use crate::error::Error;
use crate::options::CallOptions;
use crate::seal::KeySource;
use crate::{decode, encode};

impl Client {
    /// A handle on the model `name`. Nothing is sent; the name is checked by the first call.
    pub fn model(&self, name: impl Into<String>) -> Model {
        Model::new(self.clone(), name.into())
    }
}

/// A handle on one model, from [`Client::model`]. Cheap to clone.
#[derive(Clone)]
pub struct Model {
    client: Client,
    name: String,
    version: Option<String>,
    options: CallOptions,
}

impl Model {
    /// The same model, pinned to one version. Without this the service chooses.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The same model, with options for the call that follows.
    #[must_use]
    pub fn with(&self, options: CallOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// Predicts for one input, in the task's own JSON: `POST /v1/models/{model}/predict`.
    ///
    /// `input` is the input of the task (a `str` for text) and `P` its prediction, such as
    /// [`task::TextClassification`](crate::task::TextClassification) or a type of your own.
    ///
    /// ```
    /// # use amaas::{Client, Error, Model};
    /// #[derive(serde::Deserialize)]
    /// struct Toxicity {
    ///     score: f32,
    /// }
    ///
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let answer = model.predict::<Toxicity>("you are kind").await?;
    /// println!("{} by version {}", answer.prediction().score, answer.version());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn predict<P: DeserializeOwned>(&self, input: &(impl Serialize + ?Sized)) -> Result<Answer<P>, Error> {
        self.predict_all(vec![input]).await
    }

    /// Predicts for a batch of inputs in one request. The predictions have the order of the inputs. A function accepts 4,096 inputs a
    /// call by default.
    ///
    /// # Errors
    /// See [`Error`]. An empty batch is an [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn predict_many<P: DeserializeOwned>(&self, inputs: &[impl Serialize]) -> Result<Answer<P>, Error> {
        self.predict_all(inputs.iter().collect()).await
    }

    /// Embeds texts: a [`predict_many`](Self::predict_many) with the types of an embedder. The vectors have the order of the texts.
    ///
    /// ```
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let answer = model.embed(&["The cat sleeps.", "A kitten naps."]).await?;
    /// let [cat, kitten] = answer.predictions() else { unreachable!("one for each text") };
    /// println!("{:.2} alike, {:?} tokens", cat.similarity(kitten), answer.usage().tokens);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`]. A text that is longer than the network reads is no error, see [`Embedding::truncated`].
    pub async fn embed<T: AsRef<str>>(&self, texts: &[T]) -> Result<Answer<Embedding>, Error> {
        self.predict_all(texts.iter().map(AsRef::as_ref).collect()).await
    }

    /// Completes a prompt: a [`predict`](Self::predict) with the types of a text generator. The answer is not streamed.
    ///
    /// ```
    /// use amaas::task::Prompt;
    ///
    /// # use amaas::{Error, Model};
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let prompt = Prompt::new("ROMEO:\n").max_tokens(60).temperature(0.8).seed(7).stop("\n\n");
    /// let answer = model.complete(prompt).await?;
    /// println!("{} ({:?})", answer.prediction().text, answer.prediction().finish_reason);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`]. Generating many tokens may need longer time-outs:
    /// [`CallOptions::timeout`](crate::CallOptions::timeout) and
    /// [`ClientBuilder::attempt_timeout`](crate::ClientBuilder::attempt_timeout).
    pub async fn complete(&self, prompt: impl Into<Prompt>) -> Result<Answer<Generation>, Error> {
        self.predict_all(vec![&prompt.into()]).await
    }

    /// Runs the network on tensors and returns every output: `POST /v2/models/{model}[/versions/{version}]/infer`.
    ///
    /// ```
    /// use amaas::{Error, Model, Tensor};
    ///
    /// # async fn example(model: &Model) -> Result<(), Box<dyn std::error::Error>> {
    /// let ids = Tensor::new("input_ids", vec![1, 3], vec![101_i64, 2307, 102])?;
    /// let answer = model.infer(vec![ids]).await?;
    /// let logits = answer.output("logits").and_then(|tensor| tensor.data().as_f32());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn infer(&self, inputs: Vec<Tensor>) -> Result<InferAnswer, Error> {
        self.infer_request(&InferRequest { id: None, inputs, outputs: None }).await
    }

    /// Runs the network on a request of the Open Inference Protocol, which can choose outputs.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn infer_request(&self, request: &InferRequest) -> Result<InferAnswer, Error> {
        let url = self.protocol_url(&["infer"])?;
        let call = Call::post(url, self.keys()?, encode::infer(request), &self.options)?;
        call.ask(&self.client.caller, decode::infer).await
    }

    /// The network's inputs and outputs: `GET /v2/models/{model}[/versions/{version}]`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn metadata(&self) -> Result<ModelMetadata, Error> {
        let call = Call::get(self.protocol_url(&[])?, self.keys()?, &self.options)?;
        call.ask(&self.client.caller, |completed| decode::json(&completed)).await
    }

    /// Whether the model answers calls: `GET /v2/models/{model}[/versions/{version}]/ready`.
    ///
    /// A model that is not ready is an answer, not an error, and there is no retry.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn ready(&self) -> Result<Readiness, Error> {
        let call = Call::get(self.protocol_url(&["ready"])?, self.keys()?, &self.options)?;
        let call = call.accepting(AcceptedAnswers::Readiness);
        let stated = |completed: CompletedCall| {
            decode::readiness(&completed.received)
                .ok_or_else(|| completed.misread("the answer does not state readiness".to_owned()))
        };
        call.ask(&self.client.caller, stated).await
    }

    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name, version: None, options: CallOptions::default() }
    }

    async fn predict_all<I, P>(&self, inputs: Vec<&I>) -> Result<Answer<P>, Error>
    where
        I: Serialize + ?Sized,
        P: DeserializeOwned,
    {
        self.predict_request(&PredictRequest { inputs, parameters: None::<NoParameters>, partial: false }).await
    }

    /// Sends a `predict` request.
    pub(crate) async fn predict_request<I, Q, P>(&self, request: &PredictRequest<I, Q>) -> Result<Answer<P>, Error>
    where
        I: Serialize,
        Q: Serialize,
        P: DeserializeOwned,
    {
        let count = request.inputs.len();
        let call = Call::post(self.predict_url()?, self.keys()?, encode::predict(request)?, &self.options)?;
        call.ask(&self.client.caller, |completed| decode::predict(completed, count)).await
    }

    fn keys(&self) -> Result<KeySource, Error> {
        let name = check_name("model name", &self.name)?;
        Ok(self.client.endpoints.of_model(name)?.keys_of(name, self.version.as_deref()))
    }

    fn predict_url(&self) -> Result<Url, Error> {
        let name = check_name("model name", &self.name)?;
        let mut url = self.client.endpoints.of_model(name)?.join(&["v1", "models", name, "predict"]);
        if let Some(version) = &self.version {
            url.query_pairs_mut().append_pair("version", check_name("version", version)?);
        }
        Ok(url)
    }

    fn protocol_url(&self, tail: &[&str]) -> Result<Url, Error> {
        let name = check_name("model name", &self.name)?;
        let mut path = vec!["v2", "models", name];
        if let Some(version) = &self.version {
            path.extend(["versions", check_name("version", version)?]);
        }
        path.extend(tail);
        Ok(self.client.endpoints.of_model(name)?.join(&path))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
