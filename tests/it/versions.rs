//! Memory of a process that loads many versions of a model.

use amaas_e2e::{DevProcess, onnx, wait::until};
use serde_json::Value;

/// The size of a network in tensors of 1 MiB, as Transformers have: glibc keeps such blocks in its arenas when they are freed.
const TENSORS: usize = 64;
const VALUES: usize = 1 << 18;
const MODEL_MIB: u64 = (TENSORS * VALUES * 4) as u64 >> 20;

/// The memory of `dev` after it released what it can: the minimum of some seconds.
async fn resident_mib(dev: &DevProcess) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..10 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let status = std::fs::read_to_string(format!("/proc/{}/status", dev.pid())).expect("it is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("proc(5)");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        least = least.min(kib >> 10);
    }
    least
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_does_not_grow_with_the_versions_that_it_saw() {
    let dev = DevProcess::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("network.onnx");
    let (mut first, url) = (0, format!("{}/v2/models/versions", dev.endpoint()));
    for version in 1..=5 {
        std::fs::write(&file, onnx::sum(TENSORS + version, VALUES)).expect("written");
        dev.publish("versions", &file).await;
        let served = async || {
            let metadata = reqwest::Client::new().get(&url).bearer_auth(dev.key()).send().await.ok()?;
            metadata.json::<Value>().await.ok()?["versions"][0].as_str().map(str::to_owned)
        };
        until("the version is served", async || served().await == Some(version.to_string())).await;
        if version == 1 {
            first = resident_mib(&dev).await;
        }
    }
    let last = resident_mib(&dev).await;
    println!("{first} MiB after one version of {MODEL_MIB} MiB, {last} MiB after five");
    // Versions that stay loaded would need four times that much. A busy machine frees later, 39 MiB at most.
    assert!(last < first + MODEL_MIB, "{first} MiB after one version of {MODEL_MIB} MiB, {last} MiB after five");
}
