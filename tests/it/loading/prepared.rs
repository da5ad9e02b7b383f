//! Prepared networks, which load faster.

use amaas::{Client, Tensor};
use amaas_e2e::{Function, ProcessBuilder, Program, TestEnv, library};
use amaas_model::manifest::{Blob, Manifest, PreparedNetwork};
use amaas_model::publish::{BlobProtection, Publication, Publisher, publish};
use amaas_model::task::Tasks;

/// An environment with the bundled encoder as an unsealed network of its own, its manifest, and its prepared network.
///
/// A network is prepared if its start was measured to be faster, which other tests can disturb: it is published again then.
async fn env() -> (TestEnv, Manifest, PreparedNetwork) {
    let mut reasons = Vec::new();
    for _ in 0..MAX_PUBLICATIONS {
        let env = TestEnv::start().await;
        let network = amaas_embed::bundle(amaas_store::live()).expect("committed").network;
        let publication = Publication::of_network("encoder".parse().expect("a name"), network);
        let publisher = Publisher { protection: BlobProtection::Unsealed, ..env.publisher().clone() };
        let done = publish(&env.store().await, publication, &Tasks::default(), library().await, &publisher).await;
        let done = done.expect("it can be served");
        match done.manifest.prepared.clone() {
            Some(prepared) => return (env, done.manifest, prepared),
            None => reasons.push(done.prepared_reason),
        }
    }
    panic!("a network of megabytes is not prepared: {reasons:?}");
}

/// How often a network is published until its preparation was measured to be worth it.
const MAX_PUBLICATIONS: usize = 5;

async fn function(env: &TestEnv) -> ProcessBuilder {
    env.launch(Program::Tensor, "encoder").await.set("AMAAS_SEALING", "off")
}

/// The function's answers to `calls` calls.
async fn answers(env: &TestEnv, function: &Function, calls: usize) -> Vec<Vec<Tensor>> {
    function.ready().await;
    let client: Client =
        env.client_builder(function.endpoint().await).sealing(amaas::Sealing::Off).build().expect("loopback");
    let mut answers = Vec::new();
    for _ in 0..calls {
        let ids: Vec<i64> = (0..32).map(|index| 5 + index * 37 % 900).collect();
        let tensor = |name, values: Vec<i64>| Tensor::new(name, vec![2, 16], values).expect("a tensor");
        let [mask, types] =
            [("attention_mask", 1), ("token_type_ids", 0)].map(|(name, all)| tensor(name, vec![all; 32]));
        answers.push(
            client
                .model("encoder")
                .infer(vec![tensor("input_ids", ids), mask, types])
                .await
                .expect("an answer")
                .outputs()
                .to_vec(),
        );
    }
    answers
}

/// Asserts that the tensors are equal, up to the order of sums.
fn near(got: &[Tensor], expected: &[Tensor]) {
    let values = |tensors: &[Tensor]| tensors[0].data().as_f32().expect("FP32").to_vec();
    let (got, expected) = (values(got), values(expected));
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-5, "{got} for {expected}");
    }
}

/// Changes the manifest's entry for the prepared network.
fn put(env: &TestEnv, manifest: &Manifest, prepared: Option<PreparedNetwork>) {
    let key = env.file("models/encoder/1/manifest.json");
    let manifest = Manifest { prepared, ..manifest.clone() };
    std::fs::write(key, manifest.sign(&env.publisher().signer)).expect("written");
}

#[tokio::test]
async fn what_is_prepared_answers_as_the_network_does() {
    let (env, manifest, prepared) = env().await;
    assert_eq!((prepared.format.as_str(), prepared.runtime.as_str()), ("ort", amaas_engine::runtime::VERSION));

    put(&env, &manifest, None);
    let expected = answers(&env, &function(&env).await.start(), 1).await.remove(0);
    put(&env, &manifest, Some(prepared));
    // Only one of the two is fetched.
    std::fs::remove_file(env.file(&format!("blobs/sha256/{}", manifest.network.digest))).expect("it is there");
    let function = async |prepack| {
        function(&env).await.set("AMAAS_PREPACK", prepack).set("AMAAS_LOG", "info,amaas_engine=debug").start()
    };
    assert_eq!(answers(&env, &function("at-load").await, 1).await[0], expected);
    let first = function("never").await;
    for answer in answers(&env, &first, 12).await {
        near(&answer, &expected);
    }
    // After some runs a session with prepacked weights replaces the first.
    let first = function("later").await;
    for answer in answers(&env, &first, 12).await {
        near(&answer, &expected);
    }
    first.logs().message("weights prepacked").await;
    let mut last = answers(&env, &first, 1).await.remove(0);
    for _ in 0..100 {
        if last == expected {
            break;
        }
        last = answers(&env, &first, 1).await.remove(0);
    }
    assert_eq!(last, expected);
}

#[tokio::test]
async fn what_another_runtime_prepared_and_what_makes_no_session_is_left_alone() {
    let (env, manifest, prepared) = env().await;
    put(&env, &manifest, None);
    let expected = answers(&env, &function(&env).await.start(), 1).await;

    std::fs::remove_file(env.file(&format!("blobs/sha256/{}", prepared.blob.digest))).expect("it is there");
    put(&env, &manifest, Some(PreparedNetwork { runtime: "1.0.0".to_owned(), ..prepared.clone() }));
    assert_eq!(answers(&env, &function(&env).await.start(), 1).await, expected);

    let garbage = vec![7; 4096];
    let blob = Blob::of(&garbage);
    std::fs::write(env.file(&format!("blobs/sha256/{}", blob.digest)), garbage).expect("written");
    put(&env, &manifest, Some(PreparedNetwork { blob, ..prepared }));
    let function = function(&env).await.start();
    assert_eq!(answers(&env, &function, 1).await, expected);
    function.logs().message("the prepared network cannot be loaded: using the ONNX file").await;
}
