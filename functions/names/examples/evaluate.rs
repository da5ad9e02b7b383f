//! Metrics of the names model on its test names, through the whole stack: published into an object store over S3, loaded from there,
//! served over HTTP, called sealed through the SDK.
//!
//! ```text
//! python functions/names/model/surnames.py FOLDER > test.tsv
//! cargo run -p amaas-names --example evaluate-names -- --data test.tsv
//! ```
//!
//! FOLDER holds a file of names for each language; `test.tsv` then has the language and the name of each test name.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use amaas::task::RankedClassification;
use amaas::{Answer, Model};
use amaas_engine::runtime;
use amaas_local::served_model::ServedModel;
use amaas_model::task::{Rows, Tasks};
use amaas_names::Names;
use amaas_store::live;
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    runtime::disable_telemetry_or_reexec()?;
    amaas_serve::telemetry::init("warn,s3s=error,s3s_fs=error");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["--data", file] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return Err("usage: evaluate --data FILE".into());
    };
    let names = read(&std::fs::read_to_string(file)?)?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(evaluate(names))
}

async fn evaluate(names: Vec<Named>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let tasks = Tasks::default().with::<Rows<Names>>();
    let served = ServedModel::start(folder.path(), amaas_names::bundle(live())?, &tasks).await?;

    let begun = Instant::now();
    let mut calls = JoinSet::new();
    let (mut total, mut top_three, mut languages) = (0, 0, BTreeMap::<String, Counts>::new());
    let mut rest = names.chunks(NAMES_A_CALL).map(<[Named]>::to_vec);
    loop {
        while calls.len() < CALLS
            && let Some(call) = rest.next()
        {
            calls.spawn(judge(served.model(), call));
        }
        let Some(judged) = calls.join_next().await else { break };
        for (language, place) in judged?? {
            let counts = languages.entry(language).or_default();
            (total, counts.all) = (total + 1, counts.all + 1);
            counts.right += usize::from(place == Some(0));
            top_three += usize::from(place.is_some_and(|place| place < 3));
        }
    }
    report(total, top_three, &languages, begun);
    Ok(())
}

/// The language of each name, and its rank in the answer.
async fn judge(model: Model, names: Vec<Named>) -> Result<Vec<(String, Option<usize>)>> {
    let inputs: Vec<&str> = names.iter().map(|named| named.name.as_str()).collect();
    let answer: Answer<RankedClassification> = model.predict_many(&inputs).await?;
    let judged = names.into_iter().zip(answer.predictions()).map(|(named, prediction)| {
        let place = prediction.top.iter().position(|scored| scored.label == named.language);
        (named.language, place)
    });
    Ok(judged.collect())
}

#[allow(clippy::cast_precision_loss)] // far fewer names than a float can count
fn report(total: usize, top_three: usize, languages: &BTreeMap<String, Counts>, begun: Instant) {
    let share = |part: usize, of: usize| part as f64 / of as f64;
    let seconds = begun.elapsed().as_secs_f64();
    let right: usize = languages.values().map(|counts| counts.right).sum();
    let recalls: f64 = languages.values().map(|counts| share(counts.right, counts.all)).sum();
    let largest = languages.values().map(|counts| counts.all).max().unwrap_or_default();
    println!("accuracy {:.4} ({right} of {total} right)", share(right, total));
    println!("top-3 accuracy {:.4}", share(top_three, total));
    println!("balanced accuracy {:.4} over {} languages", recalls / languages.len() as f64, languages.len());
    println!("the largest class alone {:.4}", share(largest, total));
    for (language, Counts { right, all }) in languages {
        println!("  {language}: {right} of {all}");
    }
    println!("{:.0} names/s ({seconds:.2} s, {CALLS} callers, {NAMES_A_CALL} names a call)", total as f64 / seconds);
}

#[derive(Clone)]
struct Named {
    language: String,
    name: String,
}

#[derive(Default)]
struct Counts {
    right: usize,
    all: usize,
}

fn read(lines: &str) -> Result<Vec<Named>> {
    let named = |line: &str| {
        let (language, name) = line.split_once('\t').ok_or("a line is not a language, a tab and a name")?;
        Ok(Named { language: language.to_owned(), name: name.to_owned() })
    };
    lines.lines().map(named).collect()
}

const CALLS: usize = 8;
const NAMES_A_CALL: usize = 32;
