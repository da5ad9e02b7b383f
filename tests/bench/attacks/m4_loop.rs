//! M4: a network with a loop count as input, and an endless count. The bystander calls another model of another process on the same
//! machine. A client of the same model waits until the attacker's deadline, and no longer.

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
    env.publish("count", onnx::count()).await;
    env.publish("plus-one", onnx::plus_one()).await;
    let seconds = DEADLINE.as_secs().to_string();
    let counts = env.launch(Program::Tensor, "count").await.set("AMAAS_MAX_RUN_SECONDS", seconds).start();
    let adds = env.launch(Program::Tensor, "plus-one").await.start();
    let (url, other) = (counts.ready().await, adds.ready().await);
    let (url, other) =
        (format!("http://{url}/v2/models/count/infer"), format!("http://{other}/v2/models/plus-one/infer"));
    let (http, key) = (reqwest::Client::new(), env.key().expose().to_owned());
    let send = |url: &str, inputs: serde_json::Value| {
        http.post(url).bearer_auth(&key).json(&json!({ "inputs": inputs })).send()
    };
    let integer = |name: &str, value: i64| json!({ "name": name, "datatype": "INT64", "shape": [1], "data": [value] });
    let count = |steps: i64| json!([integer("steps", steps), integer("start", 0)]);
    let call = async || {
        let x = json!([{ "name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0] }]);
        assert_eq!(send(&other, x).await.expect("an answer").status(), 200);
    };
    let quiet = Latencies::of(call_until(&call, tokio::time::sleep(DEADLINE)).await);
    let before_mib = resident_mib(counts.pid());
    forget_peak(counts.pid());
    let attack = async {
        for _ in 0..ATTACKS {
            let begun = Instant::now();
            let (endless, same) = tokio::join!(send(&url, count(1 << 62)), async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                send(&url, count(1)).await
            });
            assert_eq!(endless.expect("an answer").status(), 422);
            assert_eq!(same.expect("an answer").status(), 200, "who calls the same model");
            assert!(begun.elapsed() < DEADLINE * 2, "{:?}", begun.elapsed());
        }
    };
    let attacked = Latencies::of(call_until(&call, attack).await);
    AttackResult { quiet, attacked, before_mib, peak_mib: peak_mib(counts.pid()), bound_mib: 64 }
}

const DEADLINE: Duration = Duration::from_secs(2);
const ATTACKS: usize = 3;
