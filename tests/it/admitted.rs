//! Calls are admitted before any work, and charged after it: through real functions.

use std::io::Write;
use std::time::{Duration, Instant};

use amaas::ApiKey;
use amaas_access::{Accounts, KeyTerms, Tenant};
use amaas_e2e::wait::until;
use amaas_e2e::{Function, Program, TestEnv};
use amaas_model::task::{RowTask, Rows, Tasks, TextEmbedding};
use amaas_store::live;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::write::{GzEncoder, ZlibEncoder};
use flate2::{Compression, Crc};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

async fn tenant(accounts: &Accounts, called: &str, limits: &[&str]) -> ApiKey {
    let mut tenant = Tenant::new(called.parse().expect("a name"), 0);
    tenant.limits = limits.iter().map(|limit| limit.parse().expect("a limit")).collect();
    assert!(accounts.add_tenant(&tenant).await.expect("reached"));
    let key = ApiKey::generate("test").expect("random");
    accounts.add_key(&key, KeyTerms::of(tenant.name)).await.expect("kept");
    key
}

async fn get(function: &Function, key: &ApiKey, path: &str) -> Response {
    let url = format!("{}{path}", function.endpoint().await);
    Client::new().get(url).bearer_auth(key.expose()).send().await.expect("an answer")
}

async fn usage(function: &Function, key: &ApiKey) -> Value {
    let usage: Value = get(function, key, "/v1/usage").await.json().await.expect("JSON");
    usage["total"].clone()
}

#[tokio::test]
async fn repeats_and_looks_are_requests_of_the_minute() {
    let env = TestEnv::start().await;
    let (accounts, function) = (env.accounts().await, env.sentiment().await.start());
    function.ready().await;
    let key = tenant(&accounts, "repeats", &["requests/minute=5"]).await;
    let url = format!("{}/v1/models/sentiment/predict", function.endpoint().await);
    let (mut answered, mut replayed, begun) = (0, 0, Instant::now());
    for _ in 0..30 {
        let request = Client::new().post(&url).bearer_auth(key.expose()).header("idempotency-key", "the-same");
        let answer = request.json(&json!({ "inputs": ["a wonderful film"] })).send().await.expect("an answer");
        match answer.status() {
            StatusCode::OK => {
                answered += 1;
                replayed += u64::from(answer.headers().contains_key("idempotency-replayed"));
            }
            status => assert_eq!(status, StatusCode::TOO_MANY_REQUESTS),
        }
    }
    // The first call counts as one request: the second reservation, of the repeat, is returned.
    let most = 5 + begun.elapsed().as_secs() / 12 + 1;
    assert!((5..=most).contains(&answered) && replayed == answered - 1, "{answered} of {most}, {replayed} again");

    for path in ["/v1/models", "/v1/usage", "/openapi.json", "/v2/models/sentiment", "/v2/models/stats"] {
        let name = format!("looks{}", path.replace(['/', '.'], "-"));
        let key = tenant(&accounts, &name, &["requests/minute=5", "requests/month=1"]).await;
        let (mut seen, begun) = (0, Instant::now());
        for _ in 0..8 {
            let answer = get(&function, &key, path).await;
            seen += u64::from(answer.status().is_success());
            let limited = !answer.status().is_success();
            assert!(!limited || answer.headers().contains_key("retry-after"), "{path}: {}", answer.status());
        }
        let most = 5 + begun.elapsed().as_secs() / 12 + 1;
        assert!((5..=most).contains(&seen), "{path}: {seen} of {most}, whatever the month's limit says");
    }
}

#[tokio::test]
async fn no_call_has_no_units() {
    let env = TestEnv::start().await;
    let tasks = Tasks::default().with::<TextEmbedding<amaas_embed::Embed>>();
    env.publish_with(amaas_embed::bundle(live()).expect("committed"), &tasks).await;
    let accounts = env.accounts().await;
    let key = tenant(&accounts, "zero", &["units/month=100"]).await;
    let function = env.launch(Program::Embed, "embed").await.start();
    function.ready().await;
    let infer = async |rows: usize| {
        let input = |name| json!({ "name": name, "datatype": "INT64", "shape": [rows, 0], "data": [] });
        let inputs = ["input_ids", "attention_mask", "token_type_ids"].map(input);
        let url = format!("{}/v2/models/embed/infer", function.endpoint().await);
        let request = Client::new().post(url).bearer_auth(key.expose());
        request.json(&json!({ "inputs": inputs })).send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(infer(4096).await, 413, "the call alone is more than the limit, whatever its tokens");
    let answered = infer(60).await;
    assert!(answered == 200 || answered == 422, "{answered}");
    assert_eq!(infer(60).await, 429, "the first had 60 units");
    assert_eq!(usage(&function, &key).await["units"], 60);
}

#[tokio::test]
async fn who_hangs_up_is_charged_for_what_was_decoded_and_no_more_is() {
    let env = TestEnv::start().await;
    let tasks = Tasks::default().with::<Rows<amaas_digits::Digits>>();
    env.publish_with(amaas_digits::bundle(live()).expect("committed"), &tasks).await;
    let accounts = env.accounts().await;
    let [key, other] = [tenant(&accounts, "leaves", &[]).await, tenant(&accounts, "stays", &[]).await];
    let function = env.launch(Program::Digits, "digits").await.start();
    function.ready().await;
    let url = format!("{}/v1/models/digits/predict", function.endpoint().await);
    let image = BASE64_STANDARD.encode(one(4096, 4000));
    let mut body = GzEncoder::new(Vec::new(), Compression::fast());
    let images = vec![image; 4];
    body.write_all(json!({ "inputs": images }).to_string().as_bytes()).expect("memory");
    let body = body.finish().expect("memory");
    let client = Client::new();
    let call = || {
        let request = client.post(&url).bearer_auth(key.expose()).header("content-encoding", "gzip");
        request.header("content-type", "application/json").body(body.clone()).send()
    };
    // The duration of one call without a disconnect.
    let begun = Instant::now();
    assert_eq!(call().await.expect("an answer").status(), 200);
    let whole = begun.elapsed();
    assert_eq!(usage(&function, &key).await["rows"], 4);

    // Twelve more, which all disconnect in the middle of the first.
    let left = (0..12).map(|_| tokio::time::timeout(whole / 2, call()));
    for left in futures_util::future::join_all(left).await {
        assert!(left.is_err(), "it was answered in half the time");
    }
    let begun = Instant::now();
    let example: Value = serde_json::from_str(amaas_digits::Digits::EXAMPLE).expect("JSON");
    let request = client.post(&url).bearer_auth(other.expose()).json(&json!({ "inputs": [example] }));
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    assert!(begun.elapsed() < whole, "it waited for cancelled calls of another tenant");
    until("who left is charged", async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        usage(&function, &key).await["calls"].as_u64() > Some(1)
    })
    .await;
    tokio::time::sleep(whole).await;
    let total = usage(&function, &key).await;
    let (calls, rows) = (total["calls"].as_u64().expect("a number"), total["rows"].as_u64().expect("a number"));
    assert!((5..4 + 4 * 12).contains(&rows), "{rows} rows: not those of calls that had not begun");
    assert!(calls <= 1 + 12, "{calls}");
}

/// A PNG of a pen stroke.
fn one(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    let (wide, high) = (width as usize, height as usize);
    for y in 0..high {
        let mut line = vec![0; wide + 1];
        if (high / 4..high * 3 / 4).contains(&y) {
            line[wide * 9 / 20..wide * 11 / 20].fill(255);
        }
        pixels.write_all(&line).expect("memory");
    }
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", pixels.finish().expect("memory")), (b"IEND", Vec::new())] {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(&data);
        file.extend(u32::try_from(data.len()).expect("small").to_be_bytes());
        file.extend(kind);
        file.extend(data);
        file.extend(crc.sum().to_be_bytes());
    }
    file
}
