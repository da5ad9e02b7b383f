//! The kit of pipelines: publishes each export of `exports/`, calls it sealed through the SDK with the requests of `cases/`, compares
//! the answers with those of Python's `transformers`, and prints a table. See the README beside it.
//!
//! `cargo test -p amaas-e2e --test pipelines [-- NAME…]` runs it, for the exports whose names contain one of NAME.

mod case;
mod compare;
mod export;
mod routes;
mod sealed_post;
mod summary;

use std::process::ExitCode;

use amaas::Model;
use amaas_engine::RuntimeConfig;
use amaas_local::local_stack::LocalStack;
use amaas_model::task::Tasks;
use amaas_pipelines::with_pipelines;
use serde_json::Value;

use crate::case::{Case, CaseFile};
use crate::export::Export;
use crate::summary::Summary;

#[tokio::main]
async fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tasks = with_pipelines(Tasks::default());
    let stack = LocalStack::start(folder.path(), &tasks, RuntimeConfig::default()).await.expect("a host");
    let mut summary = Summary::default();
    println!("{:<42} {:<32} {:>7} {:>6}", "EXPORT", "PIPELINE", "EQUAL", "CASES");
    let (mut ran, mut is_ok) = (0, true);
    for (export, is_real) in all() {
        if !filters.is_empty() && !filters.iter().any(|filter| export.name().contains(filter)) {
            continue;
        }
        let cases = CaseFile::read(export.name());
        if !export.exists() {
            let why = "AMAAS_TEST_EXPORTS does not name a folder that real/build.py made";
            println!("{:<42} {:<32} skipped: {why}", export.name(), cases.pipeline);
            continue;
        }
        let (equal, total) = try_export(&stack, &export, &cases).await;
        (ran, is_ok) = (ran + 1, is_ok && equal == total);
        if !is_real {
            summary.add(&cases.pipeline, equal, total);
        }
    }
    let (exports, total, equal) = summary.totals();
    println!("{exports} exports, {total} cases: {equal} equal, {} not", total - equal);
    if filters.is_empty()
        && let Err(error) = summary.check_readme()
    {
        println!("{error}");
        is_ok = false;
    }
    if is_ok && ran > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves `export`, answers `cases` and prints a line for it. Returns the number of cases that are equal, and of all.
async fn try_export(stack: &LocalStack, export: &Export, cases: &CaseFile) -> (usize, usize) {
    let results = match serve(stack, export, cases).await {
        Ok(model) => answer_all(stack, &model, (export, cases)).await,
        Err(error) => cases.cases.iter().map(|case| (case.name.clone(), Err(format!("not served: {error}")))).collect(),
    };
    let equal = results.iter().filter(|(_, result)| result.is_ok()).count();
    println!("{:<42} {:<32} {:>7} {:>6}", export.name(), cases.pipeline, equal, results.len());
    for (name, result) in &results {
        if let Err(error) = result {
            println!("    {name}: {}", error.chars().take(MAX_ERROR_CHARS).collect::<String>());
        }
    }
    (equal, results.len())
}

/// Every export, and whether it is a real network.
fn all() -> impl Iterator<Item = (Export, bool)> {
    let tiny = Export::all().into_iter().map(|export| (export, false));
    tiny.chain(Export::all_real().into_iter().map(|export| (export, true)))
}

/// Publishes and loads `export`.
async fn serve(stack: &LocalStack, export: &Export, cases: &CaseFile) -> Result<Model, String> {
    let publication = export.publication(cases)?;
    stack.add(publication).await.map_err(|error| error.to_string())
}

/// Calls `model` with all cases, on its `predict` route and on the others that it has. Each result has a name.
async fn answer_all(
    stack: &LocalStack,
    model: &Model,
    (export, cases): (&Export, &CaseFile),
) -> Vec<(String, Result<(), String>)> {
    let mut results = Vec::with_capacity(cases.cases.len());
    for case in &cases.cases {
        results.push((case.name.clone(), answer(model, case, cases).await));
    }
    results.extend(routes::answer_all(stack, export, cases).await);
    results
}

/// Calls `model` with the request of `case`, and compares the answer.
async fn answer(model: &Model, case: &Case, cases: &CaseFile) -> Result<(), String> {
    let (inputs, parameters) = case.request();
    let answer = model.predict_many_with::<Value>(&inputs, &parameters).await.map_err(|error| error.to_string())?;
    let tolerance = if case.is_lossy() { LOSSY_TOLERANCE } else { cases.tolerance() };
    compare::predictions(&cases.pipeline, answer.predictions(), &case.transformers, tolerance)
}

/// JPEG and lossy WebP may be decoded with differences of a few levels, which random weights amplify.
const LOSSY_TOLERANCE: f64 = 0.05;
/// Characters of an error that are printed.
const MAX_ERROR_CHARS: usize = 400;
