//! Calls that the layer accepts or refuses, and its responses.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{DATE_PROBLEM, KEY_PROBLEM, Suite};
use amaas_wire::keys::{Audience, KeyManifest, ManifestRequirement};
use amaas_wire::predict::NOT_PROCESSED;

use super::*;
use crate::sealing::ReplayPolicy;
use crate::sealing::testing::{BEGIN, KeySetFixture, name, offered};
use crate::sealing::{KeySet, SealingPolicy};
use amaas_ledger::{Ledger, MemoryLedger};

fn memory() -> Arc<dyn Ledger> {
    Arc::new(MemoryLedger::default())
}

fn date(now: u64) -> String {
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(now))
}

#[tokio::test]
async fn errors_of_the_route_are_inside() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let state = host(sealing.clone());
    for key in offered(&sealing).await {
        let inner = call(&state, &key, PATH, &message("POST", PATH, None)).await;
        assert_eq!(inner.head.status(), 401);
        assert!(text(&inner.content).contains("key-missing"));
        assert_eq!(call_whole(&state, &key, PATH, &message("POST", PATH, None)).await.head.status(), 401);
    }
}

#[tokio::test]
async fn the_method_inside_chooses_the_route() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    let live = "/v2/health/live";
    let inner = call(&state, &key, live, &message("GET", live, None)).await;
    assert_eq!((inner.head.status(), text(&inner.content)), (200, r#"{"live":true}"#.to_owned()));
    assert_eq!(call(&state, &key, live, &message("POST", live, None)).await.head.status(), 405);
    assert_eq!(call(&state, &key, PATH, &message("GET", PATH, None)).await.head.status(), 405);
    assert_eq!(call(&state, &key, "/v1/models", &message("GET", "/v1/models", None)).await.head.status(), 401);
    for other in ["PUT", "DELETE", "get", "CONNECT-UDP"] {
        let inner = call(&state, &key, live, &message(other, live, None)).await;
        assert_eq!((inner.head.status(), text(&inner.content).contains("GET or POST")), (400, true), "{other}");
    }
    // The outer method is always POST.
    let put = http::Request::put(live).header(header::CONTENT_TYPE, chunked::REQUEST_MEDIA_TYPE);
    assert_eq!(send(&state, put, Vec::new()).await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn the_path_inside_is_the_one_outside() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Optional);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    for other in ["/v1/models/other/predict", "/v1/models/m/predict?version=2"] {
        let inner = call(&state, &key, PATH, &message("POST", other, None)).await;
        assert_eq!(inner.head.status(), 400);
        assert!(text(&inner.content).contains("not the one outside"));
    }
}

#[tokio::test]
async fn calls_of_another_time_are_refused_with_the_time() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Optional);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    for (seconds, taken) in [(0, true), (120, true), (-120, true), (121, false), (-121, false)] {
        let date = date(BEGIN.saturating_add_signed(seconds));
        for path in [PATH, "/v2/models/m/infer"] {
            let inner = call(&state, &key, path, &message("POST", path, Some(&date))).await;
            let status = if taken { 401 } else { 400 };
            assert_eq!(inner.head.status(), status, "{seconds}: {}", text(&inner.content));
            assert_eq!(text(&inner.content).contains(DATE_PROBLEM), !taken);
            let now = inner.head.headers.iter().find(|(name, _)| *name == "date").map(|(_, value)| value.to_vec());
            assert_eq!(now, (!taken).then(|| self::date(BEGIN).into_bytes()));
        }
    }
}

#[tokio::test]
async fn a_call_is_taken_once_where_replays_are_refused() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Optional).with_ledger(&memory(), ReplayPolicy::Refuse);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    let inner = call(&state, &key, PATH, &message("POST", PATH, None)).await;
    assert_eq!((inner.head.status(), text(&inner.content).contains(DATE_PROBLEM)), (400, true), "no date");

    let message = message("POST", PATH, Some(&date(BEGIN)));
    let (sealed, opener) = whole::seal_request(&key, &message).expect("sealed");
    let (_, _, first) = post(&state, PATH, whole::REQUEST_MEDIA_TYPE, sealed.clone()).await;
    let (status, _, second) = post(&state, PATH, whole::REQUEST_MEDIA_TYPE, sealed).await;
    assert_eq!((status, first == second), (StatusCode::OK, false), "the refusal is sealed");
    let inner = response(&opener.open(&second).expect("opened"));
    assert_eq!((inner.head.status(), text(&inner.content).contains("problem:replayed")), (409, true));
    assert_eq!(call(&state, &key, PATH, &message).await.head.status(), 401, "the same call, sealed again");
}

#[tokio::test]
async fn plain_calls_are_refused_where_sealing_is_required() {
    let fixture = KeySetFixture::with_keys().await;
    // With and without readable keys.
    for fixture in [fixture, KeySetFixture::empty()] {
        let state = host(fixture.sealing(SealingPolicy::Required));
        let (status, _, answer) = post(&state, PATH, "application/json", b"{}".to_vec()).await;
        assert_eq!((status, text(&answer).contains("sealing-required")), (StatusCode::FORBIDDEN, true));
        assert_eq!(get(&state, "/v2/health/live").await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_key_in_the_clear_is_refused_where_sealing_is_required_whatever_the_method() {
    let fixture = KeySetFixture::with_keys().await;
    let (required, optional) = (fixture.sealing(SealingPolicy::Required), fixture.sealing(SealingPolicy::Optional));
    let key = offered(&required).await[0].clone();
    let (required, optional) = (host(required), host(optional));
    for path in ["/v1/usage", "/v1/models", "/v2/models/m", "/openapi.json"] {
        for (name, value) in [("authorization", "Bearer amaas_test_x"), ("x-api-key", "amaas_test_x")] {
            let request = || http::Request::get(path).header(name, value);
            let (status, _, answer) = send(&required, request(), Vec::new()).await;
            assert_eq!((status, text(&answer).contains("sealed")), (StatusCode::FORBIDDEN, true), "{path}: {answer:?}");
            let (status, _, answer) = send(&optional, request(), Vec::new()).await;
            assert!(status == StatusCode::UNAUTHORIZED, "{path} {}", text(&answer));
        }
        let mut head = RequestHead::new("GET", "https", "function", path).expect("a head");
        head.headers.push("x-api-key", b"amaas_test_x").expect("a field");
        let message = bhttp::Request::new(head, Vec::new()).encode(MessageEncoding::default());
        assert_eq!(call(&required, &key, path, &message).await.head.status(), 401, "{path}: looked at inside");
    }
    // Public routes need no key, and the signature for a gateway is not one.
    for path in ["/v1/keys", "/v1/keys/manifest", "/v2/health/live", "/v2/health/ready", "/openapi.json", "/v2"] {
        assert_ne!(get(&required, path).await.0, StatusCode::FORBIDDEN, "{path}");
        let signed = http::Request::get(path).header("authorization", "AWS4-HMAC-SHA256 Credential=x");
        assert_ne!(send(&required, signed, Vec::new()).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn without_keys_it_is_said_what_makes_them() {
    let fixture = KeySetFixture::empty();
    let state = host(fixture.sealing(SealingPolicy::Optional));
    for (status, headers, answer) in [
        post(&state, PATH, whole::REQUEST_MEDIA_TYPE, vec![1; 60]).await,
        get(&state, "/v1/keys").await,
        get(&state, "/.well-known/ohttp-gateway").await,
    ] {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(headers.contains_key(NOT_PROCESSED) && headers.contains_key(header::RETRY_AFTER));
        assert!(text(&answer).contains("`amaas keys rotate m`"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_shed_before_it_is_opened_says_so_outside() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    state.drain();
    let (sealed, _) = whole::seal_request(&key, &message("POST", PATH, None)).expect("sealed");
    let (status, headers, _) = post(&state, PATH, whole::REQUEST_MEDIA_TYPE, sealed).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(headers.contains_key(NOT_PROCESSED), "{headers:?}");
}

#[tokio::test]
async fn the_keys_are_public_with_a_manifest_for_calls_without_a_model() {
    let fixture = KeySetFixture::with_keys().await;
    let state = host(fixture.sealing(SealingPolicy::Required));
    let (status, headers, list) = get(&state, "/v1/keys").await;
    assert_eq!(
        (status, &headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &"application/ohttp-keys".parse().expect("ok"))
    );
    assert_eq!(KeyList::decode(&list).expect("a list").preferred().suite(), Suite::XWing);
    let (status, _, gateway) = get(&state, "/.well-known/ohttp-gateway").await;
    assert_eq!((status, &gateway), (StatusCode::OK, &list));
    let (status, _, document) = get(&state, "/v1/keys/manifest").await;
    assert_eq!(status, StatusCode::OK);
    let signers = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set").signers();
    let verified = |model: &str| {
        let audience = Audience { model: model.to_owned(), version: "*".to_owned() };
        KeyManifest::verify(
            &document,
            &list,
            &signers,
            &ManifestRequirement { audience, now: BEGIN, least_serial: BEGIN },
        )
    };
    assert!(verified("*").is_ok());
    assert!(verified("m").is_err());
    assert_eq!(get(&state, "/v1/models/m/keys").await.0, StatusCode::NOT_FOUND, "the host has no such model");
}

#[tokio::test]
async fn an_unknown_key_is_named_by_its_problem() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Optional);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    let (mut sealed, _) = chunked::seal_request(&key, &message("POST", PATH, None)).expect("sealed");
    sealed[0] ^= 0x80;
    let (status, _, answer) = post(&state, PATH, chunked::REQUEST_MEDIA_TYPE, sealed).await;
    assert_eq!((status, text(&answer).contains(KEY_PROBLEM)), (StatusCode::UNPROCESSABLE_ENTITY, true));
}
