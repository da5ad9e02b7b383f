//! Accuracy of the sentiment model on the 25,000 IMDB test reviews, through the whole stack: published into an object store over S3,
//! loaded from there, served over HTTP, called through the SDK with a key.
//!
//! ```text
//! cargo run --profile dist -p amaas-sentiment --example evaluate -- --data FOLDER
//! ```
//!
//! FOLDER holds `imdb_test.jsonl.xz` (one `{"label": 0 or 1, "text": "…"}` per line), or is the unpacked `aclImdb`.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Instant;

use amaas::task::TextClassification;
use amaas::{Answer, ApiKey, Client};
use amaas_access::{Accounts, KeyTerms};
use amaas_engine::RuntimeConfig;
use amaas_engine::runtime;
use amaas_local::object_store::{BUCKET, ObjectStore};
use amaas_model::load::Source;
use amaas_model::load::Trust;
use amaas_model::publish;
use amaas_model::publish::{Protection, Publisher};
use amaas_model::task::{Rows, Tasks};
use amaas_sentiment::Sentiment;
use amaas_serve::Host;
use amaas_serve::Limits;
use amaas_serve::host::{self, Server};
use amaas_serve::sealing::{KeySet, Policy, Sealing};
use amaas_store::Store;
use amaas_store::live;
use amaas_store::vault::{FileKey, Vault};
use amaas_wire::dsse::SigningKey;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    runtime::quiet()?;
    amaas_serve::telemetry::init("warn,s3s=error,s3s_fs=error");
    let mut arguments = std::env::args_os().skip(1);
    let (Some("--data"), Some(data), None) =
        (arguments.next().as_ref().and_then(|name| name.to_str()), arguments.next(), arguments.next())
    else {
        return Err("usage: evaluate --data FOLDER".into());
    };
    let reviews = reviews(&PathBuf::from(data))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(evaluate(reviews))
}

async fn evaluate(reviews: Vec<Review>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let objects = ObjectStore::start(folder.path()).await?;
    let store = Store::open(&format!("s3://{BUCKET}"), &objects.options()).await?;
    let library = runtime::find_or_fetch(None, |line| eprintln!("{line}"))?;
    let tasks = Tasks::default().with::<Rows<Sentiment>>();
    let vault = Vault::File(FileKey::create(&folder.path().join("kms.key"))?);
    let publisher = Publisher { signer: SigningKey::generate()?, protection: Protection::Sealed(vault.clone()) };
    publish::publish(&store, amaas_sentiment::bundle(live())?, &tasks, &library, &publisher).await?;
    let (accounts, key) = (Accounts::in_memory()?, ApiKey::generate("test")?);
    accounts.add_key(&key, KeyTerms::of("evaluate".parse()?)).await?;
    let host = Host::new(accounts, Limits::default());
    let config = RuntimeConfig { library: Some(library), ..RuntimeConfig::default() };
    let trust = Trust { publishers: vec![publisher.signer.verifying_key()], least_serial: 0 };
    let (source_store, sealing_vault) = (store.clone(), vault.clone());
    KeySet::create(&store, &"sentiment".parse()?, &vault).await?;
    let source = Source::new(store, Some(vault), trust);
    amaas_local::watch::look(&host, &source, &tasks, &config).await?;
    host.seal(Sealing::new(source_store, "sentiment".parse()?, sealing_vault, Policy::Required));
    let server = Server::bind("127.0.0.1", 0).await?;
    let client = Client::builder().endpoint(format!("http://{}", server.address())).api_key(&key).build()?;
    tokio::spawn(host::serve(server, host, std::future::pending()));

    let bar = ProgressBar::new(reviews.len() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} reviews  {per_sec}  {eta} left")?);
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    let (mut right, mut counts) = (0, [[0_usize; 2]; 2]);
    let mut rest = reviews.into_iter().peekable();
    while rest.peek().is_some() || !calls.is_empty() {
        while calls.len() < CALLS && rest.peek().is_some() {
            let call: Vec<Review> = rest.by_ref().take(REVIEWS_A_CALL).collect();
            calls.spawn(predict(client.clone(), call));
        }
        let Some(judged) = calls.join_next().await else { break };
        for (positive, judged_positive) in judged?? {
            right += usize::from(positive == judged_positive);
            counts[usize::from(positive)][usize::from(judged_positive)] += 1;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    report(right, counts, begun);
    Ok(())
}

/// Whether each review is positive, and whether it is classified so.
async fn predict(client: Client, reviews: Vec<Review>) -> Result<Vec<(bool, bool)>> {
    let texts: Vec<&str> = reviews.iter().map(|review| review.text.as_str()).collect();
    let answer: Answer<TextClassification> = client.model("sentiment").predict_many(&texts).await?;
    let judged = answer.predictions().iter().map(|prediction| prediction.label == "positive");
    Ok(reviews.iter().map(|review| review.positive).zip(judged).collect())
}

#[allow(clippy::cast_precision_loss)] // far fewer reviews than a float can count
fn report(right: usize, counts: [[usize; 2]; 2], begun: Instant) {
    let total: usize = counts.iter().flatten().sum();
    let seconds = begun.elapsed().as_secs_f64();
    println!("accuracy {:.5} ({right} of {total} right)", right as f64 / total as f64);
    for (name, row) in ["negative", "positive"].iter().zip(counts) {
        println!("  {name}: {} judged negative, {} judged positive", row[0], row[1]);
    }
    println!(
        "{:.0} reviews/s ({seconds:.2} s, {CALLS} callers, {REVIEWS_A_CALL} reviews a call)",
        total as f64 / seconds
    );
}

struct Review {
    text: String,
    positive: bool,
}

fn reviews(data: &Path) -> Result<Vec<Review>> {
    let packed = data.join("imdb_test.jsonl.xz");
    if packed.is_file() {
        let file = std::fs::File::open(&packed)?;
        let lines = BufReader::new(lzma_rust2::XzReader::new(BufReader::new(file), true)).lines();
        return lines.map(|line| review(&line?)).collect();
    }
    let mut reviews = Vec::new();
    for (name, positive) in [("neg", false), ("pos", true)] {
        let folder = data.join("test").join(name);
        let entries = std::fs::read_dir(&folder);
        let entries = entries.map_err(|error| format!("{} and {}: {error}", packed.display(), folder.display()))?;
        for entry in entries {
            reviews.push(Review { text: std::fs::read_to_string(entry?.path())?, positive });
        }
    }
    Ok(reviews)
}

fn review(line: &str) -> Result<Review> {
    let review: serde_json::Value = serde_json::from_str(line)?;
    match (review["text"].as_str(), review["label"].as_u64()) {
        (Some(text), Some(label)) => Ok(Review { text: text.to_owned(), positive: label == 1 }),
        _ => Err("a line has no text or no label".into()),
    }
}

const CALLS: usize = 8;
const REVIEWS_A_CALL: usize = 32;
