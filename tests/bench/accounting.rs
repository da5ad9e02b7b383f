//! The cost of authentication, quotas, usage records and receipts for a call, beside a floor:
//! `cargo bench --profile dist -p amaas-e2e --bench accounting`.
//!
//! It makes no call and runs no network. The floor is the unavoidable work: SHA-256 of the key, HMAC-SHA256 with the pepper (two more
//! hashes), and a line of a record's length appended to a file.
#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use amaas::{ApiKey, Datatype};
use amaas_access::{Accounts, KeyTerms, Tenant};
use amaas_e2e::{library, onnx};
use amaas_engine::RuntimeConfig;
use amaas_ledger::{Clock, SqliteLedger};
use amaas_model::load::TrustPolicy;
use amaas_model::load::{ModelSlot, ModelSource};
use amaas_model::publish::{BlobProtection, Publication, Publisher, publish};
use amaas_model::task::Tasks;
use amaas_serve::Limits;
use amaas_serve::sealing::{KeySet, Sealing, SealingPolicy};
use amaas_serve::{AppState, measure_call_overhead};
use amaas_store::live;
use amaas_store::vault::{FileKey, Vault};
use amaas_store::{ModelName, Store, VersionSelector};
use amaas_wire::Digest;
use amaas_wire::dsse::SigningKey;
use http::{HeaderMap, header};

#[tokio::main]
async fn main() {
    // Cargo's own flag, and a filter that this benchmark does not need.
    assert!(std::env::args().skip(1).all(|argument| argument == "--bench"), "there is nothing to choose");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let env = AccountingBench::start(folder.path()).await;
    let (free, limited) = (env.key("free", &[]).await, env.key("limited", &LIMITS).await);
    let (host, signing) = (env.host("plain", None), env.host("signing", Some(env.sealing())));
    let mut file = append(&folder.path().join("floor"));
    let mut took: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        took[0].push(floor(&mut file, &free));
        took[1].push(rehearsed(&host, &free).await);
        took[2].push(rehearsed(&host, &limited).await);
        took[3].push(rehearsed(&signing, &free).await);
    }
    println!(
        "a call's share, microseconds: the median of {ROUNDS} rounds of {CALLS} calls (the tenth to the ninetieth percentile)\n"
    );
    println!("| what | µs | × floor |\n| --- | --- | --- |");
    let floors = took[0].clone();
    let names = [
        "floor: hashes of a key, and a line in a file",
        "who calls, and a record",
        "the same, with four limits and a budget",
        "who calls, a record and a signed receipt",
    ];
    for (name, took) in names.into_iter().zip(took) {
        let ratios = took.iter().zip(&floors).map(|(took, floor)| took / floor).collect();
        println!("| {name} | {} | {} |", spread(took), spread(ratios));
    }
}

struct AccountingBench<'a> {
    folder: &'a Path,
    store: Store,
    vault: Vault,
    accounts: Accounts,
    slot: Arc<ModelSlot>,
}

impl<'a> AccountingBench<'a> {
    async fn start(folder: &'a Path) -> Self {
        let store = Store::folder(folder.join("store"));
        let vault = Vault::File(FileKey::create(&folder.join("kms.key")).expect("a new file"));
        let signer = SigningKey::generate().expect("random");
        let trust = TrustPolicy { publishers: vec![signer.verifying_key()], least_serial: 0 };
        let publisher = Publisher { signer, protection: BlobProtection::Sealed(vault.clone()) };
        let library = library().await.to_owned();
        let network = Publication::of_network(model(), onnx::identity(&[Datatype::Fp32]));
        publish(&store, network, &Tasks::default(), &library, &publisher).await.expect("published");
        KeySet::create(&store, &model(), &vault).await.expect("created");
        let slot = Arc::new(ModelSlot::new(model(), VersionSelector::Alias(live())));
        let source = ModelSource::new(store.clone(), Some(vault.clone()), trust);
        let config = RuntimeConfig { library: Some(library), ..RuntimeConfig::default() };
        slot.load(&source, &Tasks::default(), &config).await;
        let ledger = SqliteLedger::open(&folder.join("ledger.sqlite"), Clock::default()).await.expect("a new file");
        let accounts = Accounts::new(Arc::new(ledger), vault.clone());
        Self { folder, store, vault, accounts, slot }
    }

    /// The headers of a new tenant with these limits.
    async fn key(&self, tenant: &str, limits: &[&str]) -> HeaderMap {
        let name = tenant.parse().expect("a name");
        let mut tenant = Tenant::new(name, 0);
        tenant.limits = limits.iter().map(|limit| limit.parse().expect("a limit")).collect();
        tenant.budget = (!limits.is_empty()).then(|| "1000000".parse().expect("an amount"));
        self.accounts.add_tenant(&tenant).await.expect("kept");
        let key = ApiKey::generate("bench").expect("random");
        self.accounts.add_key(&key, KeyTerms::of(tenant.name)).await.expect("kept");
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {}", key.expose()).parse().expect("a header"));
        headers
    }

    fn sealing(&self) -> Sealing {
        Sealing::new(self.store.clone(), model(), self.vault.clone(), SealingPolicy::Optional)
    }

    /// A host as in a function, which writes its journal to the ledger in the background.
    fn host(&self, name: &str, sealing: Option<Sealing>) -> AppState {
        let state = AppState::builder(self.accounts.clone(), Limits::default()).sealing(sealing);
        state.journal(&self.folder.join(name)).model(Arc::clone(&self.slot)).build()
    }
}

fn model() -> ModelName {
    "echo".parse().expect("a model's name")
}

/// The accounting time of a call, in microseconds.
async fn rehearsed(host: &AppState, headers: &HeaderMap) -> f64 {
    let begun = Instant::now();
    for _ in 0..CALLS {
        measure_call_overhead(host, "echo", headers).await.expect("let in");
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}

fn floor(file: &mut File, headers: &HeaderMap) -> f64 {
    let (key, line) = (headers[header::AUTHORIZATION].as_bytes(), [b'x'; RECORD]);
    let begun = Instant::now();
    for _ in 0..CALLS {
        for _ in 0..3 {
            std::hint::black_box(Digest::of(key));
        }
        file.write_all(&line).expect("there is room");
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}

fn append(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).expect("a new file")
}

fn spread(mut all: Vec<f64>) -> String {
    all.sort_by(f64::total_cmp);
    let at = |share: usize| all[(all.len() - 1) * share / 100];
    format!("{:.1} ({:.1} to {:.1})", at(50), at(10), at(90))
}

const ROUNDS: usize = 50;
const CALLS: u32 = 500;
/// The approximate bytes of a record's line.
const RECORD: usize = 330;
/// Far above the calls of this benchmark.
const LIMITS: [&str; 4] = [
    "requests/minute=10000000000",
    "requests/month=10000000000",
    "units/minute=10000000000",
    "echo:units/month=10000000000",
];
