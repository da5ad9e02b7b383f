//! Each function's document equals its golden file, and its answers conform to it.

use std::path::Path;

use amaas_digits::Digits;
use amaas_e2e::{Program, onnx};
use amaas_embed::Embed;
use amaas_generate::Generate;
use amaas_match::Match;
use amaas_model::publish::Publication;
use amaas_model::task::{Rows, Tasks, TextEmbedding, TextGeneration};
use amaas_names::Names;
use amaas_pipelines::folder::{Export, ExportOptions};
use amaas_pipelines::with_pipelines;
use amaas_sentiment::Sentiment;
use amaas_store::live;
use amaas_wire::Datatype;
use serde_json::{Value, json};

use super::{Described, DescribedFunction, golden};

#[tokio::test]
async fn sentiment() {
    let bundle = amaas_sentiment::bundle(live()).expect("committed");
    let served =
        DescribedFunction::start(Program::Sentiment, bundle, &Tasks::default().with::<Rows<Sentiment>>()).await;
    let ids = json!({"name": "input_ids", "datatype": "INT64", "shape": [1, 256], "data": vec![1; 256]});
    holds(&served, "sentiment", &["/v1/models/sentiment/predict"], Some(json!({ "inputs": [ids] }))).await;
}

#[tokio::test]
async fn names() {
    let bundle = amaas_names::bundle(live()).expect("committed");
    let served = DescribedFunction::start(Program::Names, bundle, &Tasks::default().with::<Rows<Names>>()).await;
    let ids = json!({"name": "input_ids", "datatype": "INT64", "shape": [1, 64], "data": [vec![1; 64]]});
    let lengths = json!({"name": "lengths", "datatype": "INT32", "shape": [1], "data": [3]});
    holds(&served, "names", &["/v1/models/names/predict"], Some(json!({"id": "7", "inputs": [lengths, ids]}))).await;
}

#[tokio::test]
async fn digits() {
    let bundle = amaas_digits::bundle(live()).expect("committed");
    let served = DescribedFunction::start(Program::Digits, bundle, &Tasks::default().with::<Rows<Digits>>()).await;
    let pixels = json!({"name": "pixels", "datatype": "UINT8", "shape": [1, 28, 28], "data": vec![7; 28 * 28]});
    holds(&served, "digits", &["/v1/models/digits/predict"], Some(json!({ "inputs": [pixels] }))).await;
}

#[tokio::test]
async fn embed() {
    let bundle = amaas_embed::bundle(live()).expect("committed");
    let served =
        DescribedFunction::start(Program::Embed, bundle, &Tasks::default().with::<TextEmbedding<Embed>>()).await;
    let ids = |name: &str| json!({"name": name, "datatype": "INT64", "shape": [1, 2], "data": [1, 1]});
    let inputs = ["input_ids", "attention_mask", "token_type_ids"].map(ids);
    let request = json!({"inputs": inputs, "outputs": [{"name": "sentence_embedding"}]});
    holds(&served, "embed", &["/v1/embeddings", "/v1/models/embed/predict"], Some(request)).await;
}

#[tokio::test]
async fn matching() {
    let bundle = amaas_match::bundle(live()).expect("committed");
    let served = DescribedFunction::start(Program::Match, bundle, &Tasks::default().with::<Match>()).await;
    let pixels = json!({"name": "pixels", "datatype": "UINT8", "shape": [1, 28, 28], "data": vec![7; 28 * 28]});
    holds(&served, "match", &["/v1/models/match/predict"], Some(json!({ "inputs": [pixels] }))).await;
}

#[tokio::test]
async fn generate() {
    let bundle = amaas_generate::bundle(live()).expect("committed");
    let served =
        DescribedFunction::start(Program::Generate, bundle, &Tasks::default().with::<TextGeneration<Generate>>()).await;
    holds(&served, "generate", &["/v1/completions", "/v1/models/generate/predict"], None).await;
    let described = served.describes(true).await;
    let with = |more: Value| {
        let mut body = json!({"model": "generate", "prompt": "ROMEO:", "max_tokens": 2});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    for more in [json!({"logprobs": 2}), json!({"stop": "\n", "echo": true})] {
        answers(&served, &described, "post", ("/v1/completions", "/v1/completions"), Some(&with(more))).await;
    }
    let streamed = served.call("/v1/completions", Some(&with(json!({"stream": true}))), true).await;
    assert_eq!((streamed.status, streamed.header("content-type")), (200, Some("text/event-stream")));
    let events = String::from_utf8(streamed.body).expect("text");
    let schema = "/paths/~1v1~1completions/post/responses/200/content/application~1json/schema";
    let schema = described.0.pointer(schema).expect("a schema");
    let data = events.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let events: Vec<Value> = data.map(|data| serde_json::from_str(data).expect("JSON")).collect();
    assert!(events.len() > 1, "{events:?}");
    for event in events {
        assert_eq!(described.errors(schema, &event, true), None, "{event}");
    }
}

#[tokio::test]
async fn pipelines() {
    let export = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/exports/vit-image-classification");
    let export = Export::read(&export, &ExportOptions::default()).expect("an export");
    let publication = export.publication("pipelines").expect("a name");
    let served = DescribedFunction::start(Program::Pipelines, publication, &with_pipelines(Tasks::default())).await;
    let pixels =
        json!({"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, 32, 32], "data": vec![0.5; 3 * 32 * 32]});
    let path = "/v1/models/pipelines/predict";
    holds(&served, "pipelines", &[path], Some(json!({ "inputs": [pixels] }))).await;
    let described = served.describes(true).await;
    let content = &described.0["paths"][path]["post"]["requestBody"]["content"];
    for media_type in ["image/jpeg", "image/png", "image/webp", "multipart/form-data"] {
        assert!(content[media_type].is_object(), "{media_type}: {content}");
    }
    assert!(content["audio/wav"].is_null(), "{content}");
}

#[tokio::test]
async fn tensor() {
    // The example is JSON, so it has only values that JSON can represent.
    let datatypes: Vec<_> = Datatype::ALL.into_iter().filter(|datatype| *datatype != Datatype::Bf16).collect();
    let network = onnx::identity(&datatypes);
    let publication = Publication::of_network("identity".parse().expect("a name"), network);
    let served = DescribedFunction::start(Program::Tensor, publication, &Tasks::default()).await;
    let metadata = served.call("/v2/models/identity", None, true).await.json();
    let tensor = |tensor: &Value| {
        let (name, datatype) = (&tensor["name"], tensor["datatype"].as_str().expect("text"));
        let value = match datatype {
            "BYTES" => json!("a"),
            "BOOL" => json!(true),
            _ => json!(1),
        };
        let rank = tensor["shape"].as_array().expect("a list").len();
        let (shape, data) = (vec![2; rank], vec![value; 1 << rank]);
        json!({"name": name, "datatype": datatype, "shape": shape, "data": data})
    };
    let inputs: Vec<_> = metadata["inputs"].as_array().expect("a list").iter().map(tensor).collect();
    holds(&served, "tensor", &[], Some(json!({ "inputs": inputs }))).await;
}

/// Asserts that the document of `function` is its golden file; that every example in it is accepted, and `request` by `infer`; and that
/// all answers conform to the document. The examples are those of `examples`.
async fn holds(served: &DescribedFunction, function: &str, examples: &[&str], request: Option<Value>) {
    let described = served.describes(true).await;
    golden::holds(function, &described);
    let told = described.examples();
    assert_eq!(told.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), examples);
    for (path, body) in &told {
        assert_eq!(described.objection_to_request(path, body), None, "{path}");
        let answer = answers(served, &described, "post", (path, path), Some(body)).await;
        assert_eq!(answer, 200, "{path}: the example is taken");
    }
    let model = if function == "tensor" { "identity" } else { function };
    if let Some(body) = request {
        let path = format!("/v2/models/{model}/infer");
        assert_eq!(described.objection_to_request(&path, &body), None, "{path}");
        assert_eq!(answers(served, &described, "post", (&path, &path), Some(&body)).await, 200, "{path}");
        assert!(described.objection_to_request(&path, &json!({"inputs": []})).is_some(), "{path}");
    }
    let paths = described.0["paths"].as_object().expect("paths");
    for path in paths.iter().filter(|(_, operations)| operations.get("get").is_some()).map(|(path, _)| path) {
        if described.0.pointer(&format!("/paths/{}/get/tags/0", path.replace('/', "~1")))
            == Some(&json!("sealing-keys"))
        {
            continue;
        }
        for (model, keyed) in [(model, true), ("nobody", true), (model, false)] {
            let concrete = path.replace("{model}", model).replace("{version}", "1");
            let status = answers_as(served, &described, "get", (path, &concrete), None, keyed).await;
            assert!(status < 500, "{concrete}: {status}");
        }
    }
    let index = "/v2/repository/index";
    assert_eq!(answers(served, &described, "post", (index, index), Some(&json!({"ready": true}))).await, 200);
    refuses(served, &described, model).await;
}

/// Asserts that errors have the shape of their route.
async fn refuses(served: &DescribedFunction, described: &Described, model: &str) {
    let (predict, infer) = ("/v1/models/{model}/predict", "/v2/models/{model}/infer");
    let load = "/v2/repository/models/{model}/load";
    for (path, named, keyed, expected) in [
        (predict, model, false, 401),
        (predict, "nobody", true, 404),
        (predict, model, true, if model == "identity" { 404 } else { 400 }),
        (infer, model, false, 401),
        (infer, "nobody", true, 404),
        (infer, model, true, if model == "generate" { 404 } else { 400 }),
        (load, model, true, 403),
    ] {
        let concrete = path.replace("{model}", named);
        let wrong = json!([]);
        let status = answers_as(served, described, "post", (path, &concrete), Some(&wrong), keyed).await;
        assert_eq!(status, expected, "{concrete}");
    }
    for path in ["/v1/embeddings", "/v1/completions", "/v1/rerank", "/v2/rerank"] {
        let told = described.0["paths"].get(path).is_some();
        let fits = matches!((path, model), ("/v1/embeddings", "embed") | ("/v1/completions", "generate"));
        assert_eq!(told, fits, "{path} is there for models whose task fits");
        if told {
            for (body, expected) in
                [(json!({}), 400), (json!({"model": "nobody"}), 404), (json!({"model": model}), 400)]
            {
                assert_eq!(
                    answers(served, described, "post", (path, path), Some(&body)).await,
                    expected,
                    "{path} {body}"
                );
                assert!(described.objection_to_request(path, &body).is_some(), "{path} {body}");
            }
        }
    }
}

async fn answers(
    served: &DescribedFunction,
    described: &Described,
    method: &str,
    path: (&str, &str),
    body: Option<&Value>,
) -> u16 {
    answers_as(served, described, method, path, body, true).await
}

/// Asserts that the answer conforms to the document's `method` of a path, which may be a template; returns the status.
async fn answers_as(
    served: &DescribedFunction,
    described: &Described,
    method: &str,
    (general, concrete): (&str, &str),
    body: Option<&Value>,
    keyed: bool,
) -> u16 {
    let answer = served.call(concrete, body, keyed).await;
    let objection = described.objection(method, general, &answer);
    assert_eq!(objection, None, "{concrete}: {}", String::from_utf8_lossy(&answer.body));
    answer.status
}
