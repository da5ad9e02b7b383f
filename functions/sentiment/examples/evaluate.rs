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
use amaas::{Answer, Model};
use amaas_engine::runtime;
use amaas_local::served_model::ServedModel;
use amaas_model::task::{Rows, Tasks};
use amaas_sentiment::Sentiment;
use amaas_store::live;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    runtime::disable_telemetry_or_reexec()?;
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
    let tasks = Tasks::default().with::<Rows<Sentiment>>();
    let served = ServedModel::start(folder.path(), amaas_sentiment::bundle(live())?, &tasks).await?;

    let bar = ProgressBar::new(reviews.len() as u64);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} reviews  {per_sec}  {eta} left")?);
    let begun = Instant::now();
    let mut calls = JoinSet::new();
    let (mut right, mut counts) = (0, [[0_usize; 2]; 2]);
    let mut rest = reviews.into_iter().peekable();
    while rest.peek().is_some() || !calls.is_empty() {
        while calls.len() < CALLS && rest.peek().is_some() {
            let call: Vec<Review> = rest.by_ref().take(REVIEWS_A_CALL).collect();
            calls.spawn(predict(served.model(), call));
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
async fn predict(model: Model, reviews: Vec<Review>) -> Result<Vec<(bool, bool)>> {
    let texts: Vec<&str> = reviews.iter().map(|review| review.text.as_str()).collect();
    let answer: Answer<TextClassification> = model.predict_many(&texts).await?;
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
