//! Networks with weights in external files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use amaas::Tensor;
use amaas_e2e::{Program, TestEnv, library, onnx};
use amaas_model::manifest::Blob;
use amaas_model::publish::{BlobProtection, NetworkFiles, Publication, Publisher, publish};
use amaas_model::task::Tasks;

use super::{floats, serve};

/// `onnx::beside` in `folder`, with `w = [10, 20]` and `v = [100, 200]`.
fn written(folder: &Path) -> PathBuf {
    let numbers = |numbers: [f32; 2]| numbers.map(f32::to_le_bytes).concat();
    std::fs::create_dir(folder.join("weights")).expect("made");
    std::fs::write(folder.join("weights/w.bin"), [vec![0xff; 4096], numbers([10.0, 20.0])].concat()).expect("written");
    std::fs::write(folder.join("v.bin"), numbers([100.0, 200.0])).expect("written");
    let path = folder.join("network.onnx");
    std::fs::write(&path, onnx::beside()).expect("written");
    path
}

fn call(more: bool) -> Vec<Tensor> {
    let more = Tensor::new("more", vec![], vec![more]).expect("one value");
    vec![floats("x", &[1, 2], &[1.0, 2.0]), more]
}

#[tokio::test]
async fn weights_in_other_files_travel_along() {
    let (env, folder) = (TestEnv::start().await, tempfile::tempdir().expect("a temporary folder"));
    let manifest = env.publish_file("beside", &written(folder.path())).await;
    // ONNX Runtime takes no external data from memory for a graph in a node, so the ONNX file now has the content of `v.bin`.
    assert_eq!(
        manifest.external.iter().map(|(name, blob)| (name.as_str(), blob.size)).collect::<Vec<_>>(),
        [("weights/w.bin", 4104)]
    );
    let blob = &manifest.external["weights/w.bin"];
    let stored = std::fs::read(env.file(&format!("blobs/sha256/{}", blob.digest))).expect("stored");
    assert!(blob.tags.len() == 1 && !stored.starts_with(&[0xff; 16]), "it is sealed like every other blob");
    // No file is left to be found.
    drop(folder);
    let (_function, client) = serve(&env, "beside").await;
    for (more, expected) in [(false, [11.0, 22.0]), (true, [111.0, 222.0])] {
        let answer = client.model("beside").infer(call(more)).await.expect("an answer");
        assert_eq!(answer.outputs(), [floats("y", &[1, 2], &expected)]);
    }
}

#[tokio::test]
async fn weights_of_several_segments_come_back_whole() {
    let (env, folder) = (TestEnv::start().await, tempfile::tempdir().expect("a temporary folder"));
    // 12 MiB: one and a half segments, with the tensor across the border.
    let mut file: Vec<u8> = (0..12 << 20).map(|index: u32| index.to_le_bytes()[1]).collect();
    let at = (8 << 20) - 4;
    file[at..at + 8].copy_from_slice(&[0.5_f32, 0.25].map(f32::to_le_bytes).concat());
    let value =
        |name| onnx::Value::new(name, amaas::Datatype::Fp32, &[onnx::Dim::Symbol("batch"), onnx::Dim::Fixed(2)]);
    let weights = [onnx::Constant::external("w", 2, "w.bin", at as u64)];
    let node = onnx::Node::new("Add", &["x", "w"], &["y"]);
    let network = onnx::Graph::new(&[value("x")], &[node], &weights, &[value("y")]).into_file();
    std::fs::write(folder.path().join("n.onnx"), network).expect("written");
    std::fs::write(folder.path().join("w.bin"), file).expect("written");
    let manifest = env.publish_file("large", &folder.path().join("n.onnx")).await;
    assert_eq!(manifest.external["w.bin"].segments.len(), 2);
    let (_function, client) = serve(&env, "large").await;
    let answer = client.model("large").infer(vec![floats("x", &[1, 2], &[1.0, 1.0])]).await.expect("an answer");
    assert_eq!(answer.outputs(), [floats("y", &[1, 2], &[1.5, 1.25])]);
}

#[tokio::test]
async fn a_file_that_was_altered_or_is_gone_is_named() {
    let (env, folder) = (TestEnv::start().await, tempfile::tempdir().expect("a temporary folder"));
    let manifest = env.publish_file("beside", &written(folder.path())).await;
    let digest = manifest.external["weights/w.bin"].digest;
    let key = format!("blobs/sha256/{digest}");
    let mut stored = std::fs::read(env.file(&key)).expect("stored");
    stored[4000] ^= 1;
    std::fs::write(env.file(&key), stored).expect("written");
    let function = env.launch(Program::Tensor, "beside").await.start();
    let cause = format!("blob {digest} segment 0: digest mismatch");
    function.not_ready(|reason| reason.contains(&cause)).await;
    std::fs::remove_file(env.file(&key)).expect("it was there");
    let function = env.launch(Program::Tensor, "beside").await.start();
    function.not_ready(|reason| reason.contains(&format!("bucket amaas has no object {key}"))).await;
}

/// A publisher's own manifest, signed but faulty, of an unsealed model.
async fn signed(env: &TestEnv, network: &NetworkFiles) {
    let owner = Publisher { protection: BlobProtection::Unsealed, ..env.publisher().clone() };
    let publication = Publication::of_network("bad".parse().expect("a model's name"), onnx::plus_one());
    let published = publish(&env.store().await, publication, &Tasks::default(), library().await, &owner).await;
    let mut manifest = published.expect("a good network").manifest;
    let put = |bytes: &[u8]| {
        let blob = Blob::of(bytes);
        std::fs::write(env.file(&format!("blobs/sha256/{}", blob.digest)), bytes).expect("written");
        blob
    };
    manifest.network = put(&network.file);
    manifest.external = network.external.iter().map(|(name, bytes)| (name.clone(), put(bytes))).collect();
    let key = format!("models/bad/{}/manifest.json", manifest.version);
    std::fs::write(env.file(&key), manifest.sign(&owner.signer)).expect("written");
}

#[tokio::test]
async fn what_was_signed_is_not_believed_to_be_inside_of_its_files() {
    let env = TestEnv::start().await;
    let file = |network: Vec<u8>, size| NetworkFiles {
        file: network.into(),
        external: [("w.bin".to_owned(), Arc::from(vec![7; size]))].into(),
    };
    let value = |name| onnx::Value::new(name, amaas::Datatype::Fp32, &[onnx::Dim::Fixed(2)]);
    let with = |weights| {
        let node = onnx::Node::new("Add", &["x", "w"], &["y"]);
        onnx::Graph::new(&[value("x")], &[node], &[weights], &[value("y")]).into_file()
    };
    let mut texts = with(onnx::Constant::external("w", 2, "w.bin", 0));
    // FLOAT becomes STRING; two strings take 64 bytes in ONNX Runtime's memory.
    let at = texts.windows(4).position(|bytes| bytes == [8, 2, 16, 1]).expect("shape and datatype");
    texts[at + 3] = 8;
    for (network, expected) in [
        (file(with(onnx::Constant::external("w", 2, "w.bin", 8)), 15), "is in bytes 8 to 16 of the file \"w.bin\""),
        (
            file(with(onnx::Constant::external("w", 2, "w.bin", u64::MAX >> 1)), 16),
            "of the file \"w.bin\", which has 16",
        ),
        (file(with(onnx::Constant::external("w", 2, "/etc/passwd", 0)), 16), "\"/etc/passwd\", which is refused"),
        (file(texts, 64), "is of STRING, whose values cannot be in another file"),
        (file(onnx::beside(), 64), "is missing; it has to be beside the ONNX file"),
    ] {
        signed(&env, &network).await;
        let function = env.launch(Program::Tensor, "bad").await.start();
        function.not_ready(|reason| reason.contains(expected)).await;
    }
}

#[tokio::test]
async fn nothing_is_read_where_a_function_happens_to_run() {
    let (env, folder) = (TestEnv::start().await, tempfile::tempdir().expect("a temporary folder"));
    // The files that the network names are in the working directory, but were not published.
    let network = NetworkFiles::from(std::fs::read(written(folder.path())).expect("written"));
    signed(&env, &network).await;
    let change_folder = ["env", "-C"].map(OsString::from).into_iter().chain([folder.path().into()]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let function = env.launch(Program::Tensor, "bad").await.set("PATH", path).through(change_folder).start();
    let reason = function.not_ready(|reason| reason.contains("is missing")).await;
    assert!(reason.contains("the file \"weights/w.bin\", in which the network has weights, is missing"), "{reason}");
}
