//! Retries over real connections. The rules and their timing are held by unit tests on a paused clock.

use std::time::Duration;

use amaas::testing::{ScriptedReply, TestServer};
use amaas::{CallOptions, ErrorKind};

use crate::Result;

#[tokio::test]
async fn a_reset_is_tried_again_only_with_a_key() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    server.reset().reset().predict("m", [1]);
    let answer = model.predict::<u8>("x").await?;
    assert_eq!(answer.attempts(), 3);
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.header("idempotency-key") == requests[0].header("idempotency-key")));

    server.reset().predict("m", [1]);
    let blind = model.with(CallOptions::default().without_idempotency_key());
    let error = blind.predict::<u8>("x").await.expect_err("the reset");
    assert_eq!((error.kind(), error.attempts(), error.is_retryable()), (ErrorKind::Interrupted, 1, true));
    assert_eq!(server.requests().last().and_then(|request| request.header("idempotency-key")), None);
    assert_eq!(server.remaining(), 1);
    Ok(())
}

#[tokio::test]
async fn a_refusal_before_any_work_is_tried_again_without_a_key() -> Result {
    let server = TestServer::start().await?;
    let blind = server.client()?.model("m").with(CallOptions::default().without_idempotency_key());
    server.reply(ScriptedReply::problem(502, "queue-full", "the queue is full").not_processed()).predict("m", [1]);
    assert_eq!(blind.predict::<u8>("x").await?.attempts(), 2);
    Ok(())
}

#[tokio::test]
async fn silence_ends_the_attempt_or_the_call() -> Result {
    let server = TestServer::start().await?;
    let client = server.client_builder().attempt_timeout(Duration::from_millis(50)).build()?;
    server.hang().predict("m", [1]);
    assert_eq!(client.model("m").predict::<u8>("x").await?.attempts(), 2);

    server.hang();
    let hurried = server.client()?.model("m").with(CallOptions::default().timeout(Duration::from_millis(50)));
    let error = hurried.predict::<u8>("x").await.expect_err("silence");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Timeout, 1));
    assert!(error.elapsed() >= Duration::from_millis(50) && error.elapsed() < Duration::from_secs(5));
    Ok(())
}

#[tokio::test]
async fn a_wait_longer_than_the_call_is_left_to_the_caller() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    server.problem(429, "too-many-calls", "10 a minute").retry_after(3600);
    let error = model.predict::<u8>("x").await.expect_err("an hour");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::RateLimited, 1));
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)));
    assert_eq!(error.to_string(), "too many calls (429) after 1 attempt, try again in 60 min: 10 a minute");

    server.problem(503, "loading", "the model is loading").header("retry-after", "Thu, 01 Jan 1970 00:00:00 GMT");
    server.predict("m", [1]);
    assert_eq!(model.predict::<u8>("x").await?.attempts(), 2);
    Ok(())
}

#[tokio::test]
async fn limits_of_a_tenant_are_waited_for_or_told_of() -> Result {
    use ErrorKind::{Budget, Forbidden, RateLimited, TooLarge};

    const TWELVE_DAYS: u64 = 12 * 24 * 60 * 60;
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    for (status, slug, wait, kind) in [
        (402, "budget-exhausted", None, Budget),
        (402, "key-budget-exhausted", None, Budget),
        (403, "tenant-suspended", None, Forbidden),
        (403, "tenant-unknown", None, Forbidden),
        (403, "key-routes", None, Forbidden),
        (403, "key-scope", None, Forbidden),
        (413, "over-limit", None, TooLarge),
        (429, "rate-limited", Some(61), RateLimited),
        (429, "quota-exhausted", Some(TWELVE_DAYS), RateLimited),
    ] {
        let mut reply = ScriptedReply::problem(status, slug, "as far as it goes");
        for (name, value) in
            [("retry-after", wait), ("ratelimit-remaining", wait.map(|_| 0)), ("ratelimit-reset", wait)]
        {
            reply = value.into_iter().fold(reply, |reply, value| reply.header(name, &value.to_string()));
        }
        // As the service marks what it did no work for.
        server.reply(if wait.is_some() { reply.not_processed() } else { reply });
        let error = model.predict::<u8>("x").await.expect_err(slug);
        assert_eq!((error.kind(), error.status(), error.attempts()), (kind, Some(status), 1), "{slug}");
        assert_eq!(error.retry_after(), wait.map(Duration::from_secs), "{slug}");
        assert_eq!(error.is_retryable(), kind == RateLimited, "{slug}");
        assert_eq!(error.problem().map(|problem| problem.kind.as_str()), Some(&*format!("urn:amaas:problem:{slug}")));
        assert!(error.elapsed() < Duration::from_secs(5), "{slug}");
    }
    server.problem(429, "rate-limited", "600 requests a minute").retry_after(0).predict("m", [1]);
    assert_eq!(model.predict::<u8>("x").await?.attempts(), 2);
    Ok(())
}

#[tokio::test]
async fn an_empty_queue_is_an_error_that_says_so() -> Result {
    let server = TestServer::start().await?;
    server.predict("another", [1]);
    let error = server.client()?.model("m").predict::<u8>("x").await.expect_err("nothing queued");
    assert_eq!(error.attempts(), 1);
    assert_eq!(error.detail(), Some("the test has no answer queued for POST /v1/models/m/predict"));
    Ok(())
}
