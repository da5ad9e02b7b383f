//! Receipts of answers, compared with the sent and received bytes.
use amaas_model::task::TextGeneration;

use amaas::task::TextClassification;
use amaas::{Answer, Sealing};
use amaas_e2e::{Program, TestEnv};
use amaas_serve::sealing::KeySet;
use amaas_wire::receipt::{SignedReceipt, split_comment};
use serde_json::json;

use super::{TEXT, billing_env};

#[tokio::test]
async fn every_answer_has_a_receipt_that_its_signer_and_contents_prove() {
    let (env, _, function) = billing_env().await;
    let model = "sentiment".parse().expect("a name");
    let signers = KeySet::read(&env.store().await, &model, env.vault()).await.expect("keys").signers();
    let manifest = std::fs::read(env.manifest_file()).expect("read");
    let endpoint = function.endpoint().await;

    // Without the SDK, from the bytes of request and answer.
    let body = json!({ "inputs": [TEXT, TEXT] }).to_string();
    let post = reqwest::Client::new().post(format!("{endpoint}/v1/models/sentiment/predict"));
    let answer = post.bearer_auth(env.key().expose()).body(body.clone()).send().await.expect("an answer");
    let receipt = answer.headers()["amaas-receipt"].to_str().expect("text").to_owned();
    let request_id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    let output = answer.bytes().await.expect("a body");
    let signed: SignedReceipt = receipt.parse().expect("a receipt");
    let receipt = signed.verify(&signers).expect("signed by the model's signer");
    receipt.is_of(body.as_bytes(), &output).expect("of these contents");
    assert!(receipt.is_of(body.as_bytes(), b"another").is_err());
    assert_eq!(
        (receipt.tenant.as_str(), receipt.model.as_str(), receipt.version.as_str()),
        ("tests", "sentiment", "1")
    );
    assert_eq!(
        (receipt.request_id.as_str(), receipt.usage.units, receipt.usage.unit.as_str()),
        (request_id.as_str(), 2, "rows")
    );
    // The model's digest is that of the publisher's signed manifest.
    let envelope: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, envelope["payload"].as_str().expect("text"));
    assert_eq!(receipt.digest, amaas_wire::Digest::of(&payload.expect("base64")));

    // Through the SDK, sealed and with pinned signers; it compares the receipt with its own bytes.
    let client = env.client_builder(&endpoint).signers(signers.clone()).build().expect("enough is set");
    let answer: Answer<TextClassification> = client.model("sentiment").predict(TEXT).await.expect("an answer");
    answer.receipt().expect("there is one").verify(&signers).expect("signed");
    let plain = env.client_builder(&endpoint).sealing(Sealing::Off).build().expect("enough is set");
    let answer: Answer<TextClassification> = plain.model("sentiment").predict(TEXT).await.expect("an answer");
    answer.receipt().expect("there is one").verify(&signers).expect("signed");
}

#[tokio::test]
async fn a_streamed_text_has_its_receipt_behind_it() {
    let env = TestEnv::start().await;
    let publication = amaas_generate::bundle(amaas_store::live()).expect("committed");
    let tasks = amaas_model::task::Tasks::default().with::<TextGeneration<amaas_generate::Generate>>();
    env.publish_with(publication, &tasks).await;
    let function = env.launch(Program::Generate, "generate").await.start();
    function.ready().await;
    let model = "generate".parse().expect("a name");
    let signers = KeySet::read(&env.store().await, &model, env.vault()).await.expect("keys").signers();
    let body =
        json!({ "model": "generate", "prompt": "ROMEO:", "max_tokens": 12, "stream": true, "seed": 7 }).to_string();
    let post = reqwest::Client::new().post(format!("{}/v1/completions", function.endpoint().await));
    let answer = post.bearer_auth(env.key().expose()).body(body.clone()).send().await.expect("an answer");
    let all = answer.bytes().await.expect("a body");
    let (content, receipt) = split_comment(&all).expect("a receipt behind the events");
    assert!(content.ends_with(b"data: [DONE]\n\n"));
    let signed: SignedReceipt = receipt.parse().expect("a receipt");
    let receipt = signed.verify(&signers).expect("signed");
    receipt.is_of(body.as_bytes(), content).expect("of these contents");
    assert_eq!(receipt.usage.unit, "tokens");
    assert!(receipt.usage.units > 12, "the prompt's too: {}", receipt.usage.units);

    // Its answer is not stored for repeats, so an idempotency key hides none of them.
    let endpoint = function.endpoint().await;
    for seed in [1, 2, 2] {
        let body = json!({ "model": "generate", "prompt": "JULIET:", "max_tokens": 3, "stream": true, "seed": seed });
        let post = reqwest::Client::new().post(format!("{endpoint}/v1/completions")).header("idempotency-key", "one");
        let answer = post.bearer_auth(env.key().expose()).body(body.to_string()).send().await.expect("an answer");
        assert!(answer.text().await.expect("a body").contains("[DONE]"));
    }
    let usage = reqwest::Client::new().get(format!("{endpoint}/v1/usage")).bearer_auth(env.key().expose());
    let usage: serde_json::Value = usage.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(usage["total"]["calls"], 4);
}
