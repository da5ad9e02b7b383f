//! Triton's own Python client judges the protocol.

use std::ffi::OsString;
use std::process::Command;

use amaas_e2e::{Program, Stage, onnx, skip};
use amaas_wire::Datatype;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/triton_client.py");
/// What the script ends with where a package is missing.
const MISSING: i32 = 77;

#[tokio::test(flavor = "multi_thread")]
async fn tritons_client_gets_what_it_sent() {
    let stage = Stage::set().await;
    stage.publish("identity", onnx::identity(&Datatype::ALL)).await;
    stage.publish("scalar", onnx::scalar()).await;
    let identity = stage.launch(Program::Tensor, "identity").await.start();
    let scalar = stage.launch(Program::Tensor, "scalar").await.start();
    let python = std::env::var_os("AMAAS_TEST_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let mut command = Command::new(&python);
    command.arg(SCRIPT).env("AMAAS_KEY", stage.key().expose());
    command.env("AMAAS_IDENTITY", identity.ready().await.to_string());
    command.env("AMAAS_SCALAR", scalar.ready().await.to_string());
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
