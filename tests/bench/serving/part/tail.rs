//! Tail latency, and calls above the capacity.

use std::time::Duration;

use amaas_e2e::Program;

use super::aim;
use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::contestant::Contestant;
use crate::load::{ClientGroup, load};
use crate::process::ProcessTree;
use crate::report::{Aim, Report};
use crate::spread::percentile;
use crate::workload::Workload;

/// T with 512 clients, which keep the server at its capacity: the 99th percentile against the median.
pub(super) async fn tail(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let ours = Contestant::ours(env, Program::Sentiment, Workload::Tiny).await;
    let (mut middle, mut slow, mut lost) = (Vec::new(), Vec::new(), 0);
    for _ in 0..measure.rounds {
        let loaded = ours.turn(512, measure.time).await;
        middle.push(loaded.seen[0].at(50.0) / 1e3);
        slow.push(loaded.seen[0].at(99.0) / 1e3);
        lost += loaded.seen[0].lost();
    }
    report.panel("T, 512 callers", "ms", &[("amaas, p50", &middle), ("amaas, p99", &slow)]);
    let limit = aim(measure, Aim::AtMost(3.0), Aim::AtMost(10.0));
    report.ratio("T, 512 callers: p99 / p50", &slow, &middle, limit);
    report.claim("T, 512 callers: lost calls", "calls", &[lost as f64], Aim::AtMost(0.0));
}

/// M with a queue of 64 rows and four times as many clients, which retry a tenth of a second after a refusal.
pub(super) async fn overload(env: &BenchEnv, measure: &Measure, report: &mut Report, work: Workload) {
    let launch = env.launch(Program::Tensor, work.model()).set("AMAAS_QUEUE_ROWS", QUEUE.to_string());
    let function = launch.set("AMAAS_LOG", "warn,amaas_serve::function=info").start();
    let address = function.ready().await;
    let headers = format!("x-api-key: {}\r\n", env.key.expose());
    let target = crate::load::Target::post(address, &work.path(), &headers, &work.body());
    let (tree, time) = (ProcessTree::of(function.pid().unsigned_abs()), measure.time * 4);
    let (mut peak, mut beyond, mut refused, mut lost) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..measure.rounds.div_ceil(2) {
        peak.push(load(vec![ClientGroup::of(&target, QUEUE / 2)], time, tree).await.rate());
        let many = ClientGroup { target: target.clone(), callers: QUEUE * 4, pause: Duration::from_millis(100) };
        let loaded = load(vec![many], time, tree).await;
        beyond.push(loaded.rate());
        lost += loaded.seen[0].lost();
        if !loaded.seen[0].refused.is_empty() {
            refused.push(percentile(&loaded.seen[0].refused, 99.0) / 1e3);
        }
    }
    let name = work.name();
    let title = format!("{name}, a queue of {QUEUE} rows, answers");
    report.panel(title, "rows a second", &[("amaas, 32 callers", &peak), ("amaas, 256 callers", &beyond)]);
    report.ratio(format!("{name}, past capacity: goodput / peak"), &beyond, &peak, Aim::AtLeast(0.9));
    if refused.is_empty() {
        report.note(format!("{name}, past capacity: nothing was refused"));
    } else {
        report.claim(format!("{name}, past capacity: p99 of a 503"), "ms", &refused, Aim::AtMost(10.0));
    }
    report.claim(format!("{name}, past capacity: lost calls"), "calls", &[lost as f64], Aim::AtMost(0.0));
}

const QUEUE: usize = 64;
