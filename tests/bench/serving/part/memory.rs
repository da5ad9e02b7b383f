//! Memory of a long-lived process: after calls of every size, and after many loads.

use std::time::{Duration, Instant};

use amaas_e2e::{Function, Program};
use amaas_engine::RuntimeConfig;
use amaas_model::load::{LoadState, ModelSlot};
use amaas_model::task::Tasks;
use amaas_store::VersionSelector;
use amaas_store::live;
use serde_json::json;

use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::load::Target;
use crate::process::ProcessTree;
use crate::report::{Aim, Report};
use crate::texts::Random;
use crate::workload::Workload;

/// M, called with up to eight rows of up to 256 tokens.
pub(super) async fn calls(env: &BenchEnv, measure: &Measure, report: &mut Report, work: Workload) {
    let function =
        env.launch(Program::Tensor, work.model()).set("AMAAS_LOG", "warn,amaas_serve::function=info").start();
    let mut random = Random::new(7);
    let next = move || {
        let (rows, tokens) = (1 + random.below(8), 1 + random.below(256));
        body(work, rows, tokens)
    };
    let weights = std::fs::metadata(env.file(work)).expect("the network").len();
    let calls = RandomCalls { function, path: work.path(), next, name: work.name(), weights };
    calls.measure(env, measure, report).await;
}

/// Calls of random sizes, one after another.
pub(super) struct RandomCalls<Next> {
    pub(super) function: Function,
    pub(super) path: String,
    /// The body of the next call.
    pub(super) next: Next,
    /// The workload's name in tables.
    pub(super) name: &'static str,
    /// The bytes of the weights.
    pub(super) weights: u64,
}

impl<Next: FnMut() -> Vec<u8>> RandomCalls<Next> {
    /// Calls the function for thirty times a turn's length, but long enough for every size to occur, and reports its memory.
    pub(super) async fn measure(mut self, env: &BenchEnv, measure: &Measure, report: &mut Report) {
        let address = self.function.ready().await;
        let tree = ProcessTree::of(self.function.pid().unsigned_abs());
        let headers = format!("x-api-key: {}\r\n", env.key.expose());
        let (time, begun, mut seen) = ((measure.time * 30).max(Duration::from_mins(5)), Instant::now(), Vec::new());
        while begun.elapsed() < time {
            let target = Target::post(address, &self.path, &headers, &(self.next)());
            let (status, answer) = target.call().await.expect("an answer");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
            seen.push((begun.elapsed().as_secs_f64() / 60.0, tree.memory() as f64 / 1e6));
        }
        let (name, weights) = (self.name, self.weights as f64 / 1e6);
        let second = &seen[seen.len() / 2..];
        let most = seen.iter().map(|(_, memory)| *memory).fold(0.0, f64::max);
        let (calls, minutes) = (seen.len(), time.as_secs_f64() / 60.0);
        report.note(format!(
            "{name}, {calls} calls of random sizes in {minutes:.1} minutes: {most:.0} MB at most, {:.0} MB in the end; weights {weights:.0} MB",
            second.last().map_or(0.0, |(_, memory)| *memory)
        ));
        let slope = slope(second) / most * 100.0;
        let what = format!("{name}, calls of random sizes: growth in the second half");
        report.claim(what, "% a minute", &[slope], Aim::AtMost(1.0));
    }
}

/// M, loaded and dropped repeatedly in this process.
pub(super) async fn loads(env: &BenchEnv, report: &mut Report, work: Workload) {
    let (source, tasks) = (env.source(), Tasks::default());
    let config = RuntimeConfig { library: Some(env.library.clone().into()), ..RuntimeConfig::default() };
    let mut seen = Vec::new();
    for cycle in 0..CYCLES {
        let slot = ModelSlot::new(work.model().parse().expect("a name"), VersionSelector::Alias(live()));
        slot.load(&source, &tasks, &config).await;
        assert!(matches!(slot.state(), LoadState::Ready(_)), "it is loaded");
        drop(slot);
        seen.push((f64::from(cycle), own_memory()));
    }
    let second = &seen[seen.len() / 2..];
    let (name, last) = (work.name(), second.last().map_or(0.0, |(_, memory)| *memory));
    report.note(format!("{name}, loaded and dropped {CYCLES} times: {last:.0} MB in the end"));
    let growth = slope(second) / last * 100.0;
    report.claim(format!("{name}, loads: growth in the second half"), "% a load", &[growth], Aim::AtMost(0.1));
}

/// A call of `rows` rows of `tokens` tokens.
fn body(work: Workload, rows: usize, tokens: usize) -> Vec<u8> {
    let inputs = work.row().into_iter().map(|(name, row)| {
        let data: Vec<i64> = row.into_iter().cycle().take(rows * tokens).collect();
        json!({"name": name, "datatype": "INT64", "shape": [rows, tokens], "data": data})
    });
    json!({"inputs": inputs.collect::<Vec<_>>()}).to_string().into_bytes()
}

/// The slope of the least-squares line.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    if spread > 0.0 { together / spread } else { 0.0 }
}

/// The current memory of this process in megabytes.
fn own_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() * 1024.0 / 1e6
}

const CYCLES: u32 = 200;
