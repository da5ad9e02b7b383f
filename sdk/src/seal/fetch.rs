//! Fetches keys: the list, and the manifest if signers are pinned.
//!
//! Requests for keys carry no credentials, because keys are public. If they fail, nothing of the call was sent, so every transient
//! failure is retried, with or without an idempotency key.
//!
//! An unknown model or version is `NotFound`, whichever of the two documents states it. With pins nothing is sealed to keys without
//! a manifest, so an attacker gains nothing by hiding it.
//!
//! Without pins the manifest is not fetched: an attacker who can replace the list can replace the manifest too.

use std::time::{Duration, SystemTime};

use amaas_ohttp::PublicKey;
use amaas_ohttp::key_list::{KeyList, MEDIA_TYPE};
use amaas_wire::dsse::VerifyingKey;
use amaas_wire::keys::{ANY, Audience, KeyManifest, ManifestError, ManifestRequirement};
use amaas_wire::problem::{Problem, TYPE_PREFIX};
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use reqwest::{Method, Url};

use super::clock::seconds;
use super::key_source::{KeyRequirements, KeySource};
use crate::decode;
use crate::error::{Error, ErrorKind, ReadableDuration};
use crate::failure::AttemptFailure;
use crate::retry::FailureCause;
use crate::transport::{OutgoingRequest, ReceivedResponse, Transport, TransportError};

/// A checked key.
pub(super) struct FetchedKey {
    pub(super) key: PublicKey,
    pub(super) life: Duration,
    /// The serial of the manifest, if there is one.
    pub(super) serial: Option<u64>,
}

pub(super) async fn keys(
    source: &KeySource,
    transport: &dyn Transport,
    demand: &KeyRequirements,
    now: SystemTime,
    least_serial: u64,
) -> Result<FetchedKey, AttemptFailure> {
    let Some(signers) = &demand.signers else {
        let list = list(source, transport).await?;
        let list = KeyList::decode(&list).map_err(|error| malformed().because(error))?;
        return Ok(FetchedKey { key: choose(&list, demand)?, life: UNSIGNED_KEY_LIFE, serial: None });
    };
    let now = u64::try_from(seconds(now)).unwrap_or_default();
    // A signed manifest of another version is trusted; the version is checked separately.
    let audience = Audience::of_model(&source.audience.model);
    let required = ManifestRequirement { audience, now, least_serial };
    let (list, manifest) = match signed(source, transport, signers, &required).await? {
        // The keys may have changed between the two fetches.
        Err(ManifestError::Digest) => signed(source, transport, signers, &required).await?,
        verified => verified,
    }
    .map_err(distrusted)?;
    check_version(&source.audience, manifest.audience())?;
    let life = Duration::from_secs((manifest.not_after() - now).max(1));
    Ok(FetchedKey { key: choose(&list, demand)?, life, serial: Some(manifest.serial()) })
}

/// Fetches list and manifest, and verifies them against each other and the requirements.
async fn signed(
    source: &KeySource,
    transport: &dyn Transport,
    signers: &[VerifyingKey],
    required: &ManifestRequirement,
) -> Result<Result<(KeyList, KeyManifest), ManifestError>, AttemptFailure> {
    // Both complete, so that the error does not depend on their order.
    let (list, manifest) = tokio::join!(list(source, transport), manifest(source, transport));
    let (list, manifest) = (list?, manifest?);
    Ok(KeyManifest::verify(&manifest, &list, signers, required))
}

async fn list(source: &KeySource, transport: &dyn Transport) -> Result<Bytes, AttemptFailure> {
    let received = fetch(source.url.clone(), HeaderValue::from_static(MEDIA_TYPE), transport).await?;
    if received.is_success() {
        return Ok(received.body);
    }
    let failure = refused(&received);
    if says_why(&failure) || matches!(received.status, 401..=403) {
        return Err(failure);
    }
    let what = no_keys(source, &received, failure.error.problem());
    Err(AttemptFailure { error: failure.error.of_kind(ErrorKind::Keys, &what), ..failure })
}

async fn manifest(source: &KeySource, transport: &dyn Transport) -> Result<Bytes, AttemptFailure> {
    let mut url = source.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.push("manifest");
    }
    let received = fetch(url, HeaderValue::from_static("application/json"), transport).await?;
    if received.is_success() {
        return Ok(received.body);
    }
    let failure = refused(&received);
    if says_why(&failure) {
        return Err(failure);
    }
    let what = "the keys are not trusted: signers are pinned, and the service has no manifest";
    Err(AttemptFailure { error: failure.error.of_kind(ErrorKind::Keys, what), ..failure })
}

/// Whether the answer explains the absence of keys: an unknown model or version, or a transient failure. It needs no authenticity,
/// because it can only end the call before anything of it was sent.
fn says_why(failure: &AttemptFailure) -> bool {
    let slug = failure.error.problem().and_then(|problem| problem.kind.strip_prefix(TYPE_PREFIX));
    failure.cause == FailureCause::NotSent || slug.is_some_and(|slug| UNKNOWN_SLUGS.contains(&slug))
}

async fn fetch(url: Url, accept: HeaderValue, transport: &dyn Transport) -> Result<ReceivedResponse, AttemptFailure> {
    let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
    let request =
        OutgoingRequest { method: Method::GET, url, base: 0, headers, body: Bytes::new(), limit: MAX_DOCUMENT_LEN };
    transport.send(request).await.map_err(|error| match error {
        TransportError::TooLarge { limit, .. } => wrong(&format!("they are larger than {limit} bytes")).into(),
        TransportError::Lost(source) => {
            let what = "the connection was lost while keys were fetched, before anything of the call was sent";
            AttemptFailure {
                cause: FailureCause::NotSent,
                error: Error::new(ErrorKind::Connect, what).with_cause(source),
            }
        }
        error => error.into(),
    })
}

/// The failure of an answer without keys. It is retried if the call itself would be retried without an idempotency key.
fn refused(received: &ReceivedResponse) -> AttemptFailure {
    let failure = decode::failure(received, None);
    let again = failure.cause == FailureCause::NotProcessed || matches!(received.status, 408 | 429 | 502..=504);
    let cause = if again { FailureCause::NotSent } else { FailureCause::Permanent };
    AttemptFailure { cause, error: failure.error.unsealed() }
}

/// Explains why an endpoint has no keys.
fn no_keys(source: &KeySource, received: &ReceivedResponse, problem: Option<&Problem>) -> String {
    let base = source.url.path().get(..source.base).unwrap_or_default();
    if let Some(version) = ["/v1", "/v2"].into_iter().find(|version| base.ends_with(version)) {
        return format!("the endpoint ends with {version}, which is part of the routes: remove it");
    }
    if matches!(received.status, 404 | 405 | 410 | 501) && problem.is_none_or(|it| !it.kind.starts_with(TYPE_PREFIX)) {
        return NO_ENDPOINT.to_owned();
    }
    "the service has no keys to seal calls to".to_owned()
}

/// Refuses another version than the requested one.
fn check_version(asked: &Audience, found: &Audience) -> Result<(), AttemptFailure> {
    let (asked, found) = (&asked.version, &found.version);
    if asked == ANY || asked == found {
        return Ok(());
    }
    let what = format!("no such version of the model: asked for {asked:?}, and the service has {found:?}");
    Err(AttemptFailure::permanent(Error::new(ErrorKind::NotFound, what)))
}

fn distrusted(error: ManifestError) -> UnusableKeys {
    let clock = |what: &str, by: u64| {
        let by = ReadableDuration(Duration::from_secs(by));
        format!("{what} by this machine's clock ({by}): is the clock right?")
    };
    let why = match error {
        ManifestError::NotYetValid { not_before, now } => clock("their manifest is not valid yet", not_before - now),
        ManifestError::Expired { not_after, now } => clock("their manifest has expired", now - not_after),
        error => error.to_string(),
    };
    UnusableKeys(Error::new(ErrorKind::Keys, format!("the keys are not trusted: {why}"))).because(error)
}

fn choose(list: &KeyList, demand: &KeyRequirements) -> Result<PublicKey, AttemptFailure> {
    let chosen = match demand.suite {
        Some(suite) => list.of_suite(suite),
        None => Some(list.preferred()),
    };
    chosen.cloned().ok_or_else(|| wrong("none is of the suite that was asked for").into())
}

/// The error for unusable keys.
fn wrong(what: &str) -> UnusableKeys {
    UnusableKeys(Error::new(ErrorKind::Keys, format!("the service's keys cannot be used: {what}")))
}

/// The error for a document that is no key list, such as the page of another server.
fn malformed() -> UnusableKeys {
    wrong("the list of keys is malformed; is this an amaas endpoint?")
}

struct UnusableKeys(Error);

impl UnusableKeys {
    fn because(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(self.0.with_source(source))
    }
}

impl From<UnusableKeys> for AttemptFailure {
    fn from(UnusableKeys(error): UnusableKeys) -> Self {
        Self::permanent(error)
    }
}

/// The life of keys without a signed expiry.
const UNSIGNED_KEY_LIFE: Duration = Duration::from_hours(1);
/// The largest list or manifest, in bytes: fifty keys of the larger suite.
const MAX_DOCUMENT_LEN: usize = 64 << 10;
/// Problem types that explain the absence of keys.
const UNKNOWN_SLUGS: [&str; 2] = ["unknown-model", "unknown-version"];
const NO_ENDPOINT: &str = "this is no amaas endpoint: it has no keys to seal calls to";
