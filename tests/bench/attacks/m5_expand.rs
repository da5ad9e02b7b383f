//! M5: a network whose output shape is an input, and shapes of up to 100 TB. The bystander calls another model of the same machine. The
//! server's memory stays within the bound of runs, and is released.

use std::time::{Duration, Instant};

use amaas_e2e::{Program, TestEnv, onnx};
use serde_json::json;

use super::AttackResult;
use super::bystander::{Latencies, call_until};
use super::memory::{forget_peak, peak_mib, resident_mib};

pub(super) fn attack() -> AttackResult {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(run())
}

async fn run() -> AttackResult {
    let env = TestEnv::start().await;
    env.publish("expand", onnx::expand()).await;
    env.publish("plus-one", onnx::plus_one()).await;
    let adds = env.launch(Program::Tensor, "plus-one").await.start();
    let other = format!("http://{}/v2/models/plus-one/infer", adds.ready().await);
    let launch = env.launch(Program::Tensor, "expand").await;
    let function = launch.set("AMAAS_MAX_RUN_BYTES", (RUN_MIB << 20).to_string()).start();
    let url = format!("http://{}/v2/models/expand/infer", function.ready().await);
    let (http, key) = (reqwest::Client::new(), env.key().expose().to_owned());
    let send = async |values: i64| {
        let shape = json!([{ "name": "shape", "datatype": "INT64", "shape": [1], "data": [values] }]);
        let request = http.post(&url).bearer_auth(&key).json(&json!({ "inputs": shape }));
        request.send().await.expect("an answer").status().as_u16()
    };
    let call = async || {
        let x = json!([{ "name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0] }]);
        let request = http.post(&other).bearer_auth(&key).json(&json!({ "inputs": x }));
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    };
    let quiet = Latencies::of(call_until(&call, tokio::time::sleep(Duration::from_secs(2))).await);
    let before_mib = resident_mib(function.pid());
    forget_peak(function.pid());
    let attack = async {
        for _ in 0..4 {
            // 100 TB, more than the largest number of bytes, 4 GiB, and a size that fits and is too large for an answer.
            for values in [25_000_000_000_000, 1 << 62, 1 << 30, 30 << 20] {
                assert_eq!(send(values).await, 422, "{values} values");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    let attacked = Latencies::of(call_until(&call, attack).await);
    let peak_mib = peak_mib(function.pid());
    let ended = Instant::now();
    while resident_mib(function.pid()) > before_mib + KEPT_MIB {
        assert!(ended.elapsed() < Duration::from_secs(30), "memory is not given back");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    AttackResult { quiet, attacked, before_mib, peak_mib, bound_mib: RUN_MIB + KEPT_MIB }
}

/// The memory bound of runs.
const RUN_MIB: u64 = 256;
/// The memory that may stay allocated.
const KEPT_MIB: u64 = 64;
