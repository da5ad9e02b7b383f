//! Stores that hold something else than a model.

use amaas::{ErrorKind, RetryConfig};
use amaas_e2e::{Function, Stage, library};
use amaas_model::manifest::Blob;
use amaas_model::publish::{Publication, publish, set_alias};
use amaas_model::task::Tasks;

use super::serves;

/// That the function says `cause` wherever it is asked, and goes on answering.
async fn refuses(stage: &Stage, function: &Function, cause: &str) {
    let reason = function.not_ready(|reason| reason.contains(cause)).await;
    assert!(reason.starts_with("model sentiment: "), "{reason}");
    let client = stage.client_builder(function.endpoint().await).retry(RetryConfig::off()).build().expect("enough");
    let error = client.model("sentiment").predict::<serde_json::Value>("x").await.expect_err("it is not ready");
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unavailable, Some(503)), "{error}");
    assert_eq!(error.problem().map(|problem| problem.kind.as_str()), Some("urn:amaas:problem:not-ready"));
    assert!(error.detail().is_some_and(|detail| detail.contains(cause)), "{error}");
    assert!(!client.models().await.expect("an answer").data[0].ready);
}

#[tokio::test]
async fn a_blob_that_is_cut_off_is_named_and_healed() {
    let stage = Stage::set().await;
    let network = stage.manifest().network;
    let file = stage.file(&format!("blobs/sha256/{}", network.digest));
    let whole = std::fs::read(&file).expect("it was published");
    std::fs::write(&file, &whole[..1000]).expect("it can be written");
    let function = stage.sentiment().await.start();
    let cause = format!(
        "object blobs/sha256/{} of bucket amaas is truncated: expected {} bytes from 0, got 1000",
        network.digest, network.size
    );
    refuses(&stage, &function, &cause).await;

    std::fs::write(&file, whole).expect("it can be written");
    function.ready().await;
    serves(&stage.client(function.endpoint().await)).await;
}

#[tokio::test]
async fn a_blob_that_was_altered_is_named() {
    let stage = Stage::set().await;
    let manifest = stage.manifest();
    for blob in [&manifest.network, &manifest.assets["words.txt"]] {
        let file = stage.file(&format!("blobs/sha256/{}", blob.digest));
        let whole = std::fs::read(&file).expect("it was published");
        let mut altered = whole.clone();
        altered[whole.len() / 2] ^= 1;
        std::fs::write(&file, altered).expect("it can be written");
        let function = stage.sentiment().await.start();
        refuses(&stage, &function, &format!("blob {} segment 0: digest mismatch: expected", blob.digest)).await;
        std::fs::write(&file, whole).expect("it can be written");
    }
}

#[tokio::test]
async fn a_blob_that_is_gone_is_named() {
    let stage = Stage::set().await;
    let key = format!("blobs/sha256/{}", stage.manifest().network.digest);
    std::fs::remove_file(stage.file(&key)).expect("it was published");
    let function = stage.sentiment().await.start();
    refuses(&stage, &function, &format!("bucket amaas has no object {key}")).await;
}

#[tokio::test]
async fn a_network_that_is_not_onnx_is_not_published() {
    let stage = Stage::set().await;
    for network in [&b"this is no network"[..], b"", b"\x00\xff\x12\x07canary"] {
        let publication = Publication::of_network("broken".parse().expect("a model's name"), network);
        let error = publish(&stage.store().await, publication, &Tasks::default(), library().await, stage.publisher())
            .await
            .expect_err("not ONNX")
            .to_string();
        assert!(error.contains("not an ONNX file") || error.contains("cannot run this network"), "{error}");
    }
    assert!(!stage.file("models/broken").exists());
}

#[tokio::test]
async fn a_network_that_is_not_onnx_is_not_served() {
    let stage = Stage::set_unsealed().await;
    let bytes = b"this is no network";
    let mut manifest = stage.manifest();
    manifest.network = Blob::of(bytes);
    std::fs::write(stage.file(&format!("blobs/sha256/{}", manifest.network.digest)), bytes).expect("written");
    stage.put_manifest(&manifest);
    let function = stage.sentiment().await.start();
    refuses(&stage, &function, "not an ONNX file").await;
}

#[tokio::test]
async fn a_network_with_other_answers_is_not_served() {
    let stage = Stage::set_unsealed().await;
    // The right network with answers that are another's.
    let golden = stage.manifest().golden.expect("it was published with cases").blob;
    let cases = std::fs::read_to_string(stage.file(&format!("blobs/sha256/{}", golden.digest))).expect("published");
    let wrong = cases.replacen("0.593577", "0.693577", 1);
    assert_ne!(wrong, cases);
    let mut manifest = stage.manifest();
    let blob = Blob::of(wrong.as_bytes());
    std::fs::write(stage.file(&format!("blobs/sha256/{}", blob.digest)), wrong).expect("it can be written");
    manifest.golden.as_mut().expect("it was published with cases").blob = blob;
    stage.put_manifest(&manifest);
    let function = stage.sentiment().await.start();
    refuses(&stage, &function, "golden case 0: output \"probability\" is off by").await;
}

#[tokio::test]
async fn names_that_point_nowhere_are_named() {
    let stage = Stage::set().await;
    for (variable, value, cause) in [
        ("AMAAS_MODEL_VERSION", "other", "bucket amaas has no object models/sentiment/aliases/other"),
        ("AMAAS_MODEL_VERSION", "9", "bucket amaas has no object models/sentiment/9/manifest.json"),
    ] {
        let function = stage.sentiment().await.set(variable, value).start();
        refuses(&stage, &function, cause).await;
    }
    for (key, text, cause) in [
        ("models/sentiment/aliases/live", "1", "alias live of model sentiment: it is not signed; `amaas alias"),
        ("models/sentiment/1/manifest.json", "{}", "manifest models/sentiment/1/manifest.json: it is not signed"),
    ] {
        let whole = std::fs::read(stage.file(key)).expect("it was published");
        std::fs::write(stage.file(key), text).expect("it can be written");
        let function = stage.sentiment().await.start();
        refuses(&stage, &function, cause).await;
        std::fs::write(stage.file(key), whole).expect("it can be written");
    }
}

#[tokio::test]
async fn an_alias_goes_back_by_a_new_pointer_only() {
    // Version 2 was published last, and its publisher rolls back to 1.
    let stage = Stage::set_unsealed().await;
    let alias = stage.file("models/sentiment/aliases/live");
    let to_two = std::fs::read(&alias).expect("it was published");
    let (model, live) = ("sentiment".parse().expect("a name"), "live".parse().expect("an alias"));
    let one = "1".parse().expect("a version");
    set_alias(&stage.store().await, (&model, &live), &one, &stage.publisher().signer).await.expect("it is there");
    let function = stage.sentiment().await.start();
    serves(&stage.client(function.endpoint().await)).await;

    // Who can write the store has the earlier pointer, which is signed as well.
    let to_one = std::fs::read(&alias).expect("it was moved");
    std::fs::write(&alias, &to_two).expect("it can be written");
    refuses(&stage, &stage.sentiment().await.start(), "an older pointer was restored in the store").await;
    serves(&stage.client(function.endpoint().await)).await;
    std::fs::write(&alias, to_one).expect("it can be written");
    serves(&stage.client(stage.sentiment().await.start().endpoint().await)).await;
}
