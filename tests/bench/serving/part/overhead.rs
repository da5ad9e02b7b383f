//! Overhead for one client of T: a call over loopback against ONNX Runtime alone, and the cost of sealing.

use std::time::{Duration, Instant};

use amaas::{Client, Sealing, Suite, Tensor};
use amaas_e2e::Program;

use super::aim;
use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::child::RoleProcess;
use crate::contestant::{Contestant, Peer};
use crate::engine::Engine;
use crate::report::{Aim, Report};
use crate::spread::percentile;
use crate::workload::Workload;

pub(super) async fn overhead(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let ours = Contestant::ours(env, Program::Sentiment, Workload::Tiny).await;
    let empty = Contestant::empty(&ours, Workload::Tiny).await;
    let (_, mut network) = env.network(Workload::Tiny, Engine::Waiting);
    let kserve = peer(env, measure, report).await;
    let endpoint = format!("http://{}", ours.target.address);
    let client = || env.client(endpoint.clone());
    let clients = [
        client().sealing(Sealing::Off).build().expect("loopback"),
        client().suite(Suite::X25519).build().expect("loopback"),
        client().suite(Suite::XWing).build().expect("loopback"),
    ];
    ours.rest();
    let (mut a_call, mut at_least, mut in_process, mut theirs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut through_sdk = [Vec::new(), Vec::new(), Vec::new()];
    let mut own = Vec::new();
    for _ in 0..measure.rounds {
        let loaded = ours.turn(1, measure.time).await;
        own.push(loaded.own_share() * 100.0);
        a_call.push(loaded.seen[0].at(50.0));
        at_least.push(empty.turn(1, measure.time).await.seen[0].at(50.0));
        in_process.push(p50(&mut network, measure.time));
        if let Some(kserve) = &kserve {
            theirs.push(kserve.turn(1, measure.time).await.seen[0].at(50.0));
        }
        ours.tree.go_on();
        for (p50, took) in through_sdk.iter_mut().zip(sdk(&clients, measure.time).await) {
            p50.push(percentile(&took, 50.0));
        }
        ours.rest();
    }
    let floor: Vec<f64> = at_least.iter().zip(&in_process).map(|(http, run)| http + run).collect();
    let [plain, x25519, xwing] = &through_sdk;
    let kserve = kserve.map_or_else(String::new, |kserve| kserve.name.clone());
    report.panel(
        "T, one caller, p50",
        "µs",
        &[
            ("amaas", &a_call),
            ("empty axum handler", &at_least),
            ("in-process run", &in_process),
            (&kserve, &theirs),
            ("amaas, SDK, plain", plain),
            ("amaas, SDK, X25519", x25519),
            ("amaas, SDK, X-Wing", xwing),
        ],
    );
    let share = percentile(&own, 50.0);
    report.note(format!("overhead: the load generator used {share:.0} % of a core"));
    let limit = aim(measure, Aim::AtMost(1.4), Aim::AtMost(12.0));
    report.ratio("T, one caller: amaas / (empty axum handler + in-process run)", &a_call, &floor, limit);
    let more = |sealed: &[f64]| sealed.iter().zip(plain).map(|(sealed, plain)| sealed - plain).collect::<Vec<_>>();
    if !measure.smoke {
        report.claim("T, one caller: X25519 more than plain", "µs", &more(x25519), Aim::AtMost(150.0));
        report.claim("T, one caller: X-Wing more than plain", "µs", &more(xwing), Aim::AtMost(250.0));
    }
    if !theirs.is_empty() {
        report.ratio("T, one caller: sealed with X25519 / KServe plain", x25519, &theirs, Aim::AtMost(1.0));
        report.ratio("T, one caller: sealed with X-Wing / KServe plain", xwing, &theirs, Aim::AtMost(1.0));
    }
}

/// The median of a run of one row in ONNX Runtime alone, in microseconds.
pub(super) fn p50(network: &mut RoleProcess, time: Duration) -> f64 {
    let answer = network.ask(&format!("1 {}", time.as_millis()));
    answer.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("microseconds")
}

async fn peer(env: &BenchEnv, measure: &Measure, report: &mut Report) -> Option<Contestant> {
    let peer = Peer::SERVERS[1];
    if measure.smoke || !peer.is_there() {
        return None;
    }
    match Contestant::peer(env, &peer, Workload::Tiny).await {
        Ok(kserve) => {
            kserve.rest();
            Some(kserve)
        }
        Err(why) => {
            report.note(format!("{} left out: {why}", peer.name));
            None
        }
    }
}

/// Latencies of calls through each of `clients`, alternately, in microseconds.
async fn sdk(clients: &[Client; 3], time: Duration) -> [Vec<f64>; 3] {
    let ids = Workload::Tiny.row().swap_remove(0).1;
    let (begun, mut took) = (Instant::now(), [Vec::new(), Vec::new(), Vec::new()]);
    while begun.elapsed() < time * 3 / 2 {
        // The first half opens connections and is not counted.
        let counts = begun.elapsed() > time / 2;
        for (client, took) in clients.iter().zip(&mut took) {
            let tensor = Tensor::new("input_ids", vec![1, ids.len()], ids.clone()).expect("a tensor");
            let begun = Instant::now();
            client.model("sentiment").infer(vec![tensor]).await.expect("an answer");
            if counts {
                took.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
    }
    took
}
