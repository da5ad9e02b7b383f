//! Seals the attempts of one call.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use amaas_ohttp::{DATE_PROBLEM, KEY_PROBLEM};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap};
use tracing::debug;

use super::clock::seconds;
use super::message;
use super::slot::{CachedKey, KeySlot};
use crate::credentials::Authorization;
use crate::decode;
use crate::error::{Error, ErrorKind};
use crate::failure::AttemptFailure;
use crate::retry::{FailureCause, Recovery};
use crate::spawn::spawn_if_large;
use crate::transport::{OutgoingRequest, ReceivedResponse, Transport};

/// The key of a call, and its cache slot.
pub(crate) struct CallKeys {
    pub(super) slot: Arc<KeySlot>,
    pub(super) key: Arc<CachedKey>,
}

impl CallKeys {
    /// One sealed exchange of a call. The result was inside the seal.
    pub(crate) async fn exchange(
        &self,
        request: OutgoingRequest,
        sent: Option<&Authorization>,
        transport: &dyn Transport,
    ) -> Result<ReceivedResponse, AttemptFailure> {
        let (key, limit) = (self.key.key.clone(), request.limit);
        let date = httpdate::fmt_http_date(now(self.slot.ahead.load(Ordering::Relaxed)));
        let sealing = spawn_if_large(request.body.len(), move || message::seal(&key, &request, &date));
        let (sealed, opener) = sealing.await.map_err(AttemptFailure::permanent)?;
        let received = transport.send(sealed).await?;
        if !is_sealed(&received) {
            return Err(outside(self, &received, sent));
        }
        let opening = spawn_if_large(received.body.len(), move || message::open(opener, &received.body, limit));
        let received = opening.await?;
        debug!(status = received.status, bytes = received.body.len(), "opened");
        check_clock(self, &received, sent)?;
        Ok(received)
    }
}

/// Sets the clock difference after a refusal for the date, from the function's time inside the seal.
fn check_clock(
    keys: &CallKeys,
    received: &ReceivedResponse,
    sent: Option<&Authorization>,
) -> Result<(), AttemptFailure> {
    if received.status != 400 || problem_type(received).as_deref() != Some(DATE_PROBLEM) {
        return Ok(());
    }
    let Some(theirs) = date(&received.headers) else { return Ok(()) };
    let ahead = seconds(theirs) - seconds(SystemTime::now());
    debug!(ahead_seconds = ahead, "clock difference to the function");
    keys.slot.ahead.store(ahead, Ordering::Relaxed);
    Err(AttemptFailure { cause: FailureCause::Recovered(Recovery::Clock), ..decode::failure(received, sent) })
}

/// The time of a function whose clock is `ahead` seconds ahead.
fn now(ahead: i64) -> SystemTime {
    let (now, by) = (SystemTime::now(), Duration::from_secs(ahead.unsigned_abs()));
    let moved = if ahead < 0 { now.checked_sub(by) } else { now.checked_add(by) };
    // HTTP dates end in the year 9999.
    moved.filter(|time| (0..END_OF_HTTP_DATES).contains(&seconds(*time))).unwrap_or(now)
}

/// The failure of an answer outside the seal, which is never data.
fn outside(keys: &CallKeys, received: &ReceivedResponse, sent: Option<&Authorization>) -> AttemptFailure {
    if received.is_success() {
        let what = "the answer is not sealed, so it is refused; is this an amaas endpoint with sealing on?";
        let error = Error::new(ErrorKind::NotSealed, what).with_status(received.status);
        return AttemptFailure::permanent(error.or_request_id(decode::request_id(&received.headers)));
    }
    let mut failure = decode::failure(received, sent);
    failure.error = failure.error.unsealed();
    // An attacker on the network can write it, to make the service run a call again that it cannot recognise.
    failure.cause = FailureCause::Unsealed(received.status);
    if received.status == 422 && problem_type(received).as_deref() == Some(KEY_PROBLEM) {
        debug!("sealing key retired by the function");
        keys.slot.discard(&keys.key);
        failure.error = failure.error.of_kind(ErrorKind::Keys, "the service refuses the key that it publishes");
        failure.cause = FailureCause::Recovered(Recovery::Keys);
    }
    failure
}

fn is_sealed(received: &ReceivedResponse) -> bool {
    let media_type = received.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    received.is_success() && essence.eq_ignore_ascii_case(amaas_ohttp::chunked::RESPONSE_MEDIA_TYPE)
}

fn problem_type(received: &ReceivedResponse) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct ProblemType {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_slice::<ProblemType>(&received.body).ok().map(|problem| problem.kind)
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// 9999-12-31T23:59:59Z.
const END_OF_HTTP_DATES: i64 = 253_402_300_800;
