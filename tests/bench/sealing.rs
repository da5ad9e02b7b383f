//! The cost of sealing, beside plain calls and loads: `cargo bench --profile dist -p amaas-e2e --bench sealing`.
//!
//! Calls go over loopback to a function in this process, plain and sealed alternately. Models are loaded from a folder, the fastest
//! store, unsealed and sealed alternately: with any other store the share of sealing is smaller.
#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas::{ApiKey, Client, Datatype, Sealing, Suite, Tensor};
use amaas_access::{Accounts, KeyTerms};
use amaas_e2e::{library, onnx};
use amaas_engine::RuntimeConfig;
use amaas_model::load::TrustPolicy;
use amaas_model::load::{LoadState, LoadTimes, ModelSlot, ModelSource};
use amaas_model::publish::{BlobProtection, Publication, Publisher, publish};
use amaas_model::task::Tasks;
use amaas_serve::Backends;
use amaas_serve::Limits;
use amaas_serve::host::{self, Server};
use amaas_serve::sealing::{KeySet, ReplayPolicy, SealingPolicy};
use amaas_store::live;
use amaas_store::vault::{FileKey, Vault};
use amaas_store::{Store, VersionSelector};
use amaas_wire::dsse::SigningKey;

#[tokio::main]
async fn main() {
    // Cargo's own flag, and a filter that this benchmark does not need.
    assert!(std::env::args().skip(1).all(|argument| argument == "--bench"), "there is nothing to choose");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::folder(folder.path().join("store"));
    let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("a new file"));
    let signer = SigningKey::generate().expect("random");
    let sealed = Publisher { signer, protection: BlobProtection::Sealed(vault.clone()) };
    let open = Publisher { protection: BlobProtection::Unsealed, ..sealed.clone() };
    let env = SealingBench { store, vault, sealed, open, config: config().await };

    println!("threads: {}\n", std::thread::available_parallelism().map_or(0, usize::from));
    calls(&env).await;
    loads(&env).await;
}

struct SealingBench {
    store: Store,
    vault: Vault,
    sealed: Publisher,
    open: Publisher,
    config: RuntimeConfig,
}

async fn config() -> RuntimeConfig {
    RuntimeConfig { library: Some(library().await.to_owned()), ..RuntimeConfig::default() }
}

impl SealingBench {
    async fn publish(&self, name: &str, network: Vec<u8>, publisher: &Publisher) {
        let publication = Publication::of_network(name.parse().expect("a model's name"), network);
        let library = self.config.library.clone().expect("set");
        publish(&self.store, publication, &Tasks::default(), &library, publisher).await.expect("published");
    }

    fn source(&self) -> ModelSource {
        let trust = TrustPolicy { publishers: vec![self.sealed.signer.verifying_key()], least_serial: 0 };
        ModelSource::new(self.store.clone(), Some(self.vault.clone()), trust)
    }

    async fn load(&self, name: &str) -> Arc<ModelSlot> {
        let slot = ModelSlot::new(name.parse().expect("a model's name"), VersionSelector::Alias(live()));
        slot.load(&self.source(), &Tasks::default(), &self.config).await;
        Arc::new(slot)
    }
}

/// Plain and sealed calls of 1 KB and 1 MB.
async fn calls(env: &SealingBench) {
    env.publish("echo", onnx::identity(&[Datatype::Fp32]), &env.sealed).await;
    let key = ApiKey::generate("bench").expect("random");
    let accounts = Accounts::in_memory().expect("random");
    accounts.add_key(&key, KeyTerms::of("bench".parse().expect("a name"))).await.expect("kept");
    let name = "echo".parse().expect("a model's name");
    KeySet::create(&env.store, &name, &env.vault).await.expect("created");
    let backends = Backends { store: env.store.clone(), vault: env.vault.clone(), accounts };
    let sealing = backends.sealing(name, SealingPolicy::Optional, ReplayPolicy::Allow);
    let host = backends.state(Limits::default()).sealing(sealing).build();
    host.insert(env.load("echo").await);
    let server = Server::bind("127.0.0.1", 0).await.expect("a free port");
    let endpoint = format!("http://{}", server.address());
    tokio::spawn(host::serve(server, host, std::future::pending()));

    let client = || Client::builder().endpoint(&endpoint).api_key(&key);
    let plain = client().sealing(Sealing::Off).build().expect("loopback");
    let x25519 = client().suite(Suite::X25519).build().expect("loopback");
    let xwing = client().suite(Suite::XWing).build().expect("loopback");
    println!("a call over loopback, one caller, p50 (p10 to p90), microseconds\n");
    println!("| content | plain | sealed, X25519 | sealed, X-Wing | more, X25519 | more, X-Wing |");
    println!("| --- | --- | --- | --- | --- | --- |");
    // Four bytes for each number.
    for (content, values, rounds) in [("1 KB", 1 << 8, 3_000), ("1 MB", 1 << 18, 300)] {
        let mut took = [&plain, &x25519, &xwing].map(|client| (client, Vec::with_capacity(rounds)));
        for round in 0..rounds + rounds / 10 {
            for (client, took) in &mut took {
                let one = call(client, values).await;
                if round >= rounds / 10 {
                    took.push(one);
                }
            }
        }
        let [plain, x25519, xwing] = took.map(|(_, took)| Spread::of(took));
        let more = |sealed: &Spread| format!("{:+.0}, ×{:.2}", sealed.p50 - plain.p50, sealed.p50 / plain.p50);
        println!("| {content} | {plain} | {x25519} | {xwing} | {} | {} |", more(&x25519), more(&xwing));
    }
}

async fn call(client: &Client, values: usize) -> Duration {
    let data: Vec<f32> = (0..values).map(|index| (index % 1000) as f32 / 997.0).collect();
    let tensor = Tensor::new("FP32", vec![1, values], data).expect("a tensor");
    let begun = Instant::now();
    let answer = client.model("echo").infer(vec![tensor]).await.expect("an answer");
    let took = begun.elapsed();
    assert_eq!(answer.outputs()[0].shape(), [1, values]);
    took
}

/// Loads of an open and of a sealed model of 90 MB.
async fn loads(env: &SealingBench) {
    const ROUNDS: usize = 75;
    let network = onnx::sum(22, 1 << 20);
    let megabytes = network.len() as f64 / 1e6;
    env.publish("open", network.clone(), &env.open).await;
    env.publish("sealed", network, &env.sealed).await;
    let mut took = ["open", "sealed"].map(|name| (name, Vec::new(), Vec::new()));
    for round in 0..=ROUNDS {
        for (name, total, fetch) in &mut took {
            let times = load(env, name).await;
            if round > 0 {
                total.push(times.total);
                fetch.push(times.fetch);
            }
        }
    }
    let [(_, open, open_fetch), (_, sealed, sealed_fetch)] = took;
    println!("\na load of a model of {megabytes:.0} MB from a folder, p50 (p10 to p90), milliseconds\n");
    println!("| what | open | sealed | sealed / open |");
    println!("| --- | --- | --- | --- |");
    for (what, open, sealed) in [("all of it", open, sealed), ("fetch, verify and open", open_fetch, sealed_fetch)] {
        let (open, sealed) = (Spread::of(open).milliseconds(), Spread::of(sealed).milliseconds());
        println!("| {what} | {open} | {sealed} | ×{:.3} |", sealed.p50 / open.p50);
    }
}

async fn load(env: &SealingBench, name: &str) -> LoadTimes {
    match env.load(name).await.state() {
        LoadState::Ready(model) => model.times(),
        LoadState::Failed(reason) => panic!("{reason}"),
        LoadState::Loading => panic!("it is still loading"),
    }
}

/// Median and spread, in microseconds.
struct Spread {
    p10: f64,
    p50: f64,
    p90: f64,
}

impl Spread {
    fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let at = |percent: usize| took[took.len() * percent / 100].as_secs_f64() * 1e6;
        Self { p10: at(10), p50: at(50), p90: at(90) }
    }

    fn milliseconds(self) -> Self {
        Self { p10: self.p10 / 1e3, p50: self.p50 / 1e3, p90: self.p90 / 1e3 }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0} ({:.0} to {:.0})", self.p50, self.p10, self.p90)
    }
}
