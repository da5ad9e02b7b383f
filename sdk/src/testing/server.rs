//! The server.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amaas_wire::dsse::VerifyingKey;
use amaas_wire::{ApiKey, Tensor};
use serde::Serialize;
use tokio::task::JoinHandle;

use super::script::ReplyScript;
use super::server_keys::ServerKeys;
use super::{KeyOffer, ReceiptOf, RecordedRequest, ScriptedReply, host};
use crate::{Client, ClientBuilder, Error, RetryConfig};

/// A server on 127.0.0.1 with scripted answers. It ends, with its connections, when it is dropped.
///
/// The methods that queue an answer can be chained, and take `&self`, so that a test can add answers later:
///
/// ```
/// # use amaas::testing::TestServer;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = TestServer::start().await?;
/// server
///     .problem(503, "loading", "the model is loading").retry_after(1)
///     .reset()
///     .predict("sentiment", [serde_json::json!({"label": "positive"})]);
/// # Ok(())
/// # }
/// ```
pub struct TestServer {
    address: SocketAddr,
    key: ApiKey,
    script: Arc<Mutex<ReplyScript>>,
    accepting: JoinHandle<()>,
}

impl TestServer {
    /// Starts a server on a free port, in the current tokio runtime.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> std::io::Result<Self> {
        let key = ApiKey::generate("test").map_err(std::io::Error::other)?;
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let script = Arc::new(Mutex::new(ReplyScript::new(ServerKeys::generate()?)));
        let accepting = tokio::spawn(host::accept(listener, Arc::clone(&script)));
        Ok(Self { address, key, script, accepting })
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The key that [`client`](Self::client) uses.
    pub fn api_key(&self) -> &ApiKey {
        &self.key
    }

    /// The key that signs for the keys that calls are sealed to, and receipts, for [`ClientBuilder::signers`].
    pub fn signer(&self) -> VerifyingKey {
        self.script().lock.signer()
    }

    /// Replaces the keys for sealed calls, so that calls to the old keys are refused.
    ///
    /// # Panics
    /// If the operating system gives no randomness.
    pub fn rotate_keys(&self) -> &Self {
        self.script().lock.rotate().expect("the operating system gives randomness");
        self
    }

    /// Changes the published keys.
    ///
    /// ```
    /// # use amaas::{ErrorKind, testing::TestServer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestServer::start().await?;
    /// let client = server.client_builder().signers([server.signer()]).build()?;
    /// server.offer(|offer| offer.signed = false);
    /// let error = client.model("m").predict::<u8>("x").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Keys);
    /// # Ok(())
    /// # }
    /// ```
    pub fn offer(&self, change: impl FnOnce(&mut KeyOffer)) -> &Self {
        change(&mut self.script().lock.offer);
        self
    }

    /// A client of this server that does not wait long before a retry.
    ///
    /// # Errors
    /// See [`ClientBuilder::build`].
    pub fn client(&self) -> Result<Client, Error> {
        self.client_builder().build()
    }

    /// The builder of [`client`](Self::client), for settings of your own.
    pub fn client_builder(&self) -> ClientBuilder {
        let retry = RetryConfig::default().base(Duration::from_millis(1));
        Client::builder().endpoint(self.url()).api_key(&self.key).retry(retry)
    }

    /// Queues an answer of `predict` with these predictions, by version `1`.
    ///
    /// # Panics
    /// When a prediction cannot be written as JSON.
    pub fn predict<P: Serialize>(&self, model: &str, predictions: impl IntoIterator<Item = P>) -> &Self {
        self.reply(ScriptedReply::predict(model, predictions))
    }

    /// Queues an answer of `infer` with these outputs, by version `1`; its rows are the first output's.
    ///
    /// # Panics
    /// Never: tensors come as bytes, which can carry any value.
    pub fn infer(&self, model: &str, outputs: Vec<Tensor>) -> &Self {
        self.reply(ScriptedReply::infer(model, outputs))
    }

    /// Queues an answer with any JSON body, for any model.
    ///
    /// # Panics
    /// When `body` cannot be written as JSON.
    pub fn json(&self, status: u16, body: &impl Serialize) -> &Self {
        self.reply(ScriptedReply::json(status, body))
    }

    /// Queues a problem document of the type `urn:amaas:problem:{slug}`, for any model. On a route of the Open
    /// Inference Protocol it comes in that protocol's shape, as the service sends it.
    pub fn problem(&self, status: u16, slug: &str, detail: &str) -> &Self {
        self.reply(ScriptedReply::problem(status, slug, detail))
    }

    /// Adds a `Retry-After` in seconds to the last queued answer.
    pub fn retry_after(&self, seconds: u64) -> &Self {
        self.header("retry-after", &seconds.to_string())
    }

    /// Adds a header to the last queued answer.
    pub fn header(&self, name: &str, value: &str) -> &Self {
        self.script().amend(|reply| reply.header(name, value));
        self
    }

    /// Adds a receipt to the last queued answer, to test what a client accepts and refuses.
    ///
    /// ```
    /// # use amaas::{ErrorKind, testing::{ReceiptOf, TestServer}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestServer::start().await?;
    /// let model = server.client()?.model("m");
    /// server.predict("m", [1]).receipt(ReceiptOf::ThisCall).predict("m", [1]).receipt(ReceiptOf::OtherOutput);
    /// assert!(model.predict::<u8>("x").await?.receipt().is_some());
    /// assert_eq!(model.predict::<u8>("x").await.unwrap_err().kind(), ErrorKind::Receipt);
    /// # Ok(())
    /// # }
    /// ```
    pub fn receipt(&self, of: ReceiptOf) -> &Self {
        self.script().amend(|reply| reply.receipt(of));
        self
    }

    /// Sends the answer that was queued last outside the seal, as a gateway would.
    pub fn unsealed(&self) -> &Self {
        self.script().amend(ScriptedReply::unsealed);
        self
    }

    /// Queues a closed connection: the request is read, and nothing answered.
    pub fn reset(&self) -> &Self {
        self.reply(ScriptedReply::reset())
    }

    /// Queues silence: the request is read, and the connection stays open.
    pub fn hang(&self) -> &Self {
        self.reply(ScriptedReply::hang())
    }

    /// Queues a raw answer, for any model.
    pub fn raw(&self, status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> &Self {
        self.reply(ScriptedReply::raw(status, headers, body))
    }

    /// Queues any reply.
    pub fn reply(&self, reply: ScriptedReply) -> &Self {
        self.script().push(reply);
        self
    }

    /// The requests so far, oldest first, without those for keys.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.script().requests()
    }

    /// The requests for keys so far, oldest first.
    pub fn key_requests(&self) -> Vec<RecordedRequest> {
        self.script().key_requests()
    }

    /// How many queued answers were not asked for.
    pub fn remaining(&self) -> usize {
        self.script().remaining()
    }

    fn script(&self) -> MutexGuard<'_, ReplyScript> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("url", &self.url()).finish_non_exhaustive()
    }
}
