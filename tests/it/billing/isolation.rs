//! A tenant sees nothing of another tenant, whatever ids it knows.

use amaas_access::KeyTerms;
use amaas_e2e::TestEnv;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use super::{TEXT, billing_env, key, name};

#[tokio::test]
async fn no_route_reveals_one_tenant_to_another() {
    let (env, accounts, function) = billing_env().await;
    let (ours, record) = key(&accounts, KeyTerms::of(name("canary-tenant"))).await;
    let (theirs, _) = key(&accounts, KeyTerms::of(name("curious"))).await;
    let endpoint = function.endpoint().await;
    let client = Client::new();
    // A call of ours, with ids that the other tenant has learnt.
    let ask = |key: &str, idempotency: &str, request: &str| {
        let post = client.post(format!("{endpoint}/v1/models/sentiment/predict")).bearer_auth(key);
        let post = post.header("idempotency-key", idempotency).header("x-request-id", request);
        post.json(&json!({ "inputs": [TEXT] })).send()
    };
    let first = ask(ours.expose(), "canary-call", "canary-request").await.expect("an answer");
    assert_eq!(first.status(), 200);
    let again = ask(ours.expose(), "canary-call", "canary-request").await.expect("an answer");
    assert!(again.headers().contains_key("idempotency-replayed"), "ours is there for us");

    let stolen = ask(theirs.expose(), "canary-call", "other-request").await.expect("an answer");
    assert_eq!(stolen.status(), 200);
    assert!(!stolen.headers().contains_key("idempotency-replayed"), "and for nobody else");

    let canaries = ["canary-tenant", "canary-call", "canary-request", record.id.as_str()];
    let document: Value = get(&client, &endpoint, "/openapi.json", theirs.expose()).await.json().await.expect("JSON");
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{model}", "sentiment").replace("{version}", "1");
        for method in operations.as_object().expect("operations").keys() {
            let method: Method = method.to_uppercase().parse().expect("a method");
            for query in
                ["", "?tenant=canary-tenant", &format!("?key={}&by=key", record.id), "?by=key&since=2020-01-01"]
            {
                let url = format!("{endpoint}{path}{query}");
                let request = client.request(method.clone(), url).bearer_auth(theirs.expose());
                let request = request.header("idempotency-key", "canary-call").header("x-tenant", "canary-tenant");
                let request = if method == Method::POST { request.json(&json!({ "inputs": [TEXT] })) } else { request };
                let answer = request.send().await.expect("an answer");
                let headers = format!("{:?}", answer.headers());
                let body = String::from_utf8_lossy(&answer.bytes().await.expect("a body")).into_owned();
                for canary in canaries {
                    assert!(!body.contains(canary) && !headers.contains(canary), "{method} {path}{query}: {canary}");
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 60, "{asked}");

    let of = async |key: &str| -> Value { get(&client, &endpoint, "/v1/usage", key).await.json().await.expect("JSON") };
    let (mine, other) = (of(ours.expose()).await, of(theirs.expose()).await);
    assert_eq!(
        (&mine["tenant"], &mine["total"]["calls"]),
        (&json!("canary-tenant"), &json!(1)),
        "once, though repeated"
    );
    assert_eq!(other["tenant"], json!("curious"));
    assert_kept_under_a_key_each(&env);
}

async fn get(client: &Client, endpoint: &str, path: &str, key: &str) -> Response {
    client.get(format!("{endpoint}{path}")).bearer_auth(key).send().await.expect("an answer")
}

/// Stored answers are nowhere in the clear.
fn assert_kept_under_a_key_each(env: &TestEnv) {
    let mut bytes = std::fs::read(env.ledger()).expect("read");
    let mut log = env.ledger().into_os_string();
    log.push("-wal");
    bytes.extend(std::fs::read(log).unwrap_or_default());
    for secret in ["positive", TEXT, "canary-call"] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
}
