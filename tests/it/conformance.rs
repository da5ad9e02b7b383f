//! The conformance kit judges `amaas dev` through each of its drivers: bare HTTP, and the clients of Triton and `KServe`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use amaas_e2e::{Dev, skip};
use serde_json::Value;
use tokio::process::Command;

/// What the kit ends with where a package is missing.
const MISSING: i32 = 77;
/// What amaas does otherwise than the protocol advises; it does all that the protocol demands.
const OTHERWISE: [&str; 2] = [
    // A text with a zero byte: ONNX Runtime's binding takes texts that end with one.
    "rest/json/zero/whole",
    // `onnxruntime_onnx` is what Triton's clients know; the protocol has `onnx_onnxv1`.
    "rest/metadata/platform",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_driver_of_the_kit_is_content() {
    let Some(python) = std::env::var_os("AMAAS_TEST_PYTHON") else {
        return skip("AMAAS_TEST_PYTHON is not set to a Python that has tests/conformance/requirements.txt");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(list) = kit(&python, ["models".as_ref(), folder.path().as_os_str()]).await else { return };
    let dev = Dev::start().await;
    for (name, file) in list.lines().filter_map(|line| line.split_once('\t')) {
        dev.publish(name, &folder.path().join(file)).await;
    }
    let grpc = dev.endpoint().trim_start_matches("http://");
    let key = format!("Authorization: Bearer {}", dev.key());
    // Models are listed, and not loaded by calls: what the extension says beyond that is not looked at.
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

/// What the kit prints, or nothing where it cannot run.
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
        // 1: a case failed, which the results say.
        Some(0 | 1) => Some(String::from_utf8(output.stdout).expect("UTF-8")),
        Some(MISSING) => {
            skip(said.trim());
            None
        }
        code => panic!("{code:?}: {said}"),
    }
}
