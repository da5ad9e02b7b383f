//! Stores whose content is no valid model.

use amaas::{ErrorKind, RetryConfig};
use amaas_e2e::{Function, TestEnv, library};
use amaas_model::manifest::Blob;
use amaas_model::publish::{Publication, publish, set_alias};
use amaas_model::task::Tasks;

use super::serves;

/// Asserts that the function reports `cause` on each route, and keeps running.
async fn refuses(env: &TestEnv, function: &Function, cause: &str) {
    let reason = function.not_ready(|reason| reason.contains(cause)).await;
    assert!(reason.starts_with("model sentiment: "), "{reason}");
    let client = env.client_builder(function.endpoint().await).retry(RetryConfig::off()).build().expect("enough");
    let error = client.model("sentiment").predict::<serde_json::Value>("x").await.expect_err("it is not ready");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Some(503)), "{error}");
    assert_eq!(error.problem().map(|problem| problem.kind.as_str()), Some("urn:amaas:problem:not-ready"));
    assert!(error.detail().is_some_and(|detail| detail.contains(cause)), "{error}");
    assert!(!client.models().await.expect("an answer").data[0].ready);
}

#[tokio::test]
async fn a_blob_that_is_cut_off_is_named_and_healed() {
    let env = TestEnv::start().await;
    let network = env.manifest().network;
    let file = env.file(&format!("blobs/sha256/{}", network.digest));
    let whole = std::fs::read(&file).expect("it was published");
    std::fs::write(&file, &whole[..1000]).expect("it can be written");
    let function = env.sentiment().await.start();
    let cause = format!(
        "object blobs/sha256/{} of bucket amaas is truncated: expected {} bytes from 0, got 1000",
        network.digest, network.size
    );
    refuses(&env, &function, &cause).await;

    std::fs::write(&file, whole).expect("it can be written");
    function.ready().await;
    serves(&env.client(function.endpoint().await)).await;
}

#[tokio::test]
async fn a_blob_that_was_altered_is_named() {
    let env = TestEnv::start().await;
    let manifest = env.manifest();
    for blob in [&manifest.network, &manifest.assets["words.txt"]] {
        let file = env.file(&format!("blobs/sha256/{}", blob.digest));
        let whole = std::fs::read(&file).expect("it was published");
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 1;
        std::fs::write(&file, altered).expect("it can be written");
        let function = env.sentiment().await.start();
        refuses(&env, &function, &format!("blob {} segment 0: digest mismatch: expected", blob.digest)).await;
        std::fs::write(&file, whole).expect("it can be written");
    }
}

#[tokio::test]
async fn a_blob_that_is_gone_is_named() {
    let env = TestEnv::start().await;
    let key = format!("blobs/sha256/{}", env.manifest().network.digest);
    std::fs::remove_file(env.file(&key)).expect("it was published");
    let function = env.sentiment().await.start();
    refuses(&env, &function, &format!("bucket amaas has no object {key}")).await;
}

#[tokio::test]
async fn a_network_that_is_not_onnx_is_not_published() {
    let env = TestEnv::start().await;
    for network in [&b"this is no network"[..], b"", b"\x00\xff\x12\x07canary"] {
        let publication = Publication::of_network("broken".parse().expect("a model's name"), network);
        let error = publish(&env.store().await, publication, &Tasks::default(), library().await, env.publisher())
            .await
            .expect_err("not ONNX")
            .to_string();
        assert!(error.contains("not an ONNX file") || error.contains("cannot run this network"), "{error}");
    }
    assert!(!env.file("models/broken").exists());
}

#[tokio::test]
async fn a_network_that_is_not_onnx_is_not_served() {
    let env = TestEnv::start_unsealed().await;
    let bytes = b"this is no network";
    let mut manifest = env.manifest();
    manifest.network = Blob::of(bytes);
    std::fs::write(env.file(&format!("blobs/sha256/{}", manifest.network.digest)), bytes).expect("written");
    env.put_manifest(&manifest);
    let function = env.sentiment().await.start();
    refuses(&env, &function, "not an ONNX file").await;
}

#[tokio::test]
async fn a_network_with_other_answers_is_not_served() {
    let env = TestEnv::start_unsealed().await;
    // The right network with another network's golden answers.
    let golden = env.manifest().golden.expect("it was published with cases").blob;
    let cases = std::fs::read_to_string(env.file(&format!("blobs/sha256/{}", golden.digest))).expect("published");
    let wrong = cases.replacen("0.593577", "0.693577", 1);
    assert_ne!(wrong, cases);
    let mut manifest = env.manifest();
    let blob = Blob::of(wrong.as_bytes());
    std::fs::write(env.file(&format!("blobs/sha256/{}", blob.digest)), wrong).expect("it can be written");
    manifest.golden.as_mut().expect("it was published with cases").blob = blob;
    env.put_manifest(&manifest);
    let function = env.sentiment().await.start();
    refuses(&env, &function, "golden case 0: output \"probability\" is off by").await;
}

#[tokio::test]
async fn names_that_point_nowhere_are_named() {
    let env = TestEnv::start().await;
    for (variable, value, cause) in [
        ("AMAAS_MODEL_VERSION", "other", "bucket amaas has no object models/sentiment/aliases/other"),
        ("AMAAS_MODEL_VERSION", "9", "bucket amaas has no object models/sentiment/9/manifest.json"),
    ] {
        let function = env.sentiment().await.set(variable, value).start();
        refuses(&env, &function, cause).await;
    }
    for (key, text, cause) in [
        ("models/sentiment/aliases/live", "1", "alias live of model sentiment: it is not signed; `amaas alias"),
        ("models/sentiment/1/manifest.json", "{}", "manifest models/sentiment/1/manifest.json: it is not signed"),
    ] {
        let whole = std::fs::read(env.file(key)).expect("it was published");
        std::fs::write(env.file(key), text).expect("it can be written");
        let function = env.sentiment().await.start();
        refuses(&env, &function, cause).await;
        std::fs::write(env.file(key), whole).expect("it can be written");
    }
}

#[tokio::test]
async fn an_alias_goes_back_by_a_new_pointer_only() {
    // Version 2 was published last, and its publisher rolls back to 1.
    let env = TestEnv::start_unsealed().await;
    let alias = env.file("models/sentiment/aliases/live");
    let to_two = std::fs::read(&alias).expect("it was published");
    let (model, live) = ("sentiment".parse().expect("a name"), "live".parse().expect("an alias"));
    let one = "1".parse().expect("a version");
    set_alias(&env.store().await, (&model, &live), &one, &env.publisher().signer).await.expect("it is there");
    let function = env.sentiment().await.start();
    serves(&env.client(function.endpoint().await)).await;

    // An attacker with write access has the earlier pointer, which is signed as well.
    let to_one = std::fs::read(&alias).expect("it was moved");
    std::fs::write(&alias, &to_two).expect("it can be written");
    refuses(&env, &env.sentiment().await.start(), "an older pointer was restored in the store").await;
    serves(&env.client(function.endpoint().await)).await;
    std::fs::write(&alias, to_one).expect("it can be written");
    serves(&env.client(env.sentiment().await.start().endpoint().await)).await;
}
