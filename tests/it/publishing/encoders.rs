//! Encoders as exporters write them, and networks of other tasks.

use amaas::Datatype::{self, Fp16, Fp32, Int32, Int64};
use amaas_digits::Digits;
use amaas_e2e::onnx::{self, Constant, Dim, Graph, Node, Value};
use amaas_e2e::{Program, TestEnv};
use amaas_model::publish::{Publication, PublishError};
use amaas_model::task::{Rows, Tasks, TextGeneration};
use amaas_names::Names;
use amaas_sentiment::Sentiment;
use amaas_store::live;

use super::{embed, published, tasks};

/// An encoder of vectors of 8 numbers: a token's vector is its id times 1 to 8, a text's the sum of its unmasked tokens.
#[derive(Clone)]
struct Encoder {
    inputs: Vec<&'static str>,
    ids: Datatype,
    shape: [Dim; 2],
    output: &'static str,
    /// The divisor of a text's vector; `None` if the network returns a vector for each token.
    pooled: Option<Pooled>,
    to: Datatype,
}

#[derive(Clone, Copy)]
enum Pooled {
    ToLength(f32),
    AsItIs,
}

impl Encoder {
    fn good() -> Self {
        let inputs = vec!["input_ids", "attention_mask", "token_type_ids"];
        let shape = [Dim::Symbol("batch"), Dim::Symbol("seq")];
        Self { inputs, ids: Int64, shape, output: "sentence_embedding", pooled: Some(Pooled::ToLength(1.0)), to: Fp32 }
    }

    fn file(&self) -> Vec<u8> {
        let [batch, seq] = self.shape;
        let float = |from, to| Node::new("Cast", &[from], &[to]).integer("to", 1);
        let to = if self.to == Fp16 { 10 } else { 1 };
        let mut nodes = vec![
            float("input_ids", "f"),
            Node::new("Unsqueeze", &["f", "last"], &["f3"]),
            Node::new("Mul", &["f3", "w"], &["e"]),
        ];
        let shape: &[Dim] = if let Some(pooled) = self.pooled {
            nodes.extend([
                float("attention_mask", "m"),
                Node::new("Unsqueeze", &["m", "last"], &["m3"]),
                Node::new("Mul", &["e", "m3"], &["em"]),
                Node::new("ReduceSum", &["em", "middle"], &["s"]).integer("keepdims", 0),
            ]);
            match pooled {
                Pooled::ToLength(_) => nodes.extend([
                    Node::new("ReduceL2", &["s"], &["l"]).integers("axes", &[1]),
                    Node::new("Div", &["s", "l"], &["u"]),
                    Node::new("Mul", &["u", "length"], &["v"]),
                ]),
                Pooled::AsItIs => nodes.push(Node::new("Identity", &["s"], &["v"])),
            }
            &[batch, Dim::Fixed(8)]
        } else {
            nodes.push(Node::new("Identity", &["e"], &["v"]));
            &[batch, seq, Dim::Fixed(8)]
        };
        nodes.push(Node::new("Cast", &["v"], &[self.output]).integer("to", to));
        let length = match self.pooled {
            Some(Pooled::ToLength(length)) => length,
            _ => 1.0,
        };
        let constants = [
            Constant::floats("w", &[1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4, 7e-4, 8e-4]),
            Constant::floats("length", &[length]),
            Constant::integers("middle", &[1]),
            Constant::integers("last", &[2]),
        ];
        let inputs: Vec<_> = self.inputs.iter().map(|name| Value::new(name, self.ids, &self.shape)).collect();
        Graph::new(&inputs, &nodes, &constants, &[Value::new(self.output, self.to, shape)]).into_file()
    }
}

#[tokio::test]
async fn an_encoder_that_its_task_cannot_run_is_refused_with_the_cause() {
    let env = TestEnv::start().await;
    let good = Encoder::good;
    for (encoder, expected) in [
        (
            Encoder { inputs: vec!["input_ids", "attention_mask"], ..good() },
            "unknown input \"token_type_ids\"; the model takes \"input_ids\"",
        ),
        (Encoder { ids: Int32, ..good() }, "input \"input_ids\": expected datatype INT32, got INT64"),
        (
            Encoder { output: "last_hidden_state", pooled: None, ..good() },
            "the network gave no FP32 output \"sentence_embedding\"",
        ),
        (Encoder { pooled: None, ..good() }, "\"sentence_embedding\": expected rows, got [1, "),
        (Encoder { to: Fp16, ..good() }, "the network gave no FP32 output \"sentence_embedding\""),
        (
            Encoder { inputs: vec!["input_ids", "attention_mask", "token_type_ids", "position_ids"], ..good() },
            "input \"position_ids\" is missing",
        ),
        (Encoder { output: "pooler_output", ..good() }, "the network gave no FP32 output \"sentence_embedding\""),
        (Encoder { shape: [Dim::Fixed(1), Dim::Fixed(128)], ..good() }, "expected shape [1, 128], got [1, "),
        (Encoder { pooled: Some(Pooled::ToLength(0.0)), ..good() }, "the network gave a vector of length 0"),
    ] {
        let refused = published(&env, embed(encoder.file()), &tasks()).await.expect_err(expected).to_string();
        assert!(refused.starts_with("task: \"embed\" cannot run this network: its example: "), "{refused}");
        assert!(refused.contains(expected), "{expected}: {refused}");
        let gives = format!("and gives {:?} {}", encoder.output, encoder.to);
        assert!(refused.contains(". The network takes \"input_ids\" ") && refused.contains(&gives), "{refused}");
    }
    let identity = || {
        Graph::new(
            &[Value::new("x", Fp32, &[Dim::Symbol("n"), Dim::Fixed(4)])],
            &[Node::new("Identity", &["x"], &["y"])],
            &[],
            &[Value::new("y", Fp32, &[Dim::Symbol("n"), Dim::Fixed(4)])],
        )
    };
    let all = Tasks::default().with::<Rows<Sentiment>>().with::<Rows<Names>>().with::<Rows<Digits>>();
    for bundle in [amaas_sentiment::bundle, amaas_names::bundle, amaas_digits::bundle] {
        let bundle = bundle(live()).expect("committed");
        let name = bundle.task.clone().expect("a task");
        let publication = Publication { network: identity().into_file().into(), golden: None, ..bundle };
        let refused = published(&env, publication, &all).await.expect_err("another network").to_string();
        assert!(refused.starts_with(&format!("task: {name:?} cannot run this network: its example: ")), "{refused}");
        assert!(refused.ends_with("The network takes \"x\" FP32 [n, 4] and gives \"y\" FP32 [n, 4]"), "{refused}");
    }
}

#[tokio::test]
async fn vectors_are_given_the_length_that_callers_expect() {
    let env = TestEnv::start().await;
    for (pooled, is_told) in [(Pooled::ToLength(1.0), false), (Pooled::ToLength(5.0), true), (Pooled::AsItIs, true)] {
        let network = Encoder { pooled: Some(pooled), ..Encoder::good() }.file();
        let told = published(&env, embed(network), &tasks()).await.expect("it can be served").warnings;
        assert_eq!(told.iter().any(|told| told.contains("are not of length 1")), is_told, "{told:?}");
        assert_eq!(told.len(), usize::from(is_told), "the example is its trial: {told:?}");
    }
    let function = env.launch(Program::Embed, "embed").await.set("AMAAS_SEALING", "off").start();
    let url = format!("{}/v1/models/embed/predict", function.endpoint().await);
    let request =
        reqwest::Client::new().post(url).bearer_auth(env.key().expose()).body(r#"{"inputs":["A text.","Another."]}"#);
    let answer: serde_json::Value = request.send().await.expect("an answer").json().await.expect("JSON");
    for prediction in answer["predictions"].as_array().expect("predictions") {
        let vector =
            prediction["embedding"].as_array().expect("a vector").iter().map(|it| it.as_f64().expect("a number"));
        let norm = vector.map(|it| it * it).sum::<f64>().sqrt();
        assert!((norm - 1.0).abs() < 1e-6, "{norm}");
    }
}

#[tokio::test]
async fn a_task_that_nobody_checked_is_a_word_of_the_publisher_and_is_not_ready_where_it_does_not_fit() {
    let env = TestEnv::start().await;
    let network = || Encoder { output: "last_hidden_state", pooled: None, ..Encoder::good() }.file();
    let typo = Publication { task: Some("embedd".to_owned()), ..embed(network()) };
    let refused = published(&env, typo, &tasks()).await.expect_err("an unknown task");
    assert!(matches!(&refused, PublishError::UnknownTask { known, .. } if known == &["embed"]), "{refused}");
    assert_eq!(
        refused.to_string(),
        "task: this program has no task \"embedd\", and so cannot check the model; it has: embed"
    );
    // As an older program published it, or one without the task.
    let unchecked = Tasks::default().with_unchecked("embed");
    let told = published(&env, embed(network()), &unchecked).await.expect("by the publisher's word").warnings;
    assert!(told.iter().any(|told| told.contains("has no task \"embed\"")), "{told:?}");
    let function = env.launch(Program::Embed, "embed").await.set("AMAAS_SEALING", "off").start();
    let expected =
        "\"embed\" cannot run this network: its example: the network gave no FP32 output \"sentence_embedding\"";
    function.not_ready(|reason| reason.contains(expected)).await;
    let url = format!("{}/v1/embeddings", function.endpoint().await);
    let request =
        reqwest::Client::new().post(url).bearer_auth(env.key().expose()).body(r#"{"model":"embed","input":"hello"}"#);
    let answer = request.header("content-type", "application/json").send().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    let text = answer.text().await.expect("a body");
    assert!(text.contains("last_hidden_state"), "{text}");
}

#[tokio::test]
async fn a_decoder_without_a_token_to_choose_is_refused() {
    let env = TestEnv::start().await;
    let tasks = Tasks::default().with::<TextGeneration<amaas_generate::Generate>>();
    for (logit, expected) in [
        (f32::NAN, Some("logits that are no numbers")),
        (f32::NEG_INFINITY, Some("logits by which no token is possible")),
        (0.0, None),
    ] {
        let bundle = amaas_generate::bundle(live()).expect("committed");
        let publication = Publication { network: onnx::decoder(logit).into(), golden: None, ..bundle };
        let told = published(&env, publication, &tasks).await.err().map(|error| error.to_string());
        assert_eq!(told.is_some(), expected.is_some(), "{logit}: {told:?}");
        assert!(told.unwrap_or_default().contains(expected.unwrap_or_default()), "{logit}");
    }
}
