//! Throughput: many clients with one row each, answers a second, and the server's CPU time for each.

use std::time::Duration;

use amaas_e2e::Program;

use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::child::RoleProcess;
use crate::contestant::{Contestant, Peer};
use crate::engine::Engine;
use crate::report::{Aim, Report};
use crate::spread::percentile;
use crate::workload::Workload;

/// T.
pub(super) async fn small(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let contestants = contestants(env, Program::Sentiment, Workload::Tiny, report).await;
    for callers in [8, 32, 64] {
        let found = rounds(&contestants, callers, measure.rounds, measure.time).await;
        found.note(report, Workload::Tiny.name(), &contestants);
        let what = format!("T, {callers} callers");
        if let Some(best) = found.best_peer() {
            report.ratio(format!("{what}: amaas / best peer"), &found.rates[0], &best, Aim::AtLeast(5.0));
        }
        report.claim(format!("{what}: server CPU a call"), "µs", &found.cpu[0], Aim::AtMost(25.0));
    }
}

/// M. Its floor is ONNX Runtime alone with the best batch size.
pub(super) async fn medium(env: &BenchEnv, measure: &Measure, report: &mut Report, work: Workload) {
    let contestants = contestants(env, Program::Tensor, work, report).await;
    // Runs take long, and the last one is cut off.
    let (time, rounds_of) = (measure.time * 4, measure.rounds.div_ceil(2));
    let mut networks = [Engine::Waiting, Engine::Spinning].map(|engine| env.network(work, engine).1);
    let mut best = (0.0, 0, 1);
    for (index, network) in networks.iter_mut().enumerate() {
        for rows in ROWS {
            let rate = rate(network, rows, measure.time);
            if rate > best.0 {
                best = (rate, index, rows);
            }
        }
    }
    let (_, index, rows) = best;
    let spinning = if index == 0 { "waiting" } else { "spinning" };
    report.note(format!("{}: the floor's best batch is {rows} rows, with {spinning} threads", work.name()));
    for callers in [1, 8, 32, 64] {
        let (mut floor, mut found) = (Vec::new(), Found::new(callers, &contestants));
        for _ in 0..rounds_of {
            floor.push(rate(&mut networks[index], rows, time));
            found.extend(rounds(&contestants, callers, 1, time).await);
        }
        found.note_with(report, work.name(), &contestants, ("in-process run, best batch", &floor));
        let what = format!("{}, {callers} callers", work.name());
        report.ratio(
            format!("{what}: amaas / in-process at its best batch"),
            &found.rates[0],
            &floor,
            Aim::AtLeast(0.97),
        );
        if let Some(best) = found.best_peer() {
            report.ratio(format!("{what}: amaas / best peer"), &found.rates[0], &best, Aim::AtLeast(1.0));
        }
    }
}

/// Rows a second in ONNX Runtime alone.
pub(super) fn rate(network: &mut RoleProcess, rows: usize, time: Duration) -> f64 {
    let answer = network.ask(&format!("{rows} {}", time.as_millis()));
    answer.split(' ').next().and_then(|text| text.parse().ok()).expect("rows a second")
}

/// Ours and all available peers, all stopped.
async fn contestants(env: &BenchEnv, program: Program, work: Workload, report: &mut Report) -> Vec<Contestant> {
    let mut contestants = vec![Contestant::ours(env, program, work).await];
    contestants[0].rest();
    for peer in Peer::SERVERS.iter().filter(|peer| peer.is_there()) {
        match Contestant::peer(env, peer, work).await {
            Ok(contestant) => {
                contestant.rest();
                contestants.push(contestant);
            }
            Err(why) => report.note(format!("{} with {} left out: {why}", peer.name, work.name())),
        }
    }
    contestants
}

/// The results with `callers` clients: for each contestant, a value for each round.
pub(super) struct Found {
    callers: usize,
    pub(super) rates: Vec<Vec<f64>>,
    pub(super) cpu: Vec<Vec<f64>>,
    own: Vec<f64>,
    lost: Vec<usize>,
}

impl Found {
    pub(super) fn new(callers: usize, contestants: &[Contestant]) -> Self {
        let none = vec![Vec::new(); contestants.len()];
        Self { callers, rates: none.clone(), cpu: none, own: Vec::new(), lost: vec![0; contestants.len()] }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.rates.iter_mut().zip(other.rates).for_each(|(all, more)| all.extend(more));
        self.cpu.iter_mut().zip(other.cpu).for_each(|(all, more)| all.extend(more));
        self.lost.iter_mut().zip(other.lost).for_each(|(all, more)| *all += more);
        self.own.extend(other.own);
    }

    /// The highest rate of the peers in each round.
    pub(super) fn best_peer(&self) -> Option<Vec<f64>> {
        best_of_peers(&self.rates, f64::max)
    }

    /// The lowest CPU time a call of the peers in each round.
    pub(super) fn least_cpu_of_peers(&self) -> Option<Vec<f64>> {
        best_of_peers(&self.cpu, f64::min)
    }

    fn note(&self, report: &mut Report, name: &str, contestants: &[Contestant]) {
        self.note_with(report, name, contestants, ("", &[]));
    }

    pub(super) fn note_with(&self, report: &mut Report, name: &str, contestants: &[Contestant], floor: (&str, &[f64])) {
        let callers = self.callers;
        let bars = |values: &[Vec<f64>]| -> Vec<(String, Vec<f64>)> {
            contestants.iter().map(|contestant| contestant.name.clone()).zip(values.to_vec()).collect()
        };
        let mut rates = bars(&self.rates);
        rates.insert(1, (floor.0.to_owned(), floor.1.to_vec()));
        report.panel(format!("{name}, {callers} callers, throughput"), "rows a second", &rates);
        report.panel(format!("{name}, {callers} callers, server CPU"), "µs a call", &bars(&self.cpu));
        let share = percentile(&self.own, 50.0);
        report.note(format!("{name}, {callers} callers: the load generator used {share:.0} % of a core beside amaas"));
        for (contestant, lost) in contestants.iter().zip(&self.lost).filter(|(_, lost)| **lost > 0) {
            report.note(format!("{name}, {callers} callers: {} lost {lost} calls", contestant.name));
        }
    }
}

/// The best value of the peers, which follow ours, in each round.
fn best_of_peers(values: &[Vec<f64>], better: fn(f64, f64) -> f64) -> Option<Vec<f64>> {
    let (ours, peers) = values.split_first()?;
    let best = |round: usize| peers.iter().filter_map(|values| values.get(round)).copied().reduce(better);
    (0..ours.len()).map(best).collect()
}

/// Measures each of `contestants` with `callers` clients, in turns.
pub(super) async fn rounds(contestants: &[Contestant], callers: usize, rounds: usize, time: Duration) -> Found {
    let mut found = Found::new(callers, contestants);
    for _ in 0..rounds {
        for (index, contestant) in contestants.iter().enumerate() {
            let loaded = contestant.turn(callers, time).await;
            found.rates[index].push(loaded.rate());
            found.cpu[index].push(loaded.cpu());
            found.lost[index] += loaded.seen[0].lost() + loaded.seen[0].refused.len();
            if index == 0 {
                found.own.push(loaded.own_share() * 100.0);
            }
        }
    }
    found
}

/// The batch sizes that are tried: up to ours.
pub(super) const ROWS: [usize; 6] = [1, 2, 4, 8, 16, 32];
