//! Memory of publishing, beside the weights.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use amaas::Datatype::Fp32;
use amaas_e2e::onnx::{Constant, Dim, Graph, Node, Value};
use amaas_e2e::{command_line, library};

/// A network of `y = x · w`, FP32 `[batch, 4096]`, with `layers` weights of 64 MiB each in a file beside it.
fn write(folder: &Path, layers: usize) -> u64 {
    const WIDTH: u16 = 4096;
    let bytes = u64::from(WIDTH).pow(2) * size_of::<f32>() as u64;
    let name = |layer: usize| {
        if layer == layers {
            "y".to_owned()
        } else if layer == 0 {
            "x".to_owned()
        } else {
            format!("h{layer}")
        }
    };
    let nodes: Vec<_> = (0..layers)
        .map(|layer| Node::new("MatMul", &[&name(layer), &format!("w{layer}")], &[&name(layer + 1)]))
        .collect();
    let shape = [i64::from(WIDTH); 2];
    let weights: Vec<_> = (0..layers)
        .map(|layer| Constant::external_of(&format!("w{layer}"), &shape, "weights", layer as u64 * bytes))
        .collect();
    let value = |name| Value::new(name, Fp32, &[Dim::Symbol("batch"), Dim::Fixed(i64::from(WIDTH))]);
    let network = Graph::new(&[value("x")], &nodes, &weights, &[value("y")]).into_file();
    std::fs::write(folder.join("n.onnx"), network).expect("written");
    // Numbers that repeat every 64 KiB; they are never deduplicated.
    let mut state = 1_u32;
    let block: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f32::from(u16::try_from(state >> 16).unwrap_or_default()) * 1e-8).to_le_bytes()
    })
    .take(1 << 14)
    .flatten()
    .collect();
    let mut file = std::fs::File::create(folder.join("weights")).expect("made");
    for _ in 0..layers as u64 * bytes / block.len() as u64 {
        file.write_all(&block).expect("written");
    }
    bytes * layers as u64
}

/// The peak memory of the process `id` so far, in bytes.
fn peak(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[tokio::test]
async fn publishing_takes_a_few_times_the_weights() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let weights = write(here, 2);
    let command = |arguments: &[&str]| {
        let mut command = Command::new(command_line());
        command.current_dir(here).args(arguments).stdout(Stdio::null());
        command
    };
    let signer = command(&["signer", "--create", "--signing-key", "signer.pem"]).status().expect("run");
    assert!(signer.success());
    let publish =
        ["publish", "n.onnx", "--name", "n", "--store", "./store", "--signing-key", "signer.pem", "--unsealed"];
    let mut child = command(&publish).env("ORT_DYLIB_PATH", library().await).spawn().expect("started");
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        most = most.max(peak(child.id()).unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(status.success());
    let (most, weights) = (most >> 20, weights >> 20);
    eprintln!("publishing {weights} MiB of weights took {most} MiB");
    // The program, the files, one session, and the writer of its prepared form; two sessions at a time would be 5.
    assert!(most < 100 + weights * 42 / 10, "{most} MiB for {weights} MiB of weights");
}
