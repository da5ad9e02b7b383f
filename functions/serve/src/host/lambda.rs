//! The Lambda Runtime API: Function URL and API Gateway v2 events, buffered or streaming.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response, response};
use http_body_util::BodyExt;
use lambda_http::{BoxFuture, RequestExt, SnapStartResource};
use lambda_runtime::Runtime;
use tower::ServiceExt;

use super::event::{RequestEvents, SyncBody};
use super::principal::iam_principal;
use crate::config::ResponseMode;
use crate::error::Error;
use crate::error::ResponseError;
use crate::reply::replace_with_error;
use crate::router::router;
use crate::state::AppState;
use amaas_engine::infer::set_host_deadline;

/// Answers invocations until the runtime ends. It opens no port.
pub(crate) async fn run(state: AppState, mode: ResponseMode) -> Result<(), lambda_runtime::Error> {
    let ending = state.clone();
    let hook = move || async move {
        ending.drain();
        ending.flush().await;
    };
    register_shutdown_hook(hook).await;
    let metering = state.clone();
    tokio::spawn(async move { metering.meter().take_over().await });
    let secrets = Arc::new(SnapshotSecrets(state.clone()));
    match mode {
        ResponseMode::Stream => {
            let (router, flushing) = (router(state.clone()), state);
            let service = tower::service_fn(move |request| {
                let (answer, flushing) = (router.clone().oneshot(with_invocation_context(request)), flushing.clone());
                async move { Ok::<_, Infallible>(answer.await?.map(|body| SyncBody::from(end_after_flush(body, flushing)))) }
            });
            let runtime = Runtime::new(RequestEvents(lambda_http::StreamAdapter::from(service)));
            runtime.register_snapstart_resource(secrets).run_concurrent().await
        }
        ResponseMode::Buffered => {
            let (router, flushing) = (router(state.clone()), state);
            let service = tower::service_fn(move |request| {
                let request = with_invocation_context(request);
                let path = request.uri().path().to_owned();
                let (answer, flushing) = (router.clone().oneshot(request), flushing.clone());
                async move {
                    let answer = buffer_response(answer.await?, &path).await?;
                    flushing.flush_before_suspension().await;
                    Ok::<_, lambda_runtime::Error>(answer)
                }
            });
            let runtime = Runtime::new(RequestEvents(lambda_http::Adapter::from(service)));
            runtime.register_snapstart_resource(secrets).run_concurrent().await
        }
    }
}

/// Secrets that must not be in a snapshot, nor be equal in two processes that start from one.
///
/// Keys are dropped before the snapshot and read again after it. Randomness is safe: HPKE, Ed25519, nonces and request ids use the kernel
/// (`getrandom`) each time. Firecracker notifies the kernel of a restore (`VMGenID`), and the kernel then reseeds its generator. AWS-LC,
/// which TLS uses, has a generator in memory. It mixes in kernel randomness after each restore, or at each use if it cannot detect a restore
/// (`rand_check_ctr_drbg_uniqueness` in its `rand.c`).
struct SnapshotSecrets(AppState);

impl SnapStartResource for SnapshotSecrets {
    fn before_snapshot(&self) -> BoxFuture<'_, Result<(), lambda_runtime::Error>> {
        Box::pin(async {
            self.0.directory().accounts().forget();
            if let Some(oidc) = self.0.oidc() {
                oidc.forget();
            }
            if let Some(sealing) = self.0.sealing() {
                sealing.forget();
            }
            Ok(())
        })
    }

    fn after_restore(&self) -> BoxFuture<'_, Result<(), lambda_runtime::Error>> {
        Box::pin(async {
            // An error would end the process, so it is ignored: a call that needs the keys reads them again.
            let _ = self.0.directory().accounts().load().await;
            if let Some(oidc) = self.0.oidc() {
                let _ = oidc.load().await;
            }
            if let Some(sealing) = self.0.sealing() {
                let _ = sealing.load().await;
            }
            Ok(())
        })
    }
}

/// Adds the principal that IAM authorised to the request of an event. If the client sent no request id, the request gets the id of the
/// invocation, which is in each log line of the platform.
fn with_invocation_context(mut request: lambda_http::Request) -> Request<lambda_http::Body> {
    let context = request.lambda_context_ref();
    // If a run is still active when Lambda ends the process, the client gets no response, and the alarm counts a crash.
    if let Some(deadline) = context.map(lambda_runtime::Context::deadline) {
        set_host_deadline(deadline);
    }
    let context = context.map(|context| context.request_id.clone());
    if let Some(principal) = iam_principal(request.extensions()) {
        request.extensions_mut().insert(principal);
    }
    if let Some(Ok(id)) = context.map(|id| HeaderValue::from_str(&id)) {
        request.headers_mut().entry(amaas_wire::predict::REQUEST_ID).or_insert(id);
    }
    request
}

/// Delays the end of `body` until the usage of its call is in the ledger.
fn end_after_flush(body: Body, state: AppState) -> Body {
    let counting = stream::once(async move {
        state.flush_before_suspension().await;
        Ok(Bytes::new())
    });
    Body::from_stream(body.into_data_stream().chain(counting))
}

/// Collects the response to `path`. Text stays text, so that it is not sent as base64.
///
/// Lambda drops a response that is too large, and the client gets 502. So it is replaced here with an error that says why.
async fn buffer_response(response: Response<Body>, path: &str) -> Result<Response<lambda_http::Body>, axum::Error> {
    let (parts, body) = collect_body(response).await?;
    let (parts, body) = match lambda_json_size(&parts, &body) {
        size if size <= MAX_RESPONSE_BYTES => (parts, body),
        got => {
            collect_body(replace_with_error(
                &parts.headers,
                path,
                &Error::Response(ResponseError::TooLarge { limit: MAX_RESPONSE_BYTES, got }),
            ))
            .await?
        }
    };
    let body = String::from_utf8(body).map_or_else(|bytes| bytes.into_bytes().into(), lambda_http::Body::from);
    Ok(Response::from_parts(parts, body))
}

async fn collect_body(response: Response<Body>) -> Result<(response::Parts, Vec<u8>), axum::Error> {
    let (parts, body) = response.into_parts();
    Ok((parts, body.collect().await?.to_bytes().into()))
}

/// The size of the response as Lambda's JSON. The body is a string: text is escaped, other bytes are base64.
fn lambda_json_size(parts: &response::Parts, body: &[u8]) -> u64 {
    let headers =
        parts.headers.iter().map(|(name, value)| escaped_len(name.as_str()) + escaped_bytes_len(value.as_bytes()) + 6);
    let body = match std::str::from_utf8(body) {
        Ok(text) => escaped_len(text),
        Err(_) => body.len().div_ceil(3) as u64 * 4,
    };
    MAX_ENVELOPE_BYTES + headers.sum::<u64>() + body
}

fn escaped_len(text: &str) -> u64 {
    escaped_bytes_len(text.as_bytes())
}

/// The length of `text` as `serde_json` writes it (RFC 8259 §7).
fn escaped_bytes_len(text: &[u8]) -> u64 {
    let written = text.iter().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..=0x1f => 6,
        _ => 1,
    });
    written.sum()
}

/// Runs `hook` when Lambda is about to end the process. Lambda notifies only processes that registered an extension. The crate's helper
/// panics if that fails, so it runs in a separate task: a function also works without the notification.
async fn register_shutdown_hook<F: Future<Output = ()> + Send + 'static>(hook: impl FnOnce() -> F + Send + 'static) {
    let registered = tokio::spawn(lambda_runtime::spawn_graceful_shutdown_handler(hook)).await;
    if registered.is_err() {
        tracing::warn!("shutdown hook not registered: lambda ends the process without notice");
    }
}

/// The limit in Lambda's own message when it drops a response.
const MAX_RESPONSE_BYTES: u64 = 6_291_556;
/// An upper bound of Lambda's JSON without headers and body.
const MAX_ENVELOPE_BYTES: u64 = 1024;

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::limits::Limits;
    use crate::sealing::{KeySet, Sealing, SealingPolicy};
    use amaas_access::Accounts;
    use amaas_store::Store;
    use amaas_store::vault::{FileKey, Vault};

    #[tokio::test]
    async fn keys_are_out_of_memory_while_a_snapshot_is_taken() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (there, away) = (folder.path().join("sealing"), folder.path().join("away"));
        let (store, name) = (Store::folder(folder.path()), "m".parse().expect("a valid name"));
        let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("a key"));
        KeySet::create(&store, &name, &vault).await.expect("created");
        let sealing = Sealing::new(store, name, vault, SealingPolicy::Required);
        let state = AppState::builder(Accounts::in_memory().expect("randomness"), Limits::default());
        let secrets = SnapshotSecrets(state.sealing(sealing.clone()).build());
        sealing.load().await.expect("readable keys");

        std::fs::rename(&there, &away).expect("renamed");
        assert!(sealing.list().await.is_ok(), "the keys are in memory");
        secrets.before_snapshot().await.expect("no error");
        assert!(sealing.list().await.is_err(), "the keys are not in memory");
        secrets.after_restore().await.expect("an error would end the process");

        secrets.before_snapshot().await.expect("no error");
        std::fs::rename(&away, &there).expect("renamed");
        secrets.after_restore().await.expect("no error");
        std::fs::rename(&there, &away).expect("renamed");
        assert!(sealing.list().await.is_ok(), "the keys were read after the restore");
    }

    #[test]
    fn a_size_is_that_of_the_string_in_lambdas_json() {
        for text in ["plain é", "\"quoted\" and \\", "\u{0}\u{1f}\u{7f}\n\t\r\u{8}\u{c}"] {
            let written = serde_json::to_string(text).expect("text");
            assert_eq!(escaped_len(text), written.len() as u64 - 2, "{written}");
        }
    }

    #[tokio::test]
    async fn what_lambda_cannot_carry_is_an_error_in_the_routes_shape() {
        // Each byte is two in Lambda's JSON.
        for (quotes, status) in [(3_000_000, StatusCode::OK), (3_200_000, StatusCode::UNPROCESSABLE_ENTITY)] {
            let mut answer = Response::new(Body::from("\"".repeat(quotes)));
            answer.headers_mut().insert("x-request-id", HeaderValue::from_static("4711"));
            let answer = buffer_response(answer, "/v2/models/m/infer").await.expect("an answer");
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["x-request-id"], "4711");
            if status != StatusCode::OK {
                let lambda_http::Body::Text(body) = answer.body() else { panic!("an error is text") };
                assert!(body.starts_with(r#"{"error":"the answer has "#), "{body}");
            }
        }
    }
}
