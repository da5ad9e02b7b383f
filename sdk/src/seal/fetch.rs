//! Keys over the network: the list, and the manifest where signers are pinned.
//!
//! No credential goes along: keys are public. A failure is one of the keys alone, for nothing of the call went out; so
//! whatever may pass is tried again, with or without an idempotency key.
//!
//! Without pins the manifest is not asked for: whoever could put another list in the place of the real one could put a
//! manifest beside it, and a check that holds nobody up is not worth a request.

use std::time::{Duration, SystemTime};

use amaas_wire::dsse::VerifyingKey;
use amaas_wire::keys::{KeyList, MEDIA_TYPE, Manifest, ManifestError, Requirement};
use amaas_wire::ohttp::PublicKey;
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use super::{Demand, KeySource, seconds};
use crate::call::Failure;
use crate::decode;
use crate::retry::Cause;
use crate::transport::{Outgoing, Received, Transport, TransportError};
use crate::{Error, ErrorKind};

/// A key that may be sealed to.
pub(super) struct Fetched {
    pub(super) key: PublicKey,
    pub(super) life: Duration,
    /// The manifest's, where there is one.
    pub(super) serial: Option<u64>,
}

pub(super) async fn keys(
    source: &KeySource,
    transport: &dyn Transport,
    demand: &Demand,
    now: SystemTime,
    least_serial: u64,
) -> Result<Fetched, Failure> {
    let Some(signers) = &demand.signers else {
        let list = list(source, transport).await?;
        let list = KeyList::decode(&list).map_err(|error| wrong("the list of keys is malformed").because(error))?;
        return Ok(Fetched { key: choose(&list, demand)?, life: UNSIGNED, serial: None });
    };
    let now = u64::try_from(seconds(now)).unwrap_or_default();
    let required = Requirement { audience: source.audience.clone(), now, least_serial };
    let (list, manifest) = match signed(source, transport, signers, &required).await? {
        // The keys may have changed between the two fetches.
        Err(ManifestError::Digest) => signed(source, transport, signers, &required).await?,
        verified => verified,
    }
    .map_err(|error| wrong(&format!("the keys are not trusted: {error}")).because(error))?;
    let life = Duration::from_secs((manifest.not_after() - now).max(1));
    Ok(Fetched { key: choose(&list, demand)?, life, serial: Some(manifest.serial()) })
}

/// List and manifest, held against each other and against what is required.
async fn signed(
    source: &KeySource,
    transport: &dyn Transport,
    signers: &[VerifyingKey],
    required: &Requirement,
) -> Result<Result<(KeyList, Manifest), ManifestError>, Failure> {
    let (list, manifest) = tokio::try_join!(list(source, transport), manifest(source, transport))?;
    Ok(Manifest::verify(&manifest, &list, signers, required))
}

async fn list(source: &KeySource, transport: &dyn Transport) -> Result<Bytes, Failure> {
    let received = fetch(source.url.clone(), HeaderValue::from_static(MEDIA_TYPE), transport).await?;
    if received.is_success() {
        return Ok(received.body);
    }
    let failure = refused(&received);
    // A service that has no such model has no keys of it; that says more than that there are no keys.
    let unknown = failure.error.problem().is_some_and(|problem| problem.kind == UNKNOWN_MODEL);
    let passes = failure.cause == Cause::NotSent || matches!(received.status, 401..=403);
    if unknown || passes {
        return Err(failure);
    }
    let error = failure.error.of_kind(ErrorKind::Keys, "the service gives no keys to seal calls to");
    Err(Failure { error, ..failure })
}

async fn manifest(source: &KeySource, transport: &dyn Transport) -> Result<Bytes, Failure> {
    let mut url = source.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.push("manifest");
    }
    let received = fetch(url, HeaderValue::from_static("application/json"), transport).await?;
    if received.is_success() {
        return Ok(received.body);
    }
    let failure = refused(&received);
    if failure.cause == Cause::NotSent {
        return Err(failure);
    }
    let what = "the keys are not trusted: signers are pinned, and the service gives no manifest";
    Err(Failure { error: failure.error.of_kind(ErrorKind::Keys, what), ..failure })
}

async fn fetch(url: Url, accept: HeaderValue, transport: &dyn Transport) -> Result<Received, Failure> {
    let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
    let request = Outgoing { method: Method::GET, url, base: 0, headers, body: Bytes::new(), limit: LIMIT };
    transport.send(request).await.map_err(|error| match error {
        TransportError::TooLarge { limit, .. } => wrong(&format!("they are larger than {limit} bytes")).into(),
        #[cfg(feature = "sigv4")]
        error @ TransportError::Unsigned(_) => error.into(),
        error => Failure { cause: Cause::NotSent, ..Failure::from(error) },
    })
}

/// What an answer that holds no keys means. What the call itself would be tried again for without a key is tried again.
fn refused(received: &Received) -> Failure {
    let failure = decode::failure(received, None);
    let again = failure.cause == Cause::NotProcessed || matches!(received.status, 408 | 429 | 502..=504);
    let cause = if again { Cause::NotSent } else { Cause::Permanent };
    Failure { cause, error: failure.error.unsealed() }
}

fn choose(list: &KeyList, demand: &Demand) -> Result<PublicKey, Failure> {
    let chosen = match demand.suite {
        Some(suite) => list.of_suite(suite),
        None => Some(list.preferred()),
    };
    chosen.cloned().ok_or_else(|| wrong("none is of the suite that was asked for").into())
}

/// The keys are wrong in this way.
fn wrong(what: &str) -> Wrong {
    Wrong(Error::new(ErrorKind::Keys, format!("the service's keys cannot be used: {what}")))
}

struct Wrong(Error);

impl Wrong {
    fn because(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(self.0.with_source(source))
    }
}

impl From<Wrong> for Failure {
    fn from(Wrong(error): Wrong) -> Self {
        Self::permanent(error)
    }
}

/// How long keys are used that nobody signed an end for.
const UNSIGNED: Duration = Duration::from_hours(1);
/// The largest list or manifest: fifty keys of the larger suite.
const LIMIT: usize = 64 << 10;
const UNKNOWN_MODEL: &str = "urn:amaas:problem:unknown-model";
