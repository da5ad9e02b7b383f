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
use super::principal::principal;
use crate::config::ResponseMode;
use crate::error::Error;
use crate::error::ResponseError;
use crate::reply::replace_with_error;
use crate::router::router;
use crate::state::AppState;
use amaas_engine::infer::host_ends;

/// Answers invocations until the runtime ends. Nothing is bound to a port.
pub(crate) async fn run(state: AppState, mode: ResponseMode) -> Result<(), lambda_runtime::Error> {
    let ending = state.clone();
    let hook = move || async move {
        ending.drain();
        ending.flush().await;
    };
    shutdown_hook(hook).await;
    let left = state.clone();
    tokio::spawn(async move { left.meter().take_over().await });
    let secrets = Arc::new(SnapshotSecrets(state.clone()));
    match mode {
        ResponseMode::Stream => {
            let (router, freezing) = (router(state.clone()), state);
            let service = tower::service_fn(move |request| {
                let (answer, freezing) = (router.clone().oneshot(request_of(request)), freezing.clone());
                async move { Ok::<_, Infallible>(answer.await?.map(|body| SyncBody::from(counted_first(body, freezing)))) }
            });
            let runtime = Runtime::new(RequestEvents(lambda_http::StreamAdapter::from(service)));
            runtime.register_snapstart_resource(secrets).run_concurrent().await
        }
        ResponseMode::Buffered => {
            let (router, freezing) = (router(state.clone()), state);
            let service = tower::service_fn(move |request| {
                let request = request_of(request);
                let path = request.uri().path().to_owned();
                let (answer, freezing) = (router.clone().oneshot(request), freezing.clone());
                async move {
                    let answer = buffered(answer.await?, &path).await?;
                    freezing.flush_before_suspension().await;
                    Ok::<_, lambda_runtime::Error>(answer)
                }
            });
            let runtime = Runtime::new(RequestEvents(lambda_http::Adapter::from(service)));
            runtime.register_snapstart_resource(secrets).run_concurrent().await
        }
    }
}

/// What must not be in a snapshot, nor the same in two processes that start from one.
///
/// The keys are dropped, and read anew. Randomness needs nothing: HPKE, Ed25519, the nonces of answers and request ids
/// come from the kernel for each use (`getrandom`), which Firecracker tells of a restore (`VMGenID`), so that it seeds its
/// generator anew before it gives out more. AWS-LC, which TLS uses, keeps a generator in memory; it mixes kernel
/// randomness into it at each use where it cannot tell whether the machine was restored, and after each restore where it
/// can (`rand_check_ctr_drbg_uniqueness` in its `rand.c`).
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
            // An error here would end the process, so it is dropped: a call that needs the keys reads them again.
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

/// The request of an event: with the principal that IAM authorised, and with Lambda's own id of the invocation if the caller chose none,
/// which is in every log line of the platform.
fn request_of(mut request: lambda_http::Request) -> Request<lambda_http::Body> {
    let context = request.lambda_context_ref();
    // A run that goes on when Lambda ends the process would be no answer at all, and a crash to the alarm.
    if let Some(deadline) = context.map(lambda_runtime::Context::deadline) {
        host_ends(deadline);
    }
    let context = context.map(|context| context.request_id.clone());
    if let Some(principal) = principal(request.extensions()) {
        request.extensions_mut().insert(principal);
    }
    if let Some(Ok(id)) = context.map(|id| HeaderValue::from_str(&id)) {
        request.headers_mut().entry(amaas_wire::predict::REQUEST_ID).or_insert(id);
    }
    request
}

/// `body`, whose end comes when its call is counted in the ledger.
fn counted_first(body: Body, state: AppState) -> Body {
    let counting = stream::once(async move {
        state.flush_before_suspension().await;
        Ok(Bytes::new())
    });
    Body::from_stream(body.into_data_stream().chain(counting))
}

/// The answer to `path` in one piece; text stays text, so that it is not sent as base64.
///
/// Lambda drops an answer that is too large and tells the caller 502; this tells what was wrong.
async fn buffered(response: Response<Body>, path: &str) -> Result<Response<lambda_http::Body>, axum::Error> {
    let (parts, body) = whole(response).await?;
    let (parts, body) = match carried_size(&parts, &body) {
        size if size <= LARGEST_ANSWER => (parts, body),
        got => {
            whole(replace_with_error(
                &parts.headers,
                path,
                &Error::Response(ResponseError::TooLarge { limit: LARGEST_ANSWER, got }),
            ))
            .await?
        }
    };
    let body = String::from_utf8(body).map_or_else(|bytes| bytes.into_bytes().into(), lambda_http::Body::from);
    Ok(Response::from_parts(parts, body))
}

async fn whole(response: Response<Body>) -> Result<(response::Parts, Vec<u8>), axum::Error> {
    let (parts, body) = response.into_parts();
    Ok((parts, body.collect().await?.to_bytes().into()))
}

/// How many bytes the answer has as Lambda's JSON: the body is a string in it, text escaped and all else as base64.
fn carried_size(parts: &response::Parts, body: &[u8]) -> u64 {
    let headers =
        parts.headers.iter().map(|(name, value)| escaped(name.as_str()) + escaped_bytes(value.as_bytes()) + 6);
    let body = match std::str::from_utf8(body) {
        Ok(text) => escaped(text),
        Err(_) => body.len().div_ceil(3) as u64 * 4,
    };
    AROUND + headers.sum::<u64>() + body
}

fn escaped(text: &str) -> u64 {
    escaped_bytes(text.as_bytes())
}

/// The length of `text` as `serde_json` writes it (RFC 8259 §7).
fn escaped_bytes(text: &[u8]) -> u64 {
    let written = text.iter().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..=0x1f => 6,
        _ => 1,
    });
    written.sum()
}

/// Runs `hook` when Lambda is about to end the process. Lambda tells only processes that registered an extension, and
/// the crate's own helper panics where that cannot be done; a function can do without being told.
async fn shutdown_hook<F: Future<Output = ()> + Send + 'static>(hook: impl FnOnce() -> F + Send + 'static) {
    let registered = tokio::spawn(lambda_runtime::spawn_graceful_shutdown_handler(hook)).await;
    if registered.is_err() {
        tracing::warn!("Lambda will not tell this process before it ends it");
    }
}

/// The limit that Lambda itself names when it drops an answer.
const LARGEST_ANSWER: u64 = 6_291_556;
/// More than what stands around headers and body in Lambda's JSON.
const AROUND: u64 = 1024;

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
        let (store, name) = (Store::folder(folder.path()), "m".parse().expect("a name"));
        let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("a key"));
        KeySet::create(&store, &name, &vault).await.expect("made");
        let sealing = Sealing::new(store, name, vault, SealingPolicy::Required);
        let state = AppState::builder(Accounts::in_memory().expect("random"), Limits::default());
        let secrets = SnapshotSecrets(state.sealing(sealing.clone()).build());
        sealing.load().await.expect("keys");

        std::fs::rename(&there, &away).expect("renamed");
        assert!(sealing.list().await.is_ok(), "they are in memory");
        secrets.before_snapshot().await.expect("no error");
        assert!(sealing.list().await.is_err(), "they are not");
        secrets.after_restore().await.expect("an error would end the process");

        secrets.before_snapshot().await.expect("no error");
        std::fs::rename(&away, &there).expect("renamed");
        secrets.after_restore().await.expect("no error");
        std::fs::rename(&there, &away).expect("renamed");
        assert!(sealing.list().await.is_ok(), "they were read after it");
    }

    #[test]
    fn a_size_is_that_of_the_string_in_lambdas_json() {
        for text in ["plain é", "\"quoted\" and \\", "\u{0}\u{1f}\u{7f}\n\t\r\u{8}\u{c}"] {
            let written = serde_json::to_string(text).expect("text");
            assert_eq!(escaped(text), written.len() as u64 - 2, "{written}");
        }
    }

    #[tokio::test]
    async fn what_lambda_cannot_carry_is_an_error_in_the_routes_shape() {
        // Each byte is two in Lambda's JSON.
        for (quotes, status) in [(3_000_000, StatusCode::OK), (3_200_000, StatusCode::UNPROCESSABLE_ENTITY)] {
            let mut answer = Response::new(Body::from("\"".repeat(quotes)));
            answer.headers_mut().insert("x-request-id", HeaderValue::from_static("4711"));
            let answer = buffered(answer, "/v2/models/m/infer").await.expect("an answer");
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers()["x-request-id"], "4711");
            if status != StatusCode::OK {
                let lambda_http::Body::Text(body) = answer.body() else { panic!("an error is text") };
                assert!(body.starts_with(r#"{"error":"the answer has "#), "{body}");
            }
        }
    }
}
