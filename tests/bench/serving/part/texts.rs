//! Embeddings of texts of mixed lengths by the pipeline `feature-extraction`: throughput, and memory over many calls.

use super::memory::RandomCalls;
use super::throughput::{Found, rounds};
use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::child::RoleProcess;
use crate::report::{Aim, Report};
use crate::texts::{MODEL, ONNX_FILE, Random, call, contestants, export, function, path, text};

/// One text a call, of 8 to 256 tokens: rows a second, and the server's CPU time for each, beside peers and texts that are embedded one
/// after another in process.
pub(super) async fn throughput(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let folder = match export() {
        Ok(folder) => folder,
        Err(why) => return report.note(format!("texts: {why}")),
    };
    env.publish_export(&folder, MODEL).await;
    let (file, threads) = (folder.to_string_lossy(), env.cores.to_string());
    let words = [&*env.library, &*file, &*threads];
    let mut floor_process = RoleProcess::start("texts", &words);
    report.note(format!("texts: smallest, mean and largest number of tokens: {}", floor_process.line()));
    let expected: Vec<f32> = serde_json::from_str(&floor_process.ask("vector")).expect("numbers");
    let contestants = contestants(env, &folder, &expected, report).await;
    // Runs take long, and the last one is cut off.
    let time = measure.time * 4;
    for callers in [1, 8, 32] {
        let (mut floor, mut found) = (Vec::new(), Found::new(callers, &contestants));
        for _ in 0..measure.rounds.div_ceil(2) {
            let rate = floor_process.ask(&time.as_millis().to_string());
            floor.push(rate.parse::<f64>().expect("rows a second"));
            found.extend(rounds(&contestants, callers, 1, time).await);
        }
        found.note_with(report, "texts", &contestants, ("in-process runs, one text each", &floor));
        let what = format!("texts, {callers} callers");
        if let Some(best) = found.best_peer() {
            report.ratio(format!("{what}: amaas / best peer"), &found.rates[0], &best, Aim::AtLeast(1.0));
        }
        if let Some(least) = found.least_cpu_of_peers() {
            report.ratio(format!("{what}: server CPU, amaas / best peer"), &found.cpu[0], &least, Aim::AtMost(1.0));
        }
    }
}

/// Calls of one to eight texts of up to 256 tokens each.
pub(super) async fn memory(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let folder = match export() {
        Ok(folder) => folder,
        Err(why) => return report.note(format!("texts-memory: {why}")),
    };
    env.publish_export(&folder, MODEL).await;
    let mut random = Random::new(13);
    let next = move || {
        let texts = 1 + random.below(8);
        let texts: Vec<String> = (0..texts)
            .map(|_| {
                let tokens = 3 + random.below(254);
                text(&mut random, tokens)
            })
            .collect();
        call(&texts)
    };
    let weights = std::fs::metadata(folder.join(ONNX_FILE)).expect("the network").len();
    let calls = RandomCalls { function: function(env), path: path(), next, name: "texts", weights };
    calls.measure(env, measure, report).await;
}
