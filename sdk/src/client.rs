//! The client: endpoints, and what all calls to them share.

use std::fmt;
use std::sync::Arc;

use amaas_wire::oip::ServerMetadata;
use amaas_wire::predict::ModelList;
use amaas_wire::usage::UsageReport;
use reqwest::Url;
use serde::de::DeserializeOwned;

use crate::call::{Call, CallContext, CallOutcome};
use crate::decode;
use crate::endpoint::Endpoints;
use crate::error::Error;
use crate::options::CallOptions;
use crate::usage::UsageQuery;

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
    pub(crate) caller: Arc<CallContext>,
}

impl Client {
    /// The models that the key may use: `GET /v1/models` of the main endpoint.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn models(&self) -> Result<ModelList, Error> {
        self.fetch(&["v1", "models"], |url| url).await
    }

    /// The usage of the key's tenant: `GET /v1/usage` of the main endpoint.
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
    /// See [`Error`]. Malformed days, or days in the wrong order, are an [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
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

    async fn fetch<T: DeserializeOwned + CallOutcome>(
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
