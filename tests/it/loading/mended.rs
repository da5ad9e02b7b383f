//! New versions that cannot be loaded while an earlier one serves, and their recovery.

use std::path::PathBuf;
use std::time::Duration;

use amaas_e2e::wait::until;
use amaas_e2e::{TestEnv, library, onnx};
use amaas_engine::RuntimeConfig;
use amaas_model::load::ModelSource;
use amaas_model::load::TrustPolicy;
use amaas_model::publish::set_alias;
use amaas_model::task::Tasks;
use amaas_serve::AppState;
use amaas_serve::Limits;
use amaas_serve::host::{self, Server};
use amaas_store::live;
use serde_json::{Value, json};

/// A host in this process that follows all models of `env`, and its address.
async fn follow(env: &TestEnv) -> String {
    let host = AppState::builder(env.accounts().await, Limits::default()).build();
    let trust = TrustPolicy { publishers: vec![env.publisher().signer.verifying_key()], least_serial: 0 };
    let source = ModelSource::new(env.store().await, Some(env.vault().clone()), trust);
    let config = RuntimeConfig { library: Some(library().await.to_path_buf()), ..RuntimeConfig::default() };
    tokio::spawn(amaas_local::watch::watch(host.clone(), source, Tasks::default(), config, Duration::from_millis(100)));
    let server = Server::bind("127.0.0.1", 0).await.expect("a free port");
    let endpoint = format!("http://{}", server.address());
    tokio::spawn(host::serve(server, host, std::future::pending()));
    endpoint
}

async fn get(url: String) -> (u16, Value) {
    let answer = reqwest::get(url).await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// The host's status of the model `plus`: the serving version, and the error.
async fn served(env: &TestEnv, endpoint: &str) -> (String, String) {
    let index = reqwest::Client::new().post(format!("{endpoint}/v2/repository/index")).bearer_auth(env.key().expose());
    let index: Value = index.json(&json!({})).send().await.expect("an answer").json().await.expect("JSON");
    let entries = index.as_array().expect("a list");
    let Some(plus) = entries.iter().find(|entry| entry["name"] == "plus") else { return Default::default() };
    let text = |name: &str| plus[name].as_str().unwrap_or_default().to_owned();
    (text("version"), text("reason"))
}

#[tokio::test]
async fn a_version_is_loaded_once_it_is_mended_and_until_then_the_host_says_what_is_wrong() {
    let env = TestEnv::start().await;
    env.publish("plus", onnx::plus_one()).await;
    let second = env.publish("plus", onnx::add()).await;
    let (model, live) = ("plus".parse().expect("a name"), live());
    let to = async |version: &str| {
        let version = version.parse().expect("a version");
        set_alias(&env.store().await, (&model, &live), &version, &env.publisher().signer).await.expect("it is there");
    };
    let blob: PathBuf = env.file(&format!("blobs/sha256/{}", second.network.digest));
    let manifest = env.file("models/plus/2/manifest.json");
    to("1").await;
    let endpoint = follow(&env).await;
    until("version 1 answers", async || served(&env, &endpoint).await.0 == "1").await;

    for (file, cause, moves) in
        [(&blob, "digest mismatch", false), (&blob, "digest mismatch", true), (&manifest, "manifest", true)]
    {
        let whole = std::fs::read(file).expect("it was published");
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 1;
        std::fs::write(file, damaged).expect("it can be written");
        to("2").await;
        until("the host says what is wrong", async || served(&env, &endpoint).await.1.contains(cause)).await;
        let (version, reason) = served(&env, &endpoint).await;
        assert_eq!(version, "1", "it goes on");
        assert!(reason.starts_with("live points to 2, which could not be loaded: "), "{reason}");
        let (status, ready) = get(format!("{endpoint}/v2/models/plus/ready")).await;
        assert_eq!((status, &ready["ready"], ready["reason"].as_str()), (200, &Value::Bool(true), Some(&*reason)));

        std::fs::write(file, whole).expect("it can be written");
        if moves {
            to("1").await;
            until("nothing is wrong", async || served(&env, &endpoint).await == ("1".to_owned(), String::new())).await;
            to("2").await;
        }
        until("version 2 answers", async || served(&env, &endpoint).await == ("2".to_owned(), String::new())).await;
        to("1").await;
        until("version 1 answers", async || served(&env, &endpoint).await.0 == "1").await;
    }
}

#[tokio::test]
async fn one_model_that_fails_among_several_does_not_take_the_host_out_of_service() {
    let env = TestEnv::start().await;
    let broken = env.publish("broken", onnx::plus_one()).await;
    env.publish("plus", onnx::add()).await;
    std::fs::remove_file(env.file(&format!("blobs/sha256/{}", broken.network.digest))).expect("it was published");
    let endpoint = follow(&env).await;
    // The sentiment model of the environment has a task that this host does not know.
    let ready = || get(format!("{endpoint}/v2/health/ready"));
    until("the host is ready", async || ready().await.0 == 200 && served(&env, &endpoint).await.0 == "1").await;
    until("both failures are reported", async || {
        ready().await.1["reason"].as_str().is_some_and(|reason| reason.contains("1 more"))
    })
    .await;
    let (status, said) = ready().await;
    let reason = said["reason"].as_str().unwrap_or_default();
    assert!(status == 200 && reason.starts_with("model broken: bucket amaas has no object blobs/"), "{said}");
    assert_eq!(get(format!("{endpoint}/v2/models/broken/ready")).await.0, 503);

    // The answer has `Retry-After` only if the error can pass by itself.
    let call =
        reqwest::Client::new().post(format!("{endpoint}/v2/models/broken/infer")).bearer_auth(env.key().expose());
    let refused = call.json(&json!({"inputs": []})).send().await.expect("an answer");
    assert_eq!((refused.status().as_u16(), refused.headers().get("retry-after")), (503, None));
}
