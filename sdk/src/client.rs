//! The client: endpoints, and what all calls to them share.

use std::fmt;
use std::sync::Arc;

use amaas_wire::oip::ServerMetadata;
use amaas_wire::predict::ModelList;
use amaas_wire::usage::UsageReport;
use reqwest::Url;
use serde::de::DeserializeOwned;

use crate::call::{Call, Caller, Outcome};
use crate::endpoint::Endpoints;
use crate::{CallOptions, ClientBuilder, Error, Model, UsageQuery, decode};

/// Calls models. Cheap to clone; clones share connections, credentials and the retry budget.
///
/// ```no_run
/// use amaas::task::TextClassification;
/// use amaas::{Answer, Client};
///
/// # async fn example() -> Result<(), amaas::Error> {
/// let client = Client::from_env()?;
/// let answer: Answer<TextClassification> = client.model("sentiment").predict("what a lovely day").await?;
/// println!("{} ({} ms billed)", answer.prediction().label, answer.usage().billed_ms);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) caller: Arc<Caller>,
}

impl Client {
    /// A client with the settings of the environment.
    ///
    /// Where `AMAAS_ENDPOINT` (or an `AMAAS_ENDPOINT_<MODEL>`, see [`ClientBuilder::endpoint_for`]) is set, endpoints and
    /// `AMAAS_API_KEY` come from the environment. Otherwise all of them come from a file of assignments:
    /// `$AMAAS_DATA/env` where `AMAAS_DATA` is set, else `.amaas/env` in the current folder or the nearest above it, up to the root of
    /// the Git repository or the home folder. The two are never mixed. A file that may have come with a repository is refused:
    /// [`env_file`](crate::env_file) says which files are used.
    ///
    /// With the feature `sigv4`, `AMAAS_SIGV4` in the environment, along with an endpoint there, has requests signed for AWS IAM, and no
    /// key is needed: `auto`, where the host name tells region and service, or `lambda:REGION` for a Function URL and
    /// `execute-api:REGION` for an HTTP API. A file that has it is refused.
    ///
    /// `AMAAS_CONTENT_SHA256` is `on` where `CloudFront` stands before a Function URL, see [`ClientBuilder::content_sha256`]; it comes from
    /// where the endpoint does.
    ///
    /// `AMAAS_SIGNERS` has the keys that [`ClientBuilder::signers`] takes, in base64 with commas between, and
    /// `AMAAS_SEALING` is `required`, as without it, or `off` for [`Sealing::Off`](crate::Sealing::Off). They come
    /// from the environment where they are set there, else from the file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) says what is missing or malformed, and what to do.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// A client with settings of its own.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A handle on the model `name`. Nothing is sent, and the name is checked when something is.
    pub fn model(&self, name: impl Into<String>) -> Model {
        Model::new(self.clone(), name.into())
    }

    /// The models that the key may use: `GET /v1/models` of the main endpoint.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn models(&self) -> Result<ModelList, Error> {
        self.fetch(&["v1", "models"], |url| url).await
    }

    /// What the calls of the key's tenant were counted as: `GET /v1/usage` of the main endpoint.
    ///
    /// ```
    /// use amaas::{Client, UsageBy, UsageQuery};
    ///
    /// # async fn example(client: &Client) -> Result<(), amaas::Error> {
    /// let report = client.usage(&UsageQuery::default().since("2026-11-01").by(UsageBy::Version)).await?;
    /// for row in &report.data {
    ///     println!("{:?} {:?}: {} calls, {} units", row.model, row.version, row.sum.calls, row.sum.units);
    /// }
    /// println!("{} billionths in all", report.total.cost_nanos);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`]. Days that are none, or in the wrong order, are an [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn usage(&self, query: &UsageQuery) -> Result<UsageReport, Error> {
        self.fetch(&["v1", "usage"], |url| query.on(url)).await
    }

    /// The server's name, version and protocol extensions: `GET /v2` of the main endpoint.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn server(&self) -> Result<ServerMetadata, Error> {
        self.fetch(&["v2"], |url| url).await
    }

    async fn fetch<T: DeserializeOwned + Outcome>(
        &self,
        path: &[&str],
        ask: impl FnOnce(Url) -> Url,
    ) -> Result<T, Error> {
        let endpoint = self.endpoints.main()?;
        let call = Call::get(ask(endpoint.join(path)), endpoint.keys(), &CallOptions::default())?;
        call.ask(&self.caller, |completed| decode::json(&completed)).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
