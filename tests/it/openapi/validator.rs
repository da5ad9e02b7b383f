//! An independent validator checks the golden files, which equal the functions' documents (`functions`).

use std::ffi::OsString;
use std::process::Command;

use amaas_e2e::skip;

use super::golden;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi_validator.py");
/// The script's exit code if a package is missing.
const MISSING: i32 = 77;
const FUNCTIONS: [&str; 7] = ["digits", "embed", "generate", "match", "names", "sentiment", "tensor"];

#[test]
fn every_document_is_openapi() {
    let python = std::env::var_os("AMAAS_TEST_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let output = match Command::new(&python).arg(SCRIPT).args(FUNCTIONS.map(golden::file)).output() {
        Ok(output) => output,
        Err(error) => return skip(&format!("{}: {error}", python.display())),
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => println!("{said}"),
        Some(MISSING) => skip(said.trim()),
        _ => panic!("{said}"),
    }
}
