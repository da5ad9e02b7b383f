//! Networks on a GPU: ours with the CUDA provider, beside an in-process run on the same GPU, and one on the CPU as the reference.
//!
//! It is no part of a whole run, since few machines have a GPU: `--only gpu`. `tests/bench/README.md` has the requirements.

use std::process::Command;
use std::time::Instant;

use amaas_e2e::Program;

use super::overhead::p50;
use super::throughput::{Found, ROWS, rate, rounds};
use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::child::RoleProcess;
use crate::contestant::Contestant;
use crate::engine::Engine;
use crate::load::Target;
use crate::report::{Aim, Report};
use crate::workload::{MAX_DIFFERENCE, Workload, furthest, values};

/// T, M and L.
///
/// # Errors
/// Why there is no CUDA, or which answers differ from the CPU's.
pub(super) async fn gpu(env: &BenchEnv, measure: &Measure, report: &mut Report) -> Result<(), String> {
    report.note(format!("gpu: {}", card()));
    let mut wrong = Vec::new();
    for (work, program) in [
        (Workload::Tiny, Program::Sentiment),
        (Workload::medium(), Program::Tensor),
        (Workload::Large, Program::Tensor),
    ] {
        // T is published already.
        if work != Workload::Tiny {
            env.publish(work).await;
        }
        let mut both = Both::start(env, program, work, report).await?;
        wrong.extend(both.differences(report).await);
        both.outside(env, report).await;
        both.measure(env, measure, report).await;
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("other answers than the CPU's: {}", wrong.join(", "))) }
}

/// Our function, and ONNX Runtime alone, with one network.
struct Both {
    work: Workload,
    ours: Contestant,
    cuda: RoleProcess,
    cuda_fp32: RoleProcess,
    cpu: RoleProcess,
}

impl Both {
    async fn start(env: &BenchEnv, program: Program, work: Workload, report: &mut Report) -> Result<Self, String> {
        let name = work.name();
        let ((session, first), cuda) =
            env.try_network(work, Engine::Cuda).map_err(|why| format!("{name}, CUDA in process: {why}"))?;
        report.note(format!("{name}, CUDA in process: the session took {session:.0} ms, the first run {first:.0} ms"));
        let (_, cuda_fp32) = env.network(work, Engine::CudaFp32);
        let (_, cpu) = env.network(work, Engine::Waiting);
        let begun = Instant::now();
        let ours = Contestant::on_cuda(env, program, work).await.map_err(|why| format!("{name}, amaas: {why}"))?;
        report.note(format!("{name}, amaas on CUDA: ready after {} ms", begun.elapsed().as_millis()));
        Ok(Self { work, ours, cuda, cuda_fp32, cpu })
    }

    /// The distance of the answers from the CPU's. The error names an answer of ours that is too far.
    async fn differences(&mut self, report: &mut Report) -> Option<String> {
        let name = self.work.name();
        let in_process =
            |child: &mut RoleProcess| serde_json::from_str::<Vec<f32>>(&child.ask("values")).expect("numbers");
        let expected = in_process(&mut self.cpu);
        let (status, answer) = self.ours.target.call().await.expect("an answer");
        let ours = furthest(&values(&answer), &expected);
        let what = format!("{name} on CUDA: largest difference of amaas from the CPU");
        report.claim(what, "millionths", &[ours * 1e6], Aim::AtMost(MAX_DIFFERENCE * 1e6));
        let [tf32, fp32] =
            [&mut self.cuda, &mut self.cuda_fp32].map(|network| furthest(&in_process(network), &expected) * 1e6);
        let largest = expected.iter().map(|value| f64::from(value.abs())).fold(0.0, f64::max);
        report.note(format!(
            "{name} on CUDA: in process it is {tf32:.3} millionths, {fp32:.3} without TF32; of {} values, {largest:.3} the largest",
            expected.len()
        ));
        // NaN is below no bound.
        (status != 200 || ours.is_nan() || ours > MAX_DIFFERENCE).then(|| format!("{name} ({status}, off by {ours:e})"))
    }

    /// The result for an id without a row in the table, which the CPU's kernel refuses.
    async fn outside(&self, env: &BenchEnv, report: &mut Report) {
        let body = String::from_utf8(self.work.body()).expect("JSON").replacen("[4,", "[70000,", 1);
        let headers = format!("x-api-key: {}\r\n", env.key.expose());
        let target = Target::post(self.ours.target.address, &self.work.path(), &headers, body.as_bytes());
        let (status, _) = target.call().await.expect("an answer");
        report.note(format!("{} on CUDA: an id outside the table is answered with {status}", self.work.name()));
    }

    /// One client's latency, then rows a second.
    async fn measure(mut self, env: &BenchEnv, measure: &Measure, report: &mut Report) {
        let (name, time) = (self.work.name(), measure.time);
        let empty = Contestant::empty(&self.ours, self.work).await;
        self.ours.rest();
        empty.rest();
        let [mut ours, mut floor, mut http, mut cuda, mut fp32, mut cpu] = [const { Vec::new() }; 6];
        for _ in 0..measure.rounds {
            ours.push(self.ours.turn(1, time).await.seen[0].at(50.0));
            http.push(empty.turn(1, time).await.seen[0].at(50.0));
            cuda.push(p50(&mut self.cuda, time));
            fp32.push(p50(&mut self.cuda_fp32, time));
            cpu.push(p50(&mut self.cpu, time));
        }
        floor.extend(http.iter().zip(&cuda).map(|(http, run)| http + run));
        let bars = [
            ("amaas on CUDA", &ours),
            ("empty axum handler", &http),
            ("in-process run, CUDA", &cuda),
            ("in-process run, CUDA, no TF32", &fp32),
            (&format!("in-process run, CPU, {} threads", env.cores), &cpu),
        ];
        report.panel(format!("{name} on CUDA, one caller, p50"), "µs", &bars);
        let what = format!("{name} on CUDA, one caller: amaas / (empty axum handler + in-process run)");
        report.ratio(what, &ours, &floor, Aim::AtMost(1.4));
        self.throughput(measure, report).await;
    }

    async fn throughput(&mut self, measure: &Measure, report: &mut Report) {
        let (work, time) = (self.work, measure.time);
        let name = format!("{} on CUDA", work.name());
        let by_rows = |network: &mut RoleProcess| ROWS.map(|rows| (rate(network, rows, time), rows));
        let mut best = (0.0, 1);
        for (who, network) in [("TF32", &mut self.cuda), ("no TF32", &mut self.cuda_fp32), ("CPU", &mut self.cpu)] {
            let rates = by_rows(network);
            let shown = rates.map(|(rate, rows)| format!("{rate:.0} at {rows}")).join(", ");
            report.note(format!("{name}: rows a second in process, {who}, by rows of a run: {shown}"));
            if who == "TF32" {
                best = rates.into_iter().fold(best, |best, next| if next.0 > best.0 { next } else { best });
            }
        }
        let ours = std::slice::from_ref(&self.ours);
        for callers in [1, 8, 32, 64] {
            let (mut floor, mut found) = (Vec::new(), Found::new(callers, ours));
            for _ in 0..measure.rounds {
                floor.push(rate(&mut self.cuda, best.1, time));
                found.extend(rounds(ours, callers, 1, time).await);
            }
            let bar = format!("in-process run, CUDA, {} rows", best.1);
            found.note_with(report, work.name(), ours, (&bar, &floor));
            let what = format!("{name}, {callers} callers: amaas / in-process at its best batch");
            report.ratio(what, &found.rates[0], &floor, Aim::AtLeast(0.97));
        }
    }
}

/// The GPU and its driver, as NVIDIA's own tool names them.
fn card() -> String {
    let told = Command::new("nvidia-smi").args(["--query-gpu=name,driver_version", "--format=csv,noheader"]).output();
    match told {
        Ok(told) if told.status.success() => String::from_utf8_lossy(&told.stdout).trim().replace('\n', "; "),
        _ => "nvidia-smi names none".to_owned(),
    }
}
