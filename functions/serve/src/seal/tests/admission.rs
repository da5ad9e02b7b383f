//! Bounds on the memory that unauthenticated clients can take.

use std::convert::Infallible;
use std::time::Duration;

use amaas_ohttp::bhttp::{Encoder, FieldSection, Padding};
use amaas_wire::predict::NOT_PROCESSED;
use futures_util::stream::{self, StreamExt};

use super::*;
use crate::sealing::SealingPolicy;
use crate::sealing::testing::{KeySetFixture, offered};

/// A host with a budget of 512 KiB for sealed bodies.
fn host_with_small_budget(sealing: Sealing) -> AppState {
    let limits = Limits { sealed_bytes: 512 << 10, body_bytes: 256 << 10, ..Limits::default() };

    AppState::builder(Accounts::in_memory().expect("randomness"), limits).sealing(sealing).build()
}

/// A body that sends `bytes` and never ends.
fn endless_body(bytes: Vec<u8>) -> Body {
    let bytes = stream::once(async move { Ok::<_, Infallible>(Bytes::from(bytes)) });
    Body::from_stream(bytes.chain(stream::pending()))
}

fn sealed_post(path: &str, body: Body) -> http::Request<Body> {
    let post = http::Request::post(path).header(header::CONTENT_TYPE, chunked::REQUEST_MEDIA_TYPE);
    post.body(body).expect("a request")
}

#[tokio::test]
async fn bodies_that_are_held_back_make_room_for_those_that_come() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let (state, key) = (host_with_small_budget(sealing.clone()), offered(&sealing).await[0].clone());
    let mut held = Vec::new();
    for index in 0..40 {
        let path = if index % 2 == 0 { PATH } else { "/v2/models/m/infer" };
        let half_sent = sealed_post(path, endless_body(vec![1; 200 << 10]));
        held.push(tokio::spawn(router(state.clone()).oneshot(half_sent)));
        tokio::task::yield_now().await;
        assert!(state.sealed_bodies().used() <= 512 << 10);
        if index % 10 == 0 {
            // A complete call is served meanwhile.
            let inner = call(&state, &key, PATH, &message("POST", PATH, None)).await;
            assert_eq!(inner.head.status(), 401);
        }
    }
    let last = held.split_off(30);
    for (index, given_up) in held.into_iter().enumerate() {
        let answer = given_up.await.expect("no panic").expect("an answer");
        let (parts, body) = answer.into_parts();
        let body = text(&body.collect().await.expect("a body").to_bytes());
        assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE, "{index}: {body}");
        assert_eq!(
            (&parts.headers["retry-after"], &parts.headers[NOT_PROCESSED]),
            (&"1".parse().expect("a value"), &"true".parse().expect("a value"))
        );
        let in_shape = if index % 2 == 0 { "problem:sealed-backlog" } else { r#"{"error":"too many sealed calls"# };
        assert!(body.contains(in_shape), "{index}: {body}");
    }
    for one in last {
        one.abort();
        let _ = one.await;
    }
    assert_eq!(state.sealed_bodies().used(), 0, "all bytes are released");
}

#[tokio::test]
async fn content_in_chunks_of_a_byte_is_opened_beside_the_runtime_and_given_back() {
    const COUNT: usize = 4 << 20;
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    let head = RequestHead::new("POST", "https", "function", PATH).expect("a head");
    let mut bytes = Vec::with_capacity(2 * COUNT);
    let mut encoder = Encoder::new(&head, &mut bytes);
    for _ in 0..COUNT {
        encoder.chunk(b"x", &mut bytes);
    }
    encoder.end(&FieldSection::default(), Padding::Off, &mut bytes);
    let (sealed, opener) = chunked::seal_request(&key, &bytes).expect("sealed");
    let openers = state.sealed_bodies().all_openers().await;
    let sent = tokio::spawn({
        let (state, sealed) = (state.clone(), sealed.clone());
        async move { post(&state, PATH, chunked::REQUEST_MEDIA_TYPE, sealed).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!sent.is_finished(), "a large body waits for an opener");
    assert_eq!(state.sealed_bodies().used(), sealed.len(), "within the budget");
    let inner = call(&state, &key, PATH, &message("POST", PATH, None)).await;
    assert_eq!(inner.head.status(), 401, "a small body does not wait");
    drop(openers);
    let (status, _, answer) = sent.await.expect("no panic");
    assert_eq!(status, StatusCode::OK);
    assert_eq!(response(&opener.open(&answer).expect("opened")).head.status(), 401);
    assert_eq!(state.sealed_bodies().used(), 0);
}

#[tokio::test]
async fn a_plain_body_is_not_read_before_its_key_was_looked_at() {
    let fixture = KeySetFixture::with_keys().await;
    let state = host(fixture.sealing(SealingPolicy::Optional));
    for path in [PATH, "/v2/models/m/infer", "/v1/embeddings", "/v1/rerank", "/v2/rerank", "/v1/completions"] {
        for key in [None, Some("k")] {
            let mut post = http::Request::post(path).header(header::CONTENT_TYPE, "application/json");
            if let Some(key) = key {
                post = post.header("idempotency-key", key);
            }
            let request = post.body(endless_body(b"{".to_vec())).expect("a request");
            let answer = router(state.clone()).oneshot(request).await.expect("an answer, though the body does not end");
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

#[tokio::test]
async fn more_lines_than_a_head_has_are_refused_inside() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Optional);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    let mut head = RequestHead::new("POST", "https", "function", PATH).expect("a head");
    for index in 0..300 {
        head.headers.push(format!("a{index}"), "b").expect("a field");
    }
    let inner =
        call(&state, &key, PATH, &bhttp::Request::new(head, Vec::new()).encode(MessageEncoding::default())).await;
    assert_eq!(inner.head.status(), 400);
    assert!(text(&inner.content).contains("more than 256 field lines"), "{}", text(&inner.content));
}
