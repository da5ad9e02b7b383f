//! Spearman's rank correlation on the test part of the STS benchmark, through the whole stack: published into an object store over S3,
//! loaded from there, served over HTTP, called sealed through the SDK with a key.
//!
//! ```text
//! cargo run --profile dist -p amaas-embed --example evaluate -- --data sts-test.csv
//! cargo run --profile dist -p amaas-embed --example evaluate -- --data sts-test.csv --built minilm-int8
//! ```
//!
//! The file has a pair of sentences on each line: score in the fifth column and sentences in the sixth and seventh, with tabs
//! between. `--built NAME` takes `model/built/NAME.onnx`, as `model/build.py` makes it, in place of the committed network.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use amaas::Model;
use amaas_embed::{Embed, bundle};
use amaas_engine::runtime;
use amaas_local::served_model::ServedModel;
use amaas_model::manifest::GoldenCases;
use amaas_model::publish::Publication;
use amaas_model::task::{Tasks, TextEmbedding};
use amaas_store::live;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    runtime::disable_telemetry_or_reexec()?;
    amaas_serve::telemetry::init("warn,s3s=error,s3s_fs=error");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (data, publication) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--data", data] => (data, bundle(live())?),
        ["--data", data, "--built", name] => (data, built(name)?),
        _ => return Err("usage: evaluate --data FILE [--built NAME]".into()),
    };
    let pairs = pairs(&PathBuf::from(data))?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(evaluate(publication, pairs))
}

async fn evaluate(publication: Publication, pairs: Vec<Pair>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tasks = Tasks::default().with::<TextEmbedding<Embed>>();
    let served = ServedModel::start(folder.path(), publication, &tasks).await?;
    let bar = ProgressBar::new(pairs.len() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} pairs  {per_sec}  {eta} left")?);
    let begun = Instant::now();
    let (total, mut calls, mut judged, mut tokens) = (pairs.len(), JoinSet::new(), Vec::new(), 0);
    let mut rest = pairs.into_iter().peekable();
    while rest.peek().is_some() || !calls.is_empty() {
        while calls.len() < CALLS && rest.peek().is_some() {
            let call: Vec<Pair> = rest.by_ref().take(PAIRS_A_CALL).collect();
            calls.spawn(similarities(served.model(), call));
        }
        let Some(answer) = calls.join_next().await else { break };
        let (answers, read) = answer??;
        bar.inc(answers.len() as u64);
        judged.extend(answers);
        tokens += read;
    }
    bar.finish_and_clear();
    let (people, model): (Vec<f64>, Vec<f64>) = judged.into_iter().unzip();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "spearman {:.4} ({total} pairs, calls share runs: {})",
        spearman(&people, &model),
        served.published().batching_reason
    );
    #[allow(clippy::cast_precision_loss)] // far fewer than a float can count
    let (texts, tokens) = (2.0 * total as f64 / seconds, tokens as f64 / seconds);
    println!(
        "{texts:.0} texts/s, {tokens:.0} tokens/s ({seconds:.2} s, {CALLS} callers, {} texts a call)",
        2 * PAIRS_A_CALL
    );
    Ok(())
}

/// The human score of each pair and the cosine of its vectors; also the number of tokens.
async fn similarities(model: Model, pairs: Vec<Pair>) -> Result<(Vec<(f64, f64)>, u64)> {
    let texts: Vec<&str> = pairs.iter().flat_map(|pair| [pair.one.as_str(), pair.other.as_str()]).collect();
    let answer = model.embed(&texts).await?;
    let vectors = answer.predictions().chunks_exact(2).map(|pair| f64::from(pair[0].similarity(&pair[1])));
    let judged = pairs.iter().map(|pair| pair.score).zip(vectors).collect();
    Ok((judged, answer.usage().tokens.unwrap_or_default()))
}

struct Pair {
    /// 0 for nothing in common, 5 for the same meaning.
    score: f64,
    one: String,
    other: String,
}

fn pairs(file: &Path) -> Result<Vec<Pair>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let pair = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let [_, _, _, _, score, one, other, ..] = columns[..] else { return Err("expected seven columns".into()) };
        Ok(Pair { score: score.parse()?, one: one.trim().to_owned(), other: other.trim().to_owned() })
    };
    text.split('\n').filter(|line| !line.trim().is_empty()).map(pair).collect()
}

fn built(name: &str) -> Result<Publication> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/built");
    let read = |file: &str| {
        let path = folder.join(file);
        std::fs::read(&path).map_err(|error| format!("{}: {error}; model/build.py makes it", path.display()))
    };
    Ok(Publication {
        network: read(&format!("{name}.onnx"))?.into(),
        assets: [(Embed::TOKENIZER.to_owned(), read("tokenizer.json")?.into())].into(),
        golden: Some(GoldenCases::from_json(&read(&format!("{name}.golden.json"))?)?),
        ..bundle(live())?
    })
}

/// Pearson's correlation of the ranks.
fn spearman(one: &[f64], other: &[f64]) -> f64 {
    let (one, other) = (ranks(one), ranks(other));
    #[allow(clippy::cast_precision_loss)]
    let mean = f64::midpoint(1.0, one.len() as f64);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    product(&one, &other) / (product(&one, &one) * product(&other, &other)).sqrt()
}

/// The rank of each value, from 1; equal values have the mean of their ranks.
#[allow(clippy::cast_precision_loss)]
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut place = 0.0;
    for equal in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        for index in equal {
            ranks[*index] = place + f64::midpoint(1.0, equal.len() as f64);
        }
        place += equal.len() as f64;
    }
    ranks
}

const CALLS: usize = 4;
const PAIRS_A_CALL: usize = 16;
