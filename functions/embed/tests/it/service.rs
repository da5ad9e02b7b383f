//! A host in this process with models, on a real port.

use std::io::Write;
use std::path::{Path, PathBuf};

use amaas::{ApiKey, Client};
use amaas_access::{Accounts, KeyScope, KeyTerms};
use amaas_embed::{Embed, bundle};
use amaas_engine::RuntimeConfig;
use amaas_engine::{Batching, runtime};
use amaas_model::load;
use amaas_model::load::TrustPolicy;
use amaas_model::publish::{BlobProtection, Publication, Publisher, publish};
use amaas_model::task::{Tasks, TextEmbedding};
use amaas_serve::host::{self, Server};
use amaas_serve::sealing::{KeySet, ReplayPolicy, SealingPolicy};
use amaas_serve::{Backends, Limits};
use amaas_store::Store;
use amaas_store::live;
use amaas_store::vault::{FileKey, Vault};
use amaas_wire::dsse::SigningKey;
use bytes::Bytes;
use tempfile::TempDir;

/// A host with models, and keys for it.
pub(crate) struct Service {
    pub(crate) endpoint: String,
    pub(crate) key: ApiKey,
    /// A key for the model `plain` only.
    pub(crate) narrow: ApiKey,
    /// Whether calls to the first model share runs.
    pub(crate) batching: Batching,
    _folder: TempDir,
}

impl Service {
    /// The small encoder as `embed`, and a model without embeddings.
    pub(crate) async fn start() -> Self {
        let network = Bytes::from_static(include_bytes!("../../../sentiment/model/sentiment.onnx"));
        let plain = Publication::of_network("plain".parse().expect("a name"), network);
        Self::with(vec![bundle(live()).expect("committed"), plain]).await
    }

    pub(crate) async fn with(publications: Vec<Publication>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        let tasks = Tasks::default().with::<TextEmbedding<Embed>>();
        let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("a new file"));
        let signer = SigningKey::generate().expect("random");
        let trust = TrustPolicy { publishers: vec![signer.verifying_key()], least_serial: 0 };
        let publisher = Publisher { signer, protection: BlobProtection::Sealed(vault.clone()) };
        let library = library().await;
        let mut batching = Vec::new();
        for publication in publications {
            let done = publish(&store, publication, &tasks, &library, &publisher).await.expect("published");
            batching.push(done.manifest.batching);
        }
        let accounts = Accounts::in_memory().expect("random");
        let [key, narrow] = ["a", "b"].map(|_| ApiKey::generate("test").expect("random"));
        let terms = KeyTerms::of("tests".parse().expect("a name"));
        accounts.add_key(&key, terms.clone()).await.expect("kept");
        let models = Some(["plain".parse().expect("a name")].into());
        let scope = KeyScope { models, ..KeyScope::default() };
        accounts.add_key(&narrow, KeyTerms { scope, ..terms }).await.expect("kept");

        let name = "tests".parse().expect("a name");
        KeySet::create(&store, &name, &vault).await.expect("keys");
        let backends = Backends { store, vault, accounts };
        let sealing = backends.sealing(name, SealingPolicy::Optional, ReplayPolicy::Allow);
        let state = backends.state(Limits::default()).sealing(sealing).build();
        let config = RuntimeConfig { library: Some(library), ..RuntimeConfig::default() };
        amaas_local::watch::look(&state, &backends.models(trust), &tasks, &config).await.expect("looked");
        for slot in state.slots() {
            assert!(
                matches!(slot.wait_until_loaded().await, load::LoadState::Ready(_)),
                "{} is not ready",
                slot.name()
            );
        }
        let server = Server::bind("127.0.0.1", 0).await.expect("a free port");
        let endpoint = format!("http://{}", server.address());
        tokio::spawn(host::serve(server, state, std::future::pending()));
        Self { endpoint, key, narrow, batching: batching[0], _folder: folder }
    }

    /// A client with sealing.
    pub(crate) fn client(&self) -> Client {
        Client::builder().endpoint(&self.endpoint).api_key(&self.key).build().expect("a loopback endpoint")
    }
}

/// MiniLM as `model/build.py` exported it, if that was run.
pub(crate) fn minilm(network: &str) -> Option<Publication> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/built");
    let read = |name: &str| std::fs::read(built.join(name)).ok().map(Bytes::from);
    let golden =
        amaas_model::manifest::GoldenCases::from_json(&read(&format!("{network}.golden.json"))?).expect("built");
    Some(Publication {
        network: read(&format!("{network}.onnx"))?.into(),
        assets: [(Embed::TOKENIZER.to_owned(), read("tokenizer.json")?)].into(),
        golden: Some(golden),
        ..bundle(live()).expect("committed")
    })
}

async fn library() -> PathBuf {
    let fetch = || {
        let configured = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        runtime::find_or_fetch(configured.as_deref(), |line| eprintln!("{line}")).expect("ONNX Runtime")
    };
    tokio::task::spawn_blocking(fetch).await.expect("no panic")
}

/// Reports on standard error why a test is skipped, past the harness, which hides the output of a passing test.
pub(crate) fn skip(why: &str) {
    // If standard error is closed, the report is lost.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
