//! The deployed artefacts: the stripped binary, and the zip for Lambda.

use std::process::Command;

use amaas_e2e::Program;

use crate::bench_env::BenchEnv;
use crate::report::{Aim, Report};

pub(super) fn artefact(env: &BenchEnv, report: &mut Report) {
    let binary = Program::Sentiment.path();
    let megabytes = |file: &std::path::Path| std::fs::metadata(file).map(|file| file.len() as f64 / 1e6);
    let size = megabytes(&binary).expect("the binary is there");
    report.claim("artefact: stripped binary", "MB", &[size], Aim::AtMost(12.0));
    let zip = env.folder().join("function.zip");
    let amaas = binary.with_file_name("amaas");
    let packed =
        Command::new(&amaas).args(["package", "sentiment", "--binary"]).arg(&binary).arg("--output").arg(&zip).output();
    match (packed, megabytes(&zip)) {
        (Ok(output), Ok(size)) if output.status.success() => {
            report.claim("artefact: zip for Lambda", "MB", &[size], Aim::AtMost(20.0));
        }
        (Ok(output), _) => report.note(format!("artefact: no zip: {}", String::from_utf8_lossy(&output.stderr).trim())),
        (Err(error), _) => report.note(format!("artefact: no zip, because the program amaas was not built: {error}")),
    }
}
