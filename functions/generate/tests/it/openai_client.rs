//! `OpenAI`'s own Python client calls the routes that have its API.

use std::ffi::OsString;
use std::process::Command;

use crate::service::{Service, skip};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openai_client.py");
/// The script's exit code if the package `openai` is missing.
const MISSING: i32 = 77;

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_gets_texts() {
    let service = Service::start().await;
    let python = std::env::var_os("AMAAS_TEST_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let mut command = Command::new(&python);
    command.arg(SCRIPT).env("OPENAI_BASE_URL", format!("{}/v1", service.endpoint));
    command.env("OPENAI_API_KEY", service.key.expose()).env("AMAAS_NARROW_KEY", service.narrow.expose());
    let output = match tokio::task::spawn_blocking(move || command.output()).await.expect("no panic") {
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
