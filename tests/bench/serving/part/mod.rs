//! The parts of the benchmark, each on a place that they share.

mod artefact;
mod cold;
mod generation;
mod gpu;
mod memory;
mod neighbours;
mod overhead;
mod refusal;
mod tail;
mod throughput;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::arguments::Measure;
use crate::contestant::Peer;
use crate::place::Place;
use crate::plot::svg;
use crate::report::{Aim, Report};
use crate::work::Work;

/// Measures, prints, and writes what a whole run found. Fails where a smoke run misses an aim, or a part could not be run.
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
    let place = Place::set().await;
    machine(&place, measure, &mut report);
    if !measure.smoke && measure.only != ["gpu"] {
        Peer::install();
    }
    let wants = |part: &str| measure.wants(part);
    place.publish(Work::Tiny).await;
    if wants("overhead") {
        overhead::overhead(&place, measure, &mut report).await;
    }
    if wants("neighbours") {
        neighbours::neighbours(&place, measure, &mut report).await;
    }
    if wants("refusal") {
        refusal::refusal(&place, measure, &mut report).await;
    }
    if wants("tail") {
        tail::tail(&place, measure, &mut report).await;
    }
    if wants("generation") {
        generation::generation(&place, measure, &mut report).await;
    }
    if !measure.smoke {
        whole(&place, measure, &mut report).await;
    }
    if measure.names("gpu") {
        gpu::gpu(&place, measure, &mut report).await?;
    }
    report.note(format!("the run took {} s", begun.elapsed().as_secs()));
    Ok(report)
}

/// What a smoke run has no time for.
async fn whole(place: &Arc<Place>, measure: &Measure, report: &mut Report) {
    let (wants, medium) = (|part: &str| measure.wants(part), Work::medium());
    if wants("artefact") {
        artefact::artefact(place, report);
    }
    if wants("throughput") {
        throughput::small(place, measure, report).await;
    }
    if ["medium", "overload", "cold", "memory"].into_iter().any(wants) {
        place.publish(medium).await;
    }
    if wants("medium") {
        throughput::medium(place, measure, report, medium).await;
    }
    if wants("overload") {
        tail::overload(place, measure, report, medium).await;
    }
    if wants("memory") {
        memory::calls(place, measure, report, medium).await;
        memory::loads(place, report, medium).await;
    }
    if wants("cold") {
        cold::cold(place, measure, report, medium).await;
        place.publish(Work::Large).await;
        cold::large(place, measure, report).await;
    }
}

/// What the machine is, and what it does beside this.
fn machine(place: &Place, measure: &Measure, report: &mut Report) {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("of an unknown kind", |(_, model)| model);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let date = httpdate::fmt_http_date(SystemTime::now());
    let Measure { rounds, time, .. } = measure;
    let (cores, version) = (place.cores, amaas_engine::runtime::VERSION);
    let runtime = match std::env::var_os("ORT_DYLIB_PATH") {
        None => format!("{version}, here and in the peers"),
        Some(_) => format!("{:?} here, {version} in the peers", place.library),
    };
    report.note(format!("{date}; {cores} cores ({model}); load average at the start {load}"));
    report.note(format!("{rounds} rounds of {} s; ONNX Runtime {runtime}", time.as_secs_f64()));
    if cfg!(debug_assertions) {
        report.note("a debug build: only ratios to this program's own floors mean anything");
    }
}

/// The aim, or in a smoke run, which shares its machine and may be a debug build, the limit of what cannot be chance.
fn aim(measure: &Measure, aim: Aim, gross: Aim) -> Aim {
    if measure.smoke { gross } else { aim }
}
