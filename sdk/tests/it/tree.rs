//! The SDK stays light: what an app that uses it with default features compiles.

use std::process::Command;

use crate::Result;

#[test]
fn default_features_pull_in_neither_aws_nor_onnx_nor_a_server() -> Result {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["tree", "--offline", "-p", "amaas", "-e", "normal", "--prefix", "none", "--format", "{lib}"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let tree = String::from_utf8(output.stdout)?;
    let crates: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(crates.contains(&"reqwest"), "{tree}");
    // aws_lc_rs and aws_lc_sys are rustls' cryptography, not AWS's services.
    let banned = [
        "aws_sdk",
        "aws_config",
        "aws_credential",
        "aws_runtime",
        "aws_sigv4",
        "aws_smithy",
        "aws_types",
        "axum",
        "ort",
        "ort_sys",
        "schemars",
    ];
    let heavy = |name: &&&str| banned.iter().any(|ban| *name == ban || name.starts_with(&format!("{ban}_")));
    assert_eq!(crates.iter().filter(heavy).collect::<Vec<_>>(), Vec::<&&str>::new());
    Ok(())
}
