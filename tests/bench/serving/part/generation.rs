//! Tokens a second of the bundled decoder, beside a loop around ONNX Runtime that generates one sequence.

use amaas_e2e::Program;
use amaas_generate::Generate;
use amaas_model::task::TextGenerator;
use serde_json::json;

use super::aim;
use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::child::RoleProcess;
use crate::load::{ClientGroup, Target, load};
use crate::process::ProcessTree;
use crate::report::{Aim, Report};
use crate::workload::functions;

pub(super) async fn generation(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    env.publish_decoder().await;
    let function =
        env.launch(Program::Generate, "generate").set("AMAAS_LOG", "warn,amaas_serve::function=info").start();
    let address = function.ready().await;
    let tree = ProcessTree::of(function.pid().unsigned_abs());
    let headers = format!("x-api-key: {}\r\n", env.key.expose());
    let body = json!({"model": "generate", "prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0}).to_string();
    let target = Target::post(address, "/v1/completions", &headers, body.as_bytes());
    let (status, answer) = target.call().await.expect("an answer");
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
    assert_eq!((status, answer["usage"]["completion_tokens"].as_u64()), (200, Some(TOKENS)), "{answer}");

    let model = functions().join("generate/model");
    let read = |file: &str| std::fs::read(model.join(file)).expect("committed");
    let task = Generate::from_files(&read("tokenizer.json"), &read("generate.json")).expect("committed");
    let prompt: Vec<String> = task.encode(PROMPT).expect("a prompt").iter().map(ToString::to_string).collect();
    let mut decoder = RoleProcess::start("decode", &[&env.library, &model.join("generate.onnx").to_string_lossy()]);
    decoder.line();
    let line = format!("{TOKENS}:{}", prompt.join(" "));
    let mut floor = Vec::new();
    let sequences = [1, 8, 32];
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..measure.rounds {
        let begun = std::time::Instant::now();
        let mut alone = Vec::new();
        while begun.elapsed() < measure.time {
            alone.push(decoder.ask(&line).parse::<f64>().expect("tokens a second"));
        }
        floor.push(crate::spread::percentile(&alone, 50.0));
        for (rates, sequences) in rates.iter_mut().zip(sequences) {
            let loaded = load(vec![ClientGroup::of(&target, sequences)], measure.time, tree).await;
            rates.push(loaded.rate() * TOKENS as f64);
        }
    }
    let names = sequences.map(|sequences| format!("amaas, {sequences} sequences"));
    let mut bars: Vec<_> = names.iter().zip(&rates).map(|(name, rates)| (name.as_str(), rates.as_slice())).collect();
    bars.push(("in-process loop, 1 sequence", &floor));
    report.panel("generation", "tokens a second", &bars);
    for (sequences, rates) in sequences.iter().zip(&rates) {
        let what = format!("generation, {sequences} sequences: amaas / in-process loop at 1");
        report.ratio(what, rates, &floor, aim(measure, Aim::AtLeast(0.9), Aim::AtLeast(0.2)));
    }
}

const PROMPT: &str = "ROMEO:\n";
const TOKENS: u64 = 64;
