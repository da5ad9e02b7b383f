//! Clients with an issuer's bearer token in place of an API key.

use amaas::task::TextClassification;
use amaas::{Answer, Client};
use amaas_access::{Tenant, now};
use amaas_e2e::TestEnv;
use amaas_wire::usage::UsageReport;
use serde_json::json;

use super::issuer::Issuer;
use super::{TEXT, add_suspended, name, predict, refusal};

#[tokio::test]
async fn each_token_is_accepted_or_gets_its_own_error() {
    let (env, issuer, other) = (TestEnv::start().await, Issuer::start().await, Issuer::start().await);
    let accounts = env.accounts().await;
    assert!(accounts.add_tenant(&Tenant::new(name("acme"), now())).await.expect("reached"));
    add_suspended(&accounts, "late-payer").await;
    let function = issuer.trusted_by(env.sentiment().await).start();
    function.ready().await;

    let good = issuer.token("acme");
    let (signed, _) = good.rsplit_once('.').expect("three parts");
    let theirs = other.token("acme");
    let (_, signature) = theirs.rsplit_once('.').expect("three parts");
    let time = now();
    let cases = [
        (good.clone(), 200, ""),
        (issuer.token_with(&json!({ "aud": ["other", "amaas"] })), 200, ""),
        (env.key().expose().to_owned(), 200, ""),
        (issuer.token_with(&json!({ "exp": time - 61 })), 401, "token-expired"),
        (issuer.token_with(&json!({ "nbf": time + 120 })), 401, "token-not-yet-valid"),
        (issuer.token_with(&json!({ "aud": "other" })), 401, "token-refused"),
        (issuer.token_with(&json!({ "iss": "https://login.example.com" })), 401, "token-refused"),
        (issuer.token_with(&json!({ "org": 7 })), 401, "token-refused"),
        (format!("{signed}.{signature}"), 401, "token-refused"),
        (issuer.signed(&json!({ "alg": "none", "kid": "1" }), &json!({})), 401, "token-refused"),
        (issuer.signed(&json!({ "alg": "EdDSA", "kid": "2" }), &json!({})), 401, "token-refused"),
        (theirs.clone(), 401, "token-refused"),
        (signed.to_owned(), 401, "token-malformed"),
        (issuer.token("nobody"), 403, "tenant-unknown"),
        (issuer.token("two words"), 403, "tenant-unknown"),
        (issuer.token("late-payer"), 403, "tenant-suspended"),
    ];
    for (number, (token, status, kind)) in cases.iter().enumerate() {
        let (got, slug) = refusal(predict(&function, token).await).await;
        assert_eq!((got.as_u16(), slug.as_str()), (*status, *kind), "token {number}");
    }

    let url = format!("{}/v1/usage?by=key", function.endpoint().await);
    let usage = reqwest::Client::new().get(url).bearer_auth(&good).send().await.expect("an answer");
    let usage: UsageReport = usage.json().await.expect("a report");
    assert_eq!((usage.tenant.as_str(), usage.total.calls), ("acme", 2), "and none of whom was refused");
    assert!(usage.data.iter().all(|row| row.key.is_none()));
    for (token, ..) in &cases {
        let secret = token.rsplit(['.', '_']).next().expect("a last part");
        assert!(!function.logs().lines().iter().any(|line| line.contains(secret)), "a token in the log");
    }
}

#[tokio::test]
async fn a_token_is_no_key_where_no_issuer_is_trusted() {
    let (env, issuer) = (TestEnv::start().await, Issuer::start().await);
    let function = env.sentiment().await.start();
    function.ready().await;
    let (status, kind) = refusal(predict(&function, &issuer.token("tests")).await).await;
    assert_eq!((status.as_u16(), kind.as_str()), (401, "key-malformed"));
}

#[tokio::test]
async fn known_issuer_keys_survive_an_unreachable_issuer() {
    let (env, mut issuer) = (TestEnv::start().await, Issuer::start().await);
    let launch = issuer.trusted_by(env.sentiment().await);
    let function = launch.start();
    function.ready().await;
    assert_eq!(predict(&function, &issuer.token("tests")).await.status(), 200);
    issuer.goes().await;
    for subject in ["a", "b"] {
        let never_seen = issuer.token_with(&json!({ "org": "tests", "sub": subject }));
        assert_eq!(predict(&function, &never_seen).await.status(), 200);
    }
    let another_key = issuer.signed(&json!({ "alg": "EdDSA", "kid": "2" }), &json!({ "org": "tests" }));
    let (status, kind) = refusal(predict(&function, &another_key).await).await;
    assert_eq!((status.as_u16(), kind.as_str()), (401, "token-refused"));

    // A function that starts meanwhile cannot verify tokens, reports it, and accepts keys.
    let late = launch.start();
    late.ready().await;
    let answer = predict(&late, &issuer.token("tests")).await;
    assert!(answer.headers().contains_key("retry-after"));
    let (status, kind) = refusal(answer).await;
    assert_eq!((status.as_u16(), kind.as_str()), (503, "tokens-unavailable"));
    assert_eq!(predict(&late, env.key().expose()).await.status(), 200);
}

#[tokio::test]
async fn the_sdk_seals_a_token_as_it_does_a_key() {
    let (env, issuer) = (TestEnv::start().await, Issuer::start().await);
    let launch = issuer.trusted_by(env.sentiment().await).set("AMAAS_SEALING", "required");
    let function = launch.start();
    function.ready().await;
    let endpoint = function.endpoint().await;
    let client = |token: &str| Client::builder().endpoint(&endpoint).bearer(token).build().expect("enough is set");
    let answer: Answer<TextClassification> =
        client(&issuer.token("tests")).model("sentiment").predict(TEXT).await.expect("an answer");
    assert_eq!(answer.prediction().label, "positive");
    let refused = client(&issuer.token("nobody")).model("sentiment").predict::<TextClassification>(TEXT).await;
    let refused = refused.expect_err("no tenant");
    assert_eq!(refused.problem().map(|problem| problem.kind.as_str()), Some("urn:amaas:problem:tenant-unknown"));
}
