//! Logits that are not finite, and tokens without a text: errors and answers name them, and they are no internal failure.

use amaas_e2e::onnx::{Constant, Dim, Graph, Node, Value};
use amaas_e2e::{Function, Program, TestEnv};
use amaas_generate::Generate;
use amaas_model::task::{Tasks, TextGeneration, TextGenerator};
use amaas_store::live;
use amaas_wire::Datatype::{Fp32, Int64};
use serde_json::{Value as Json, json};

/// The committed tokenizer with a network whose next token depends on the last token alone.
struct OddTokens {
    env: TestEnv,
    function: Function,
}

impl OddTokens {
    async fn start() -> Self {
        let env = TestEnv::start().await;
        let mut publication = amaas_generate::bundle(live()).expect("the committed model is whole");
        publication.network = network(&tokens()).into();
        publication.golden = None;
        env.publish_with(publication, &Tasks::default().with::<TextGeneration<Generate>>()).await;
        let function = env.launch(Program::Generate, "generate").await.start();
        function.ready().await;
        Self { env, function }
    }

    async fn post(&self, path: &str, body: &Json) -> (u16, String) {
        let url = format!("{}{path}", self.function.endpoint().await);
        let post = reqwest::Client::new().post(url).bearer_auth(self.env.key().expose());
        let answer = post.header("content-type", "application/json").body(body.to_string()).send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }
}

/// Ids of texts of one token each, and their number.
struct VocabularyIds {
    vocabulary: usize,
    of: Box<dyn Fn(&str) -> usize>,
}

fn tokens() -> VocabularyIds {
    let publication = amaas_generate::bundle(live()).expect("the committed model is whole");
    let tokenizer = publication.assets[Generate::TOKENIZER].clone();
    let json: Json = serde_json::from_slice(&tokenizer).expect("JSON");
    let vocabulary = json["model"]["vocab"].as_object().expect("a vocabulary").len();
    let generate = Generate::from_files(&tokenizer, br#"{"context":64,"ends":[0]}"#).expect("the committed tokenizer");
    let of = move |text: &str| {
        let ids = generate.encode(text).expect("a text");
        usize::try_from(ids[1]).expect("a token")
    };
    VocabularyIds { vocabulary, of: Box::new(of) }
}

/// `~` is followed by NaN, `^` by no possible token, `|` by a certain "b", and `{` by `~`. Any other token is followed by "a", by the
/// end-of-text token, or by the first byte of a character.
fn network(tokens: &VocabularyIds) -> Vec<u8> {
    let row = |logits: &[(usize, f32)], others: f32| {
        let mut row = vec![others; tokens.vocabulary];
        for (token, logit) in logits {
            row[*token] = *logit;
        }
        row
    };
    let of = &tokens.of;
    let usual = row(&[(of("a"), 5.0), (0, 4.0), (of("é"), 3.0)], f32::NEG_INFINITY);
    let rows = [
        ("~", row(&[], f32::NAN)),
        ("^", row(&[], f32::NEG_INFINITY)),
        ("|", row(&[(of("b"), f32::INFINITY)], 0.0)),
        ("{", row(&[(of("~"), 9.0)], 0.0)),
    ];
    let mut nodes = vec![
        Node::new("Cast", &["input_ids"], &["ids"]).integer("to", 1),
        Node::new("Unsqueeze", &["ids", "key_axes"], &["key"]),
        Node::new("Concat", &["past_key", "key"], &["present_key"]).integer("axis", 2),
        Node::new("Unsqueeze", &["input_ids", "last_axis"], &["column"]),
    ];
    let mut constants = vec![
        Constant::integers("key_axes", &[1, 3]),
        Constant::integers("last_axis", &[2]),
        Constant::matrix("row", &[1, 1, tokens.vocabulary], &usual),
    ];
    let mut before = "row".to_owned();
    for (index, (text, row)) in rows.iter().enumerate() {
        let [id, is, own] = ["id", "is", "own"].map(|name| format!("{name}{index}"));
        let after = if index + 1 == rows.len() { "logits".to_owned() } else { format!("row{index}") };
        constants.push(Constant::integers(&id, &[i64::try_from(of(text)).expect("a token")]));
        constants.push(Constant::matrix(&own, &[1, 1, tokens.vocabulary], row));
        nodes.push(Node::new("Equal", &["column", &id], &[&is]));
        nodes.push(Node::new("Where", &[&is, &own, &before], &[&after]));
        before = after;
    }
    let [batch, seq] = ["batch", "seq"].map(Dim::Symbol);
    let key = |name, length| Value::new(name, Fp32, &[batch, Dim::Fixed(1), Dim::Symbol(length), Dim::Fixed(1)]);
    let vocabulary = Dim::Fixed(i64::try_from(tokens.vocabulary).expect("few"));
    let inputs = [Value::new("input_ids", Int64, &[batch, seq]), key("past_key", "past")];
    let outputs = [Value::new("logits", Fp32, &[batch, seq, vocabulary]), key("present_key", "total")];
    Graph::new(&inputs, &nodes, &constants, &outputs).into_file()
}

#[tokio::test]
async fn what_is_no_number_is_told_in_words() {
    let odd = OddTokens::start().await;
    let said = "the network gave logits that are no numbers";
    for (prompt, temperature) in [("~", 0), ("~", 1), ("^", 0), ("^", 1), ("{", 0)] {
        let body = json!({"model": "generate", "prompt": prompt, "max_tokens": 3, "temperature": temperature});
        let (status, text) = odd.post("/v1/completions", &body).await;
        let error: Json = serde_json::from_str(&text).expect("JSON");
        let error = &error["error"];
        assert_eq!((status, &error["message"], &error["type"]), (422, &said.into(), &"invalid_request_error".into()));
        let body = json!({"inputs": [{"prompt": prompt, "max_tokens": 3, "temperature": temperature}]});
        let (status, text) = odd.post("/v1/models/generate/predict", &body).await;
        assert!(status == 422 && text.contains(said), "{status}: {text}");
    }
    // In the middle of a stream the status has already been sent.
    let body = json!({"model": "generate", "prompt": "{", "max_tokens": 3, "temperature": 0, "stream": true});
    let (status, text) = odd.post("/v1/completions", &body).await;
    assert!(status == 200 && text.contains(r#""text":"~""#), "{text}");
    assert!(text.contains(&format!(r#"data: {{"error":{{"message":"{said}""#)) && !text.contains("[DONE]"), "{text}");
    for temperature in [0, 1] {
        let body =
            json!({"model": "generate", "prompt": "|", "max_tokens": 1, "temperature": temperature, "logprobs": 2});
        let (status, text) = odd.post("/v1/completions", &body).await;
        let answer: Json = serde_json::from_str(&text).expect("JSON");
        assert_eq!((status, &answer["choices"][0]["text"]), (200, &"b".into()), "+∞ is the most probable: {text}");
        let logprobs = &answer["choices"][0]["logprobs"];
        assert_eq!(logprobs["token_logprobs"], json!([0.0]), "{text}");
        assert_eq!(logprobs["top_logprobs"][0].as_object().map(serde_json::Map::len), Some(2), "{text}");
    }
}

#[tokio::test]
async fn each_token_is_told_by_a_name_of_its_own_and_with_a_number() {
    let odd = OddTokens::start().await;
    let body = json!({"model": "generate", "prompt": "x", "max_tokens": 2, "temperature": 0, "logprobs": 5});
    let (_, text) = odd.post("/v1/completions", &body).await;
    let answer: Json = serde_json::from_str(&text).expect("JSON");
    let logprobs = &answer["choices"][0]["logprobs"];
    assert_eq!((&logprobs["tokens"], &logprobs["text_offset"]), (&json!(["a", "a"]), &json!([0, 1])), "{text}");
    for top in logprobs["top_logprobs"].as_array().expect("a list") {
        let top = top.as_object().expect("an object");
        assert_eq!(top.len(), 5, "{top:?}");
        let (certain, never): (Vec<_>, Vec<_>) = top.iter().partition(|(_, chance)| chance.as_f64() > Some(-9999.0));
        let mut names: Vec<_> = certain.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_by_key(|name| name.len());
        assert!(names[0] == "a" && names.len() == 3 && names[1..].iter().all(|name| name.len() > 8), "{names:?}");
        assert!(names.contains(&r"bytes:\xc3"), "the first byte of é: {names:?}");
        assert!(never.iter().all(|(name, chance)| !name.is_empty() && chance.as_f64() == Some(-9999.0)), "{never:?}");
        let sum: f64 = top.values().filter_map(Json::as_f64).map(f64::exp).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
    // A sampled token has the same name in both.
    let body = json!({"model": "generate", "prompt": "x", "max_tokens": 1, "seed": 1, "temperature": 2, "logprobs": 5});
    for seed in 0..8 {
        let mut body = body.clone();
        body["seed"] = seed.into();
        let (_, text) = odd.post("/v1/completions", &body).await;
        let answer: Json = serde_json::from_str(&text).expect("JSON");
        let logprobs = &answer["choices"][0]["logprobs"];
        for (token, top) in logprobs["tokens"]
            .as_array()
            .expect("a list")
            .iter()
            .zip(logprobs["top_logprobs"].as_array().expect("a list"))
        {
            let name = token.as_str().expect("a text");
            assert_eq!(top.get(name), logprobs["token_logprobs"].get(0), "{text}");
        }
    }
}
