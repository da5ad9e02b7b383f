//! Stores that an attacker wrote to: a function serves nothing of it, and each attack has an error of its own.

use amaas_e2e::{Function, TestEnv};
use amaas_model::publish::Publisher;
use amaas_wire::dsse::SigningKey;

/// Asserts that the function never gets ready, and reports `cause`.
async fn refuses(function: &Function, cause: &str) {
    let reason = function.not_ready(|reason| reason.contains(cause)).await;
    assert!(reason.starts_with("model "), "{reason}");
    assert!(!function.readiness().await.ready);
}

#[tokio::test]
async fn manifests_that_no_publisher_signed_are_refused() {
    let env = TestEnv::start().await;
    let manifest = env.manifest();
    let plain = serde_json::to_vec(&manifest).expect("JSON");
    std::fs::write(env.manifest_file(), plain).expect("written");
    refuses(&env.sentiment().await.start(), "it is not signed").await;

    let stranger = SigningKey::generate().expect("random");
    std::fs::write(env.manifest_file(), manifest.sign(&stranger)).expect("written");
    refuses(&env.sentiment().await.start(), "none of the publishers that this function trusts").await;

    let mut document = String::from_utf8(manifest.sign(&env.publisher().signer)).expect("JSON");
    let middle = document.find("payload\":\"").expect("a payload") + 400;
    let other = if document.as_bytes()[middle] == b'A' { "B" } else { "A" };
    document.replace_range(middle..=middle, other);
    std::fs::write(env.manifest_file(), document).expect("written");
    refuses(&env.sentiment().await.start(), "the signature does not match: the manifest was altered").await;
}

#[tokio::test]
async fn models_in_the_place_of_others_are_refused() {
    let env = TestEnv::start().await;
    let network = amaas_e2e::onnx::plus_one();
    env.publish("other", network).await;
    let other = std::fs::read(env.file("models/other/1/manifest.json")).expect("published");
    std::fs::write(env.manifest_file(), other).expect("written");
    let cause = "manifest models/sentiment/1/manifest.json is that of model other version 1";
    refuses(&env.sentiment().await.start(), cause).await;

    // A publisher's own mistake: blobs that were sealed for another model, signed for this one.
    let env = TestEnv::start().await;
    let manifest = env.manifest();
    let other = amaas_model::manifest::Manifest { model: "swapped".parse().expect("a name"), ..manifest };
    let key = "models/swapped/1/manifest.json";
    std::fs::create_dir_all(env.file(key).parent().expect("in a folder")).expect("made");
    std::fs::write(env.file(key), other.sign(&env.publisher().signer)).expect("written");
    let function = env.launch(amaas_e2e::Program::Sentiment, "swapped").await;
    refuses(&function.set("AMAAS_MODEL_VERSION", "1").start(), "cannot be unwrapped").await;
}

#[tokio::test]
async fn what_was_sealed_for_another_version_is_refused() {
    let env = TestEnv::start().await;
    let manifest = env.manifest();
    let later = amaas_model::manifest::Manifest { serial: manifest.serial + 1, ..manifest };
    env.put_manifest(&later);
    refuses(&env.sentiment().await.start(), "authentication failed").await;
}

#[tokio::test]
async fn versions_below_the_pinned_serial_are_refused() {
    let env = TestEnv::start().await;
    let serial = env.manifest().serial;
    let function = env.sentiment().await.set("AMAAS_LEAST_SERIAL", (serial + 1).to_string()).start();
    refuses(&function, &format!("has the serial {serial}, below AMAAS_LEAST_SERIAL")).await;
    env.sentiment().await.set("AMAAS_LEAST_SERIAL", serial.to_string()).start().ready().await;
}

#[tokio::test]
async fn without_the_right_key_nothing_is_opened() {
    let env = TestEnv::start().await;
    let other = env.file("other.key");
    std::fs::write(&other, "0".repeat(64)).expect("written");
    let function = env.sentiment().await.set("AMAAS_KMS_KEY", format!("file:{}", other.display())).start();
    refuses(&function, "cannot be unwrapped").await;

    // The key of another version, wrapped as this one's: the manifest does not commit to it.
    let Publisher { signer, .. } = env.publisher();
    let mut manifest = env.manifest();
    let sealing = manifest.sealing.as_mut().expect("it is sealed");
    sealing.commitment = amaas_wire::Digest::of(b"another key");
    std::fs::write(env.manifest_file(), manifest.sign(signer)).expect("written");
    refuses(&env.sentiment().await.start(), "not the one that the manifest commits to").await;
}

#[tokio::test]
async fn documents_that_would_fill_the_memory_are_refused() {
    let env = TestEnv::start().await;
    let document = std::fs::File::options().write(true).open(env.manifest_file()).expect("it was published");
    // None of it is on the disk.
    document.set_len(1 << 40).expect("a sparse file");
    refuses(&env.sentiment().await.start(), "is larger than a document may be: 16777216 bytes").await;
}
