//! The conformance kit tests `amaas dev` through each of its drivers: bare HTTP, and the clients of Triton and `KServe`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use amaas_e2e::{DevProcess, skip};
use serde_json::Value;
use tokio::process::Command;

/// The kit's exit code if a package is missing.
const MISSING: i32 = 77;
/// Deviations of amaas from recommendations of the protocol; it satisfies all requirements.
const OTHERWISE: [&str; 2] = [
    // A text with a zero byte: ONNX Runtime's binding takes zero-terminated texts.
    "rest/json/zero/whole",
    // Triton's clients know `onnxruntime_onnx`; the protocol has `onnx_onnxv1`.
    "rest/metadata/platform",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_driver_of_the_kit_is_content() {
    let Some(python) = std::env::var_os("AMAAS_TEST_PYTHON") else {
        return skip("AMAAS_TEST_PYTHON is not set to a Python that has tests/conformance/requirements.txt");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(list) = kit(&python, ["models".as_ref(), folder.path().as_os_str()]).await else { return };
    let dev = DevProcess::start().await;
    for (name, file) in list.lines().filter_map(|line| line.split_once('\t')) {
        dev.publish(name, &folder.path().join(file)).await;
    }
    let grpc = dev.endpoint().trim_start_matches("http://");
    let key = format!("Authorization: Bearer {}", dev.key());
    // Models are listed, and not loaded by calls; the rest of the extension is not implemented.
    let arguments =
        ["--url", dev.endpoint(), "--grpc", grpc, "--header", &key, "--assume", "model_repository", "--json"];
    let Some(score) = kit(&python, arguments.map(OsStr::new)).await else { return };
    let results: Vec<Value> = serde_json::from_str(&score).expect("results as JSON");
    let with = |outcome: &str| -> BTreeSet<&str> {
        let those = results.iter().filter(|result| result["outcome"] == outcome);
        those.map(|result| result["id"].as_str().expect("an id")).collect()
    };
    let failed: Vec<_> = results.iter().filter(|result| result["outcome"] == "failed").collect();
    assert_eq!(with("failed"), BTreeSet::from(OTHERWISE), "{failed:#?}");
    assert_eq!(with("skipped"), BTreeSet::new());
    println!("{} cases passed", with("passed").len());
}

/// The kit's output; `None` if it cannot run.
async fn kit<'a>(python: &OsString, arguments: impl IntoIterator<Item = &'a OsStr>) -> Option<String> {
    let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let output = Command::new(python).arg(kit).args(arguments).output().await;
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("{}: {error}", python.display()));
            return None;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        // 1: a case failed, which the results show.
        Some(0 | 1) => Some(String::from_utf8(output.stdout).expect("UTF-8")),
        Some(MISSING) => {
            skip(said.trim());
            None
        }
        code => panic!("{code:?}: {said}"),
    }
}
