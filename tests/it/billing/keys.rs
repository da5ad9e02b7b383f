//! Errors of keys that are not valid for a call.

use amaas_access::{KeyScope, KeyTerms, TenantStatus, now};
use serde_json::json;

use super::{billing_env, key, name, predict, refusal};

#[tokio::test]
async fn each_wrong_key_gets_its_own_error() {
    let (env, accounts, function) = billing_env().await;
    let terms = || KeyTerms::of(name("acme"));
    let (good, _) = key(&accounts, KeyTerms { name: "good".to_owned(), ..terms() }).await;
    let (revoked, record) = key(&accounts, KeyTerms { name: "revoked".to_owned(), ..terms() }).await;
    assert!(accounts.revoke(&record.id).await.expect("reached"));
    let expired = KeyTerms { name: "expired".to_owned(), expires: Some(now() - 1), ..terms() };
    let (expired, _) = key(&accounts, expired).await;
    let models = KeyScope { models: Some(["other".parse().expect("a name")].into()), ..KeyScope::default() };
    let (elsewhere, _) = key(&accounts, KeyTerms { name: "models".to_owned(), scope: models, ..terms() }).await;
    let routes = KeyScope { routes: Some(["infer".parse().expect("routes")].into()), ..KeyScope::default() };
    let (tensors, _) = key(&accounts, KeyTerms { name: "routes".to_owned(), scope: routes, ..terms() }).await;
    let (suspended, _) = key(&accounts, KeyTerms::of(name("late-payer"))).await;
    let suspend = |tenant: &mut amaas_access::Tenant| {
        tenant.status = TenantStatus::Suspended;
        true
    };
    assert!(accounts.change_tenant(&name("late-payer"), suspend).await.expect("reached"));
    let unknown = amaas::ApiKey::generate("test").expect("random");

    let good = good.expose();
    let swapped = format!("{}{}", &good[..good.len() - 1], if good.ends_with('a') { 'b' } else { 'a' });
    for (key, status, kind) in [
        (good, 200, ""),
        (env.key().expose(), 200, ""),
        ("sk-123", 401, "key-malformed"),
        (&good[..good.len() - 1], 401, "key-malformed"),
        (&swapped, 401, "key-malformed"),
        (unknown.expose(), 401, "key-unknown"),
        (revoked.expose(), 401, "key-revoked"),
        (expired.expose(), 401, "key-expired"),
        (elsewhere.expose(), 403, "key-scope"),
        (tensors.expose(), 403, "key-routes"),
        (suspended.expose(), 403, "tenant-suspended"),
    ] {
        let answer = predict(&function, key).await;
        let text = format!("{kind} for {key}");
        let (got, slug) = refusal(answer).await;
        assert_eq!((got.as_u16(), slug.as_str()), (status, kind), "{text}");
    }
    // The other routes of that key work.
    let url = format!("{}/v2/models/sentiment/infer", function.endpoint().await);
    let post = reqwest::Client::new().post(url).bearer_auth(tensors.expose()).json(&json!({ "inputs": [] }));
    assert_eq!(post.send().await.expect("an answer").status(), 400);
    for secret in [unknown.expose(), good, revoked.expose()] {
        assert!(!function.logs().lines().iter().any(|line| line.contains(&secret[12..])), "a key in the log");
    }
}

#[tokio::test]
async fn a_key_that_was_made_a_moment_ago_works_at_once() {
    let (_env, accounts, function) = billing_env().await;
    for round in 0..5 {
        let (key, _) = key(&accounts, KeyTerms { name: round.to_string(), ..KeyTerms::of(name("acme")) }).await;
        assert_eq!(predict(&function, key.expose()).await.status(), 200);
    }
}
