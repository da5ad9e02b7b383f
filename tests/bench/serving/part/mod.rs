//! The parts of the benchmark, in one environment.

mod artefact;
mod cold;
mod generation;
mod gpu;
mod memory;
mod neighbours;
mod overhead;
mod refusal;
mod tail;
mod texts;
mod throughput;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::contestant::Peer;
use crate::plot::svg;
use crate::report::{Aim, Report};
use crate::workload::Workload;

/// Measures, prints, and writes the results of a whole run. Fails if a smoke run misses an aim, or if a part could not run.
pub(crate) fn measure(measure: &Measure) -> ExitCode {
    amaas_engine::runtime::disable_telemetry_or_reexec().expect("ONNX Runtime can be kept quiet");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let report = match runtime.block_on(run(measure)) {
        Ok(report) => report,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let met = report.is_met();
    if measure.smoke {
        println!("\n{}", if met { "nothing regressed grossly" } else { "something regressed grossly" });
        return if met { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    println!("\n{}", report.markdown());
    if measure.only.is_empty() {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/results");
        std::fs::create_dir_all(&results).expect("a folder");
        std::fs::write(results.join("serving.md"), format!("# Serving\n\n{}", report.markdown())).expect("written");
        std::fs::write(results.join("serving.svg"), svg(&report)).expect("written");
    }
    ExitCode::SUCCESS
}

async fn run(measure: &Measure) -> Result<Report, String> {
    let mut report = Report::default();
    let begun = Instant::now();
    let env = BenchEnv::start().await;
    machine(&env, measure, &mut report);
    if !measure.smoke {
        install_peers(measure);
    }
    let wants = |part: &str| measure.wants(part);
    env.publish(Workload::Tiny).await;
    if wants("overhead") {
        overhead::overhead(&env, measure, &mut report).await;
    }
    if wants("neighbours") {
        neighbours::neighbours(&env, measure, &mut report).await;
    }
    if wants("refusal") {
        refusal::refusal(&env, measure, &mut report).await;
    }
    if wants("tail") {
        tail::tail(&env, measure, &mut report).await;
    }
    if wants("generation") {
        generation::generation(&env, measure, &mut report).await;
    }
    if !measure.smoke {
        whole(&env, measure, &mut report).await;
    }
    if measure.names("gpu") {
        gpu::gpu(&env, measure, &mut report).await?;
    }
    report.note(format!("the run took {} s", begun.elapsed().as_secs()));
    Ok(report)
}

/// The parts for which a smoke run has no time.
async fn whole(env: &Arc<BenchEnv>, measure: &Measure, report: &mut Report) {
    let (wants, medium) = (|part: &str| measure.wants(part), Workload::medium());
    if wants("artefact") {
        artefact::artefact(env, report);
    }
    if wants("throughput") {
        throughput::small(env, measure, report).await;
    }
    if ["medium", "overload", "cold", "memory"].into_iter().any(wants) {
        env.publish(medium).await;
    }
    if wants("medium") {
        throughput::medium(env, measure, report, medium).await;
    }
    if wants("overload") {
        tail::overload(env, measure, report, medium).await;
    }
    if wants("texts") {
        texts::throughput(env, measure, report).await;
    }
    if wants("texts-memory") {
        texts::memory(env, measure, report).await;
    }
    if wants("memory") {
        memory::calls(env, measure, report, medium).await;
        memory::loads(env, report, medium).await;
    }
    if wants("cold") {
        cold::cold(env, measure, report, medium).await;
        env.publish(Workload::Large).await;
        cold::large(env, measure, report).await;
    }
}

/// Installs the peers of the selected parts.
fn install_peers(measure: &Measure) {
    let others = |part: &String| !["gpu", "texts", "texts-memory"].contains(&part.as_str());
    if measure.only.is_empty() || measure.only.iter().any(others) {
        Peer::install(&[]);
    } else if measure.names("texts") {
        Peer::install(&[Peer::FASTAPI.name]);
    }
}

/// Describes the machine and its other load.
fn machine(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("of an unknown kind", |(_, model)| model);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let date = httpdate::fmt_http_date(SystemTime::now());
    let Measure { rounds, time, .. } = measure;
    let (cores, version) = (env.cores, amaas_engine::runtime::VERSION);
    let runtime = match std::env::var_os("ORT_DYLIB_PATH") {
        None => format!("{version}, here and in the peers"),
        Some(_) => format!("{:?} here, {version} in the peers", env.library),
    };
    report.note(format!("{date}; {cores} cores ({model}); load average at the start {load}"));
    report.note(format!("{rounds} rounds of {} s; ONNX Runtime {runtime}", time.as_secs_f64()));
    if cfg!(debug_assertions) {
        report.note("a debug build: only ratios to this program's own floors mean anything");
    }
}

/// The aim, or a looser limit in a smoke run, which shares its machine and may be a debug build.
fn aim(measure: &Measure, aim: Aim, gross: Aim) -> Aim {
    if measure.smoke { gross } else { aim }
}
