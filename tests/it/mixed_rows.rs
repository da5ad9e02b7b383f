//! No answer contains values of another call, whatever the network does to rows that share a run.
//!
//! Eight clients of two tenants call networks whose rows seldom influence one another. Each sends a value of its own, so that an
//! answer shows whose values are in it.

// The numbers of these tests are small.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]

use amaas::task::Prompt;
use amaas::{ApiKey, Client, Datatype, Tensor, TensorData};
use amaas_access::KeyTerms;
use amaas_e2e::onnx::mixing;
use amaas_e2e::{Function, Program, TestEnv, library};
use amaas_engine::Batching;
use amaas_generate::Generate;
use amaas_model::manifest::Manifest;
use amaas_model::publish::{BatchingPolicy, BlobProtection, Publication, Publisher, publish};
use amaas_model::task::{Tasks, TextGeneration};
use amaas_serve::sealing::KeySet;
use amaas_store::live;
use futures_util::future::join_all;

/// Rows of one value, and the network's output for them in a run of their own.
struct Case {
    name: &'static str,
    network: fn() -> Vec<u8>,
    datatype: Datatype,
    rows: fn(u8) -> usize,
    right: fn(f32, usize) -> Vec<f32>,
}

const CASES: [Case; 5] = [
    Case {
        name: "lag",
        network: mixing::lag,
        datatype: Datatype::Fp32,
        rows: |call| 1 + usize::from(call % 3),
        right: |value, rows| (0..rows).map(|row| if row < 2 { value } else { 2.0 * value }).collect(),
    },
    Case {
        name: "dilated",
        network: mixing::dilated,
        datatype: Datatype::Fp32,
        rows: |call| 1 + usize::from(call % 3),
        right: |value, rows| {
            let row =
                |row| value + if row >= 2 { value / 2.0 } else { 0.0 } + if row + 2 < rows { value / 2.0 } else { 0.0 };
            (0..rows).map(row).collect()
        },
    },
    Case {
        name: "largest",
        network: mixing::largest,
        datatype: Datatype::Fp32,
        rows: |_| 1,
        right: |value, rows| vec![value + (value - 1.0).max(0.0); rows],
    },
    Case {
        name: "largest-integer",
        network: mixing::largest_integer,
        datatype: Datatype::Int64,
        rows: |_| 1,
        right: |value, rows| vec![value + (value - 1.0).max(0.0); rows],
    },
    Case {
        name: "row-count",
        network: mixing::row_count,
        datatype: Datatype::Fp32,
        rows: |_| 1,
        right: |value, rows| vec![value / if rows > 2 { rows as f32 } else { 2.0 }; rows],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn networks_that_mix_rows_share_no_runs_and_answer_each_caller_with_its_own() {
    let env = TestEnv::start().await;
    for case in CASES {
        let manifest = env.publish(case.name, (case.network)()).await;
        assert_eq!((manifest.batching, manifest.rows_proof), (Batching::None, None), "{}", case.name);
        let served = Served::start(&env, case.name).await;
        let wrong = served.wrong(&case).await;
        assert_eq!(wrong.len(), 0, "{} of {CALLS} answers of {}: {:?}", wrong.len(), case.name, wrong.first());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_was_published_before_there_was_a_proof_shares_no_runs() {
    let env = TestEnv::start().await;
    let [lag, ..] = CASES;
    let publisher = Publisher { protection: BlobProtection::Unsealed, ..env.publisher().clone() };
    let publication = Publication::of_network(lag.name.parse().expect("a name"), (lag.network)());
    let store = env.store().await;
    if let BlobProtection::Sealed(vault) = &env.publisher().protection {
        KeySet::create(&store, &publication.model, vault).await.expect("the keys can be kept");
    }
    let result = publish(&store, publication, &Tasks::default(), library().await, &publisher).await;
    // As if a trial had seen no difference.
    let manifest = Manifest { batching: Batching::Rows, ..result.expect("published").manifest };
    let file = env.file("models/lag/1/manifest.json");
    std::fs::write(file, manifest.sign(&publisher.signer)).expect("the file can be written");
    let served = Served::start(&env, lag.name).await;
    let wrong = served.wrong(&lag).await;
    assert_eq!(wrong.len(), 0, "{} of {CALLS} answers: {:?}", wrong.len(), wrong.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_publishers_word_calls_of_one_tenant_share_runs_and_those_of_two_never() {
    let env = TestEnv::start().await;
    let publication = Publication::of_network("lag".parse().expect("a name"), mixing::lag());
    let publication = Publication { batching: BatchingPolicy::SameTenant, ..publication };
    let manifest = env.publish_with(publication, &Tasks::default()).await;
    assert_eq!((manifest.batching, manifest.rows_proof), (Batching::SameTenant, None));
    let served = Served::start(&env, "lag").await;
    // Each tenant sends one value, so any other output than a multiple of its own is another tenant's.
    let call = async |number: usize| {
        let (client, value): (_, f32) = (&served.clients[number], [1.0, 1000.0][number]);
        for _ in 0..50 {
            let x = Tensor::new("x", vec![1, 4], vec![value; 4]).expect("a row");
            let answer = client.model("lag").infer(vec![x]).await.expect("an answer");
            let got = answer.outputs()[0].data().as_f32().expect("FP32").to_vec();
            assert!(
                got.iter().all(|got| [value, 2.0 * value].map(f32::to_bits).contains(&got.to_bits())),
                "{value}: {got:?}"
            );
        }
    };
    join_all((0..CALLERS).map(|number| call(usize::from(number % 2)))).await;
    let (calls, runs) = served.statistics("lag").await;
    assert_eq!(calls, 50 * u64::from(CALLERS));
    assert!(runs < calls, "{runs} runs of {calls} calls: those of one tenant share some");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decoder_that_mixes_rows_makes_each_text_as_if_alone() {
    let env = TestEnv::start().await;
    for policy in [BatchingPolicy::Auto, BatchingPolicy::SameTenant] {
        let name = format!("decoder-{policy:?}").to_lowercase();
        let publication = Publication {
            model: name.parse().expect("a name"),
            network: mixing::decoder().into(),
            golden: None,
            batching: policy,
            ..amaas_generate::bundle(live()).expect("committed")
        };
        let manifest = env.publish_with(publication, &Tasks::default().with::<TextGeneration<Generate>>()).await;
        let shared = if policy == BatchingPolicy::Auto { Batching::None } else { Batching::SameTenant };
        assert_eq!((manifest.batching, manifest.rows_proof), (shared, None));
        let served = Served::of(&env, Program::Generate, &name).await;
        // Two tokens each, so that their sequences have one length; those of one tenant are equal.
        let text = async |number: usize| {
            let prompt = Prompt::new(["A", "What"][number]).max_tokens(12).temperature(0.0);
            let answer = served.clients[number].model(&name).complete(prompt).await.expect("an answer");
            answer.into_prediction().text
        };
        let alone = [text(0).await, text(1).await];
        assert_eq!(alone[0], "BCDEFGHIJKLM");
        for _ in 0..10 {
            for (number, made) in join_all((0..16).map(|number| text(number % 2))).await.into_iter().enumerate() {
                assert_eq!(made, alone[number % 2], "{policy:?}");
            }
        }
    }
}

/// A function that serves a model, and a client of each tenant.
struct Served {
    function: Function,
    clients: [Client; 2],
    key: ApiKey,
}

impl Served {
    async fn start(env: &TestEnv, model: &str) -> Self {
        Self::of(env, Program::Tensor, model).await
    }

    async fn of(env: &TestEnv, program: Program, model: &str) -> Self {
        let other = ApiKey::generate("test").expect("random");
        let terms = KeyTerms { name: model.to_owned(), ..KeyTerms::of("others".parse().expect("a name")) };
        env.accounts().await.add_key(&other, terms).await.expect("the key can be kept");
        let function = env.launch(program, model).await.start();
        let endpoint = function.endpoint().await;
        let client = |key: &ApiKey| {
            Client::builder().endpoint(&endpoint).api_key(key).build().expect("a loopback endpoint and a key")
        };
        let clients = [client(env.key()), client(&other)];
        Self { function, clients, key: env.key().clone() }
    }

    /// The client of a caller, and its value.
    fn caller(&self, caller: u8) -> (&Client, f32) {
        (&self.clients[usize::from(caller % 2)], f32::from(3 * caller + 1))
    }

    /// The answers that differ from a run of their own: the input and the output.
    async fn wrong(&self, case: &Case) -> Vec<(f32, Vec<f32>)> {
        let caller = async |number: u8| {
            let ((client, value), mut wrong) = (self.caller(number), Vec::new());
            for call in 0..CALLS / CALLERS_WIDE {
                let rows = (case.rows)(u8::try_from(call % 3).expect("small") + number % 3);
                let answer = client.model(case.name).infer(vec![case.tensor(value, rows)]).await.expect("an answer");
                let got = first_of_rows(&answer.outputs()[0]);
                let right = (case.right)(value, rows);
                if got.len() != rows || got.iter().zip(&right).any(|(got, right)| (got - right).abs() > 1e-3) {
                    wrong.push((value, got));
                }
            }
            wrong
        };
        join_all((0..CALLERS).map(caller)).await.concat()
    }

    /// The number of answered rows, and of runs.
    async fn statistics(&self, model: &str) -> (u64, u64) {
        let url = format!("{}/v2/models/{model}/stats", self.function.endpoint().await);
        let answer = reqwest::Client::new().get(url).bearer_auth(self.key.expose()).send().await.expect("an answer");
        let stats: serde_json::Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let stats = &stats["model_stats"][0];
        let number = |name: &str| stats[name].as_u64().unwrap_or_else(|| panic!("{name}: {stats}"));
        (number("inference_count"), number("execution_count"))
    }
}

impl Case {
    fn tensor(&self, value: f32, rows: usize) -> Tensor {
        let data = match self.datatype {
            Datatype::Int64 => TensorData::Int64(vec![value as i64; rows * 4].into()),
            _ => TensorData::Fp32(vec![value; rows * 4].into()),
        };
        Tensor::new("x", vec![rows, 4], data).expect("rows of four")
    }
}

/// The first value of each row.
fn first_of_rows(tensor: &Tensor) -> Vec<f32> {
    match tensor.data() {
        TensorData::Int64(values) => values.chunks(4).map(|row| row[0] as f32).collect(),
        TensorData::Fp32(values) => values.chunks(4).map(|row| row[0]).collect(),
        other => panic!("{}", other.datatype()),
    }
}

const CALLERS: u8 = 8;
const CALLERS_WIDE: usize = CALLERS as usize;
const CALLS: usize = 800;
