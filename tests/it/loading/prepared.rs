//! Networks in the form that is ready sooner.

use amaas::{Client, Tensor};
use amaas_e2e::{Function, Launch, Program, Stage, library};
use amaas_model::manifest::{Blob, Manifest, PreparedNetwork};
use amaas_model::publish::{BlobProtection, Publication, Publisher, publish};
use amaas_model::task::Tasks;

/// A stage with the bundled encoder, as a network of its own that lies open; and its manifest.
async fn stage() -> (Stage, Manifest) {
    let stage = Stage::set().await;
    let network = amaas_embed::bundle(amaas_store::live()).expect("committed").network;
    let publication = Publication::of_network("encoder".parse().expect("a name"), network);
    let publisher = Publisher { protection: BlobProtection::Unsealed, ..stage.publisher().clone() };
    let done = publish(&stage.store().await, publication, &Tasks::default(), library().await, &publisher).await;
    (stage, done.expect("it can be served").manifest)
}

async fn function(stage: &Stage) -> Launch {
    stage.launch(Program::Tensor, "encoder").await.set("AMAAS_SEALING", "off")
}

/// What the function answers to each of `calls` calls.
async fn answers(stage: &Stage, function: &Function, calls: usize) -> Vec<Vec<Tensor>> {
    function.ready().await;
    let client: Client =
        stage.client_builder(function.endpoint().await).sealing(amaas::Sealing::Off).build().expect("loopback");
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

/// That the tensors are the same, up to the order of sums.
fn near(got: &[Tensor], expected: &[Tensor]) {
    let values = |tensors: &[Tensor]| tensors[0].data().as_f32().expect("FP32").to_vec();
    let (got, expected) = (values(got), values(expected));
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-5, "{got} for {expected}");
    }
}

/// Has the manifest say something else of what was prepared.
fn put(stage: &Stage, manifest: &Manifest, prepared: Option<PreparedNetwork>) {
    let key = stage.file("models/encoder/1/manifest.json");
    let manifest = Manifest { prepared, ..manifest.clone() };
    std::fs::write(key, manifest.sign(&stage.publisher().signer)).expect("written");
}

#[tokio::test]
async fn what_is_prepared_answers_as_the_network_does() {
    let (stage, manifest) = stage().await;
    let prepared = manifest.prepared.clone().expect("a network of megabytes is prepared");
    assert_eq!((prepared.format.as_str(), prepared.runtime.as_str()), ("ort", amaas_engine::runtime::VERSION));

    put(&stage, &manifest, None);
    let expected = answers(&stage, &function(&stage).await.start(), 1).await.remove(0);
    put(&stage, &manifest, Some(prepared));
    // Only one of the two is fetched.
    std::fs::remove_file(stage.file(&format!("blobs/sha256/{}", manifest.network.digest))).expect("it is there");
    let function = async |prepack| {
        function(&stage).await.set("AMAAS_PREPACK", prepack).set("AMAAS_LOG", "info,amaas_engine=debug").start()
    };
    assert_eq!(answers(&stage, &function("at-load").await, 1).await[0], expected);
    let first = function("never").await;
    for answer in answers(&stage, &first, 12).await {
        near(&answer, &expected);
    }
    // After some runs the session with weights laid out takes the place of the first.
    let first = function("later").await;
    for answer in answers(&stage, &first, 12).await {
        near(&answer, &expected);
    }
    first.logs().message("weights prepacked").await;
    let mut last = answers(&stage, &first, 1).await.remove(0);
    for _ in 0..100 {
        if last == expected {
            break;
        }
        last = answers(&stage, &first, 1).await.remove(0);
    }
    assert_eq!(last, expected);
}

#[tokio::test]
async fn what_another_runtime_prepared_and_what_makes_no_session_is_left_alone() {
    let (stage, manifest) = stage().await;
    let prepared = manifest.prepared.clone().expect("a network of megabytes is prepared");
    put(&stage, &manifest, None);
    let expected = answers(&stage, &function(&stage).await.start(), 1).await;

    std::fs::remove_file(stage.file(&format!("blobs/sha256/{}", prepared.blob.digest))).expect("it is there");
    put(&stage, &manifest, Some(PreparedNetwork { runtime: "1.0.0".to_owned(), ..prepared.clone() }));
    assert_eq!(answers(&stage, &function(&stage).await.start(), 1).await, expected);

    let garbage = vec![7; 4096];
    let blob = Blob::of(&garbage);
    std::fs::write(stage.file(&format!("blobs/sha256/{}", blob.digest)), garbage).expect("written");
    put(&stage, &manifest, Some(PreparedNetwork { blob, ..prepared }));
    let function = function(&stage).await.start();
    assert_eq!(answers(&stage, &function, 1).await, expected);
    function.logs().message("the prepared network cannot be loaded: using the ONNX file").await;
}
