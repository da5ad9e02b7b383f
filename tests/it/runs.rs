//! Bounds of a run: deadline, memory, and size of the answer.

use std::time::{Duration, Instant};

use amaas_e2e::wait::{until, within};
use amaas_e2e::{Function, Program, TestEnv, onnx};
use reqwest::Client;
use serde_json::{Value, json};

/// A function and its client.
struct Target {
    http: Client,
    url: String,
    key: String,
    function: Function,
    _env: TestEnv,
}

impl Target {
    /// A function for `network` with `variables` in its environment.
    async fn of(network: Vec<u8>, variables: &[(&str, &str)]) -> Self {
        let env = TestEnv::start().await;
        env.publish("net", network).await;
        let launch = env.launch(Program::Tensor, "net").await;
        let launch = variables.iter().fold(launch, |launch, (name, value)| launch.set(name, *value));
        let function = launch.start();
        let address = function.ready().await;
        let url = format!("http://{address}/v2/models/net/infer");
        Self { http: Client::new(), url, key: env.key().expose().to_owned(), function, _env: env }
    }

    /// A call with these inputs: the status, and the answer or the error's text.
    async fn call(&self, inputs: &Value) -> (u16, Value) {
        let request = self.http.post(&self.url).bearer_auth(&self.key).json(&json!({ "inputs": inputs }));
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("JSON");
        (status, if status == 200 { body["outputs"][0].clone() } else { body["error"].clone() })
    }

    /// The error of a call that must be refused with 422.
    async fn refused(&self, inputs: &Value) -> String {
        let (status, error) = self.call(inputs).await;
        assert_eq!(status, 422, "{error}");
        error.as_str().expect("a text").to_owned()
    }

    /// Its memory, in MiB.
    fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.function.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux reports it");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") >> 10
    }

    /// Whether no failure of the function has been logged so far.
    fn has_not_failed(&self) {
        let failed = self.function.logs().lines().into_iter().find(|line| line.contains("\"failed\""));
        assert_eq!(failed, None);
    }
}

fn integers(name: &str, values: &[i64]) -> Value {
    json!({ "name": name, "datatype": "INT64", "shape": [values.len()], "data": values })
}

fn counting(steps: i64) -> Value {
    json!([integers("steps", &[steps]), integers("start", &[1])])
}

fn shaped(shape: &[i64]) -> Value {
    json!([integers("shape", shape)])
}

#[tokio::test]
async fn a_run_without_end_ends_at_its_deadline_and_others_go_on() {
    let target = Target::of(onnx::count(), &[("AMAAS_MAX_RUN_SECONDS", "1")]).await;
    // Some short calls first, so that a call of that size could run inline.
    for steps in 0..40 {
        assert_eq!(target.call(&counting(steps)).await.0, 200);
    }
    let begun = Instant::now();
    let (endless, other) = (counting(1 << 62), counting(41));
    let (refused, answered) = tokio::join!(target.refused(&endless), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let health = target.url.replace("/v2/models/net/infer", "/v2/health/live");
        let asked = Instant::now();
        assert_eq!(target.http.get(health).send().await.expect("an answer").status(), 200);
        assert!(asked.elapsed() < Duration::from_millis(700), "a thread of the runtime was held");
        target.call(&other).await
    });
    assert!(refused.contains("did not answer these inputs within 1 s"), "{refused}");
    assert_eq!((answered.0, &answered.1["data"]), (200, &json!([42])));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    target.has_not_failed();
}

#[tokio::test]
async fn an_operator_that_does_not_end_costs_its_caller_and_not_the_model() {
    let target = Target::of(onnx::one_long_operator(), &[("AMAAS_MAX_RUN_SECONDS", "1")]).await;
    let boxes = |n: f64| json!([{ "name": "n", "datatype": "FP32", "shape": [], "data": [n] }]);
    assert_eq!(target.call(&boxes(3.0)).await.1["data"], json!([3, 3]));
    let begun = Instant::now();
    let (long, short) = (boxes(400_000.0), boxes(4.0));
    let waits = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        target.call(&short).await
    };
    let (refused, waited) = within("both hear", async { tokio::join!(target.refused(&long), waits) }).await;
    assert!(refused.contains("within the time that a run may take"), "{refused}");
    assert_eq!(waited.0, 503, "{}", waited.1);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    until("the model is there again", async || target.call(&boxes(5.0)).await.1["data"] == json!([5, 3])).await;
    target.has_not_failed_but_for("model-lost");
}

impl Target {
    /// The same, without refusals of this kind.
    fn has_not_failed_but_for(&self, kind: &str) {
        let lines = self.function.logs().lines();
        let failed = lines.into_iter().find(|line| line.contains("\"failed\"") && !line.contains(kind));
        assert_eq!(failed, None);
    }
}

#[tokio::test]
async fn what_no_machine_has_is_refused_to_the_caller_and_a_peak_is_given_back() {
    const BOUND: u64 = 256;
    let bound = (BOUND << 20).to_string();
    for network in [onnx::expand(), onnx::expand_within()] {
        let target = Target::of(network, &[("AMAAS_MAX_RUN_BYTES", &bound)]).await;
        let before = target.resident();
        for shape in [
            // 100 TB, more than the largest number of bytes, more than the largest number, and more than the bound.
            &[25_000_000_000_000][..],
            &[1 << 62],
            &[1 << 62, 1 << 62],
            &[1 << 61, 3],
            &[100_000_000],
        ] {
            let error = target.refused(&shaped(shape)).await;
            assert!(error.contains("operator Expand") && error.contains("AMAAS_MAX_RUN_BYTES"), "{shape:?}: {error}");
            assert!(!error.contains("25000000000000") && !error.contains("100000000000000"), "a value: {error}");
        }
        // 190 MiB, of 256; and again, because free memory of the arena is reused.
        for _ in 0..3 {
            let answer = target.call(&shaped(&[50_000_000])).await;
            let fits =
                answer.0 == 200 || answer.1.as_str().is_some_and(|error| error.contains("AMAAS_MAX_ANSWER_BYTES"));
            assert!(
                fits || answer.1.as_str().is_some_and(|error| error.contains("the answer has 200000000 bytes")),
                "{}",
                answer.1
            );
        }
        until("memory is given back", async || target.resident() < before + 64).await;
        target.has_not_failed();
    }
}

#[tokio::test]
async fn answers_are_bounded_whatever_their_form() {
    let target = Target::of(onnx::expand(), &[("AMAAS_MAX_ANSWER_BYTES", "40000")]).await;
    assert_eq!(target.call(&shaped(&[5_000])).await.0, 200, "20 kB, and as many of JSON");
    for (shape, got) in [([10_001], "40004"), ([1_000_000], "4000000")] {
        let error = target.refused(&shaped(&shape)).await;
        assert_eq!(
            error,
            format!("the answer has {got} bytes, more than the 40000 that one may have here; send fewer rows a call")
        );
    }
    // 40,000 bytes of numbers are longer as text.
    let error = target.refused(&shaped(&[10_000])).await;
    assert!(error.contains("more than the 40000 that one may have here"), "{error}");
    let binary = json!({ "inputs": shaped(&[10_001]), "parameters": { "binary_data_output": true } });
    let binary = target.http.post(&target.url).bearer_auth(&target.key).json(&binary).send().await.expect("an answer");
    assert_eq!(binary.status(), 422);
    let binary = json!({ "inputs": shaped(&[9_000]), "parameters": { "binary_data_output": true } });
    let binary = target.http.post(&target.url).bearer_auth(&target.key).json(&binary).send().await.expect("an answer");
    assert_eq!(binary.status(), 200);
    target.has_not_failed();

    // The size by the declared shapes is known before any run.
    let square = Target::of(onnx::square(), &[("AMAAS_MAX_ANSWER_BYTES", "4000000")]).await;
    let x = json!([{ "name": "x", "datatype": "FP32", "shape": [4096, 1], "data": vec![1.0; 4096] }]);
    assert!(square.refused(&x).await.contains("the answer has 67108864 bytes"));
    let stats = square.url.replace("/infer", "/stats");
    let stats = square.http.get(stats).bearer_auth(&square.key).send().await.expect("an answer");
    let stats: Value = stats.json().await.expect("JSON");
    assert_eq!(stats["model_stats"][0]["execution_count"], 0, "{stats}");
}
