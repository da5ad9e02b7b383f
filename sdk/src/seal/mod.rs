//! What seals calls: keys of the function, and the two stages `seal` and `open` around the transport.
//!
//! Invariants. No credential, idempotency key or payload leaves unsealed. What stands outside the seal is never data: it
//! is an error, or a reason to try again. Nothing falls back.

mod cache;
mod fetch;
mod message;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use amaas_ohttp::{DATE_PROBLEM, KEY_PROBLEM, Suite};
use amaas_wire::dsse::VerifyingKey;
use amaas_wire::keys::Audience;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap};
use tracing::debug;

use crate::call::Failure;
use crate::credentials::Authorization;
use crate::decode;
use crate::off_runtime::off_runtime;
use crate::retry::{Cause, Mend};
use crate::transport::{Outgoing, Received, Transport};
use crate::{Error, ErrorKind};

use cache::{Cache, Slot};

/// Where the keys for a call are, and whose they have to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeySource {
    pub(crate) url: Url,
    pub(crate) audience: Audience,
    /// How much of a call's path is the endpoint's own, and not the function's.
    pub(crate) base: usize,
}

/// Which keys are taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demand {
    /// The signers, one of which has to have signed the keys; `None` where none are pinned.
    pub(crate) signers: Option<Vec<VerifyingKey>>,
    /// The suite, where it is not the best that is offered.
    pub(crate) suite: Option<Suite>,
}

/// Seals the calls of one client; its clones share the keys.
pub(crate) struct Seal {
    cache: Cache,
}

impl Seal {
    pub(crate) fn new(demand: Demand) -> Self {
        Self { cache: Cache::new(demand) }
    }

    /// The keys for a call, fetched where they are not at hand.
    pub(crate) async fn keys(&self, source: &KeySource, transport: &Arc<dyn Transport>) -> Result<Held, Failure> {
        self.cache.keys(source, transport).await
    }
}

/// Keys that a call is sealed with, and where they are kept.
pub(crate) struct Held {
    slot: Arc<Slot>,
    keys: Arc<cache::Keys>,
}

impl Held {
    /// One exchange of a call: sealed out, opened back. What it gives was inside the seal.
    pub(crate) async fn exchange(
        &self,
        request: Outgoing,
        sent: Option<&Authorization>,
        transport: &dyn Transport,
    ) -> Result<Received, Failure> {
        let (key, limit) = (self.keys.key.clone(), request.limit);
        let date = httpdate::fmt_http_date(now(self.slot.ahead.load(Ordering::Relaxed)));
        let sealing = off_runtime(request.body.len(), move || message::seal(&key, &request, &date));
        let (sealed, opener) = sealing.await.map_err(Failure::permanent)?;
        let received = transport.send(sealed).await?;
        if !is_sealed(&received) {
            return Err(outside(self, &received, sent));
        }
        let opening = off_runtime(received.body.len(), move || message::open(opener, &received.body, limit));
        let received = opening.await?;
        debug!(status = received.status, bytes = received.body.len(), "opened");
        check_clock(self, &received, sent)?;
        Ok(received)
    }
}

/// A refusal for the clock sets it right, for the function has said inside the seal what time it is.
fn check_clock(held: &Held, received: &Received, sent: Option<&Authorization>) -> Result<(), Failure> {
    if received.status != 400 || problem_type(received).as_deref() != Some(DATE_PROBLEM) {
        return Ok(());
    }
    let Some(theirs) = date(&received.headers) else { return Ok(()) };
    let ahead = seconds(theirs) - seconds(SystemTime::now());
    debug!(ahead, "the function has another time");
    held.slot.ahead.store(ahead, Ordering::Relaxed);
    Err(Failure { cause: Cause::Mended(Mend::Clock), ..decode::failure(received, sent) })
}

/// The time of a function that is so many seconds ahead.
fn now(ahead: i64) -> SystemTime {
    let (now, by) = (SystemTime::now(), Duration::from_secs(ahead.unsigned_abs()));
    let moved = if ahead < 0 { now.checked_sub(by) } else { now.checked_add(by) };
    // What no HTTP date can say is not sent: year 9999 is the last.
    moved.filter(|time| (0..LAST_DATE).contains(&seconds(*time))).unwrap_or(now)
}

/// What an answer outside the seal means; never data.
fn outside(held: &Held, received: &Received, sent: Option<&Authorization>) -> Failure {
    if received.is_success() {
        let what = "the answer is not sealed, so it is not taken; is this an amaas endpoint with sealing on?";
        let error = Error::new(ErrorKind::NotSealed, what).with_status(received.status);
        return Failure::permanent(error.or_request_id(decode::request_id(&received.headers)));
    }
    let mut failure = decode::failure(received, sent);
    failure.error = failure.error.unsealed();
    // Anyone on the way can say it, and have a call run again that the service cannot tell from the first.
    failure.cause = Cause::Unsealed(received.status);
    if received.status == 422 && problem_type(received).as_deref() == Some(KEY_PROBLEM) {
        debug!("the function does not have the key any more");
        held.slot.discard(&held.keys);
        failure.error = failure.error.of_kind(ErrorKind::Keys, "the service refuses the key that it offers");
        failure.cause = Cause::Mended(Mend::Keys);
    }
    failure
}

fn is_sealed(received: &Received) -> bool {
    let media_type = received.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    received.is_success() && essence.eq_ignore_ascii_case(amaas_ohttp::chunked::RESPONSE_MEDIA_TYPE)
}

fn problem_type(received: &Received) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_slice::<Typed>(&received.body).ok().map(|problem| problem.kind)
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// 9999-12-31T23:59:59Z.
const LAST_DATE: i64 = 253_402_300_800;
