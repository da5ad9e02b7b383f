//! Models that are not published, and models that are not loaded.

use std::path::PathBuf;

use amaas_access::Accounts;
use amaas_engine::RuntimeConfig;
use amaas_engine::runtime;
use amaas_local::served_model::ServedModel;
use amaas_match::Match;
use amaas_model::load::TrustPolicy;
use amaas_model::load::{LoadState, ModelSource};
use amaas_model::publish::{BlobProtection, Publication, Publisher, is_published, publish};
use amaas_serve::AppState;
use amaas_serve::Limits;
use amaas_store::Store;
use amaas_store::vault::{FileKey, Vault};
use amaas_wire::dsse::SigningKey;

use crate::service::{committed, tasks};

#[tokio::test]
async fn what_could_not_answer_is_not_published() {
    type Change = fn(&mut Publication);
    let picture = |change: fn(&mut serde_json::Value)| {
        let mut json = serde_json::from_str(include_str!("../../model/image.json")).expect("JSON");
        change(&mut json);
        json.to_string()
    };
    let asset = |publication: &mut Publication, name: &str, text: String| {
        publication.assets.insert(name.to_owned(), text.into());
    };
    let removed: [(Change, &str); 4] = [
        (|model| model.networks.clear(), "expected the networks [\"text\"] beside the model's own, got no network"),
        (
            |model| {
                model.networks.insert("more".to_owned(), model.network.clone());
            },
            "got the networks [\"more\", \"text\"]",
        ),
        (|model| drop(model.assets.remove(Match::LABELS)), "asset \"labels.txt\" was not published with the model"),
        (|model| drop(model.networks.insert("text".to_owned(), b"no network".as_slice().into())), "not an ONNX file"),
    ];
    for (change, expected) in removed {
        let mut publication = committed();
        change(&mut publication);
        refused(publication, expected).await;
    }
    for (name, text, expected) in [
        (
            Match::LABELS,
            "cat\ndog\n".to_owned(),
            "output \"probabilities\": expected a value for each of 2 labels, got 10",
        ),
        (Match::LABELS, "cat\n\ndog\n".to_owned(), "labels.txt: line 2 is empty"),
        (Match::LABELS, String::new(), "labels.txt: expected a label a line"),
        (
            Match::IMAGE_CONFIG,
            picture(|it| it["input"] = "data".into()),
            "unknown input \"data\"; the model takes \"pixels\"",
        ),
        (Match::IMAGE_CONFIG, picture(|it| it["output"] = "y".into()), "the network has no output \"y\""),
        (
            Match::IMAGE_CONFIG,
            picture(|it| (it["fit"], it["width"]) = ("stretch".into(), 20.into())),
            "input \"pixels\": expected shape [batch, 28, 28], got [1, 28, 20]",
        ),
        (
            Match::IMAGE_CONFIG,
            picture(|it| it["datatype"] = "FP32".into()),
            "input \"pixels\": expected datatype UINT8, got FP32",
        ),
        (
            Match::IMAGE_CONFIG,
            picture(|it| drop(it.as_object_mut().map(|it| it.remove("scores")))),
            "missing field `scores`",
        ),
    ] {
        let mut publication = committed();
        asset(&mut publication, name, text);
        refused(publication, expected).await;
    }
}

async fn refused(publication: Publication, expected: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let error = ServedModel::start(folder.path(), publication, &tasks()).await.err().expect(expected);
    assert!(error.to_string().contains(expected), "{error}, not {expected}");
}

#[tokio::test]
async fn an_altered_encoder_is_not_loaded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::folder(folder.path());
    let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("a new file"));
    let signer = SigningKey::generate().expect("random");
    let trust = || TrustPolicy { publishers: vec![signer.verifying_key()], least_serial: 0 };
    let publisher = Publisher { signer: signer.clone(), protection: BlobProtection::Sealed(vault.clone()) };
    let library = library().await;
    let first = publish(&store, committed(), &tasks(), &library, &publisher).await.expect("published");
    assert!(is_published(&store, &committed(), &publisher).await.expect("a folder"));
    let again = publish(&store, committed(), &tasks(), &library, &publisher).await.expect("published");
    assert!(!again.is_new, "both networks are what they were");

    let settled = async || {
        let host = AppState::builder(Accounts::in_memory().expect("random"), Limits::default()).build();
        let source = ModelSource::new(store.clone(), Some(vault.clone()), trust());
        let config = RuntimeConfig { library: Some(library.clone()), ..RuntimeConfig::default() };
        amaas_local::watch::look(&host, &source, &tasks(), &config).await.expect("looked");
        host.slots()[0].wait_until_loaded().await
    };
    assert!(matches!(settled().await, LoadState::Ready(_)));
    let text = &first.manifest.networks["text"];
    let digest = text.prepared.as_ref().map_or(text.blob.digest, |prepared| prepared.blob.digest);
    let path = folder.path().join("blobs/sha256").join(digest.to_string());
    let mut bytes = std::fs::read(&path).expect("the blob of the encoder");
    assert!(!bytes.windows(7).any(|part| part == b"pytorch" || part == b"ai.onnx"), "it is sealed");
    bytes[1000] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    let LoadState::Failed(why) = settled().await else { panic!("it was loaded") };
    assert!(why.contains("digest mismatch"), "{why}");
}

async fn library() -> PathBuf {
    let fetch = || {
        let configured = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        runtime::find_or_fetch(configured.as_deref(), |line| eprintln!("{line}")).expect("ONNX Runtime")
    };
    tokio::task::spawn_blocking(fetch).await.expect("no panic")
}
