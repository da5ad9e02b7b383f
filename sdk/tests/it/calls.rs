//! Every route: what is sent, and what comes back.

use amaas::task::{Embedding, TextClassification};
use amaas::testing::{RecordedRequest, TestServer};
use amaas::{
    Answer, CallOptions, Client, Datatype, ErrorKind, InferRequest, Readiness, Tensor, Usage, UsageBy, UsageDay,
    UsageQuery, UsageReport, UsageRow, UsageSum,
};
use serde_json::json;

use crate::Result;

fn positive() -> TextClassification {
    TextClassification::of([("positive".to_owned(), 0.75), ("negative".to_owned(), 0.25)])
}

#[tokio::test]
async fn predict_is_typed() -> Result {
    let server = TestServer::start().await?;
    server.predict("sentiment", [positive()]);
    let options = CallOptions::default().request_id("my-request").idempotency_key("my-key");
    let model = server.client()?.model("sentiment").version("3").with(options);
    let answer: Answer<TextClassification> = model.predict("fine").await?;

    assert_eq!(answer.prediction(), &positive());
    assert_eq!((answer.model(), answer.version(), answer.attempts()), ("sentiment", "1", 1));
    assert_eq!(answer.usage(), Usage::new(1, 1));
    assert_eq!(answer.request_id(), "my-request");

    let requests = server.requests();
    let request = &requests[0];
    assert_eq!((request.method(), request.path()), ("POST", "/v1/models/sentiment/predict"));
    assert_eq!(request.query(), Some("version=3"));
    assert_eq!(request.json()?, json!({"inputs": ["fine"]}));
    let bearer = format!("Bearer {}", server.api_key().expose());
    let agent = concat!("amaas-rust/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("x-request-id", "my-request"),
        ("idempotency-key", "my-key"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert!(request.is_sealed());
    assert_eq!(request.outer_header("user-agent"), Some(agent));
    assert_eq!(request.outer_header("x-request-id"), Some("my-request"));
    Ok(())
}

#[tokio::test]
async fn many_inputs_are_one_request_and_no_inputs_are_none() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("sentiment");
    server.predict("sentiment", [json!({"score": 1}), json!({"score": 2})]);
    let answer = model.predict_many::<serde_json::Value>(&["a", "b"]).await?;
    assert_eq!(answer.into_predictions(), [json!({"score": 1}), json!({"score": 2})]);

    let error = model.predict_many::<serde_json::Value>(&[""; 0]).await.expect_err("no inputs");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
    assert_eq!(server.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn texts_are_embedded_through_the_typed_route() -> Result {
    let server = TestServer::start().await?;
    server.predict("embed", [Embedding::new(vec![1.0, 0.0], 3), Embedding::new(vec![0.6, 0.8], 3)]);
    let answer = server.client()?.model("embed").embed(&["a".to_owned(), "b".to_owned()]).await?;
    let [one, other] = answer.predictions() else { panic!("one for each text") };
    assert!((one.similarity(other) - 0.6).abs() < 1e-6);
    let request = &server.requests()[0];
    assert_eq!(request.path(), "/v1/models/embed/predict");
    assert_eq!(request.json()?, json!({"inputs": ["a", "b"]}));

    let error = server.client()?.model("embed").embed::<&str>(&[]).await.expect_err("no texts");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

#[tokio::test]
async fn tensors_go_and_come() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("resnet").version("7");
    let input = Tensor::new("x", vec![2, 1], vec![f32::NEG_INFINITY, -1.0])?;
    let output = Tensor::new("y", vec![2, 1], vec![1_i64, 0])?;
    server.infer("resnet", vec![output.clone()]);
    let answer = model.infer(vec![input.clone()]).await?;
    assert_eq!(answer.output("y"), Some(&output));
    assert_eq!(answer.output("z"), None);
    assert_eq!((answer.model(), answer.version(), answer.usage()), ("resnet", Some("1"), Some(Usage::new(2, 1))));

    // A service of another make has no usage headers, and may leave the version out.
    server.json(200, &json!({"model_name": "resnet", "outputs": []}));
    let request = InferRequest { id: None, inputs: vec![input], outputs: Some(vec!["y".to_owned()]) };
    let answer = model.infer_request(&request).await?;
    assert_eq!((answer.version(), answer.usage()), (None, None));

    let requests = server.requests();
    assert_eq!(requests[1].path(), "/v2/models/resnet/versions/7/infer");
    assert_eq!(requests[1].tensors()?, request);
    Ok(())
}

#[tokio::test]
async fn metadata_readiness_and_lists() -> Result {
    let server = TestServer::start().await?;
    let client = server.client()?;
    let tensor = json!({"name": "x", "datatype": "FP32", "shape": [-1, 3]});
    let metadata = json!({"name": "resnet", "versions": ["7"], "platform": "onnxruntime_onnx", "inputs": [&tensor],
        "outputs": [&tensor]});
    server.json(200, &metadata);
    let answered = client.model("resnet").metadata().await?;
    assert_eq!(answered.inputs[0].datatype.known(), Some(Datatype::Fp32));
    assert_eq!(serde_json::to_value(answered)?, metadata);

    server.json(503, &json!({"name": "resnet", "ready": false, "reason": "loading"}));
    let readiness = client.model("resnet").ready().await?;
    assert!(matches!(&readiness, Readiness::NotReady { reason: Some(reason), .. } if reason == "loading"));
    server.raw(200, &[], "");
    assert!(client.model("resnet").version("7").ready().await?.is_ready());

    let list = json!({"object": "list", "data": [{"id": "resnet", "object": "model", "created": 1, "owned_by": "amaas",
        "version": "7", "task": "tensor", "routes": ["/v2/models/resnet/infer"], "ready": true}]});
    server.json(200, &list);
    assert_eq!(serde_json::to_value(client.models().await?)?, list);

    let about = json!({"name": "amaas", "version": "1", "extensions": []});
    server.json(200, &about);
    assert_eq!(serde_json::to_value(client.server().await?)?, about);

    let requests = server.requests();
    let paths: Vec<_> = requests.iter().map(RecordedRequest::path).collect();
    let resnet = "/v2/models/resnet";
    let ready = format!("{resnet}/ready");
    assert_eq!(paths, [resnet, &ready, "/v2/models/resnet/versions/7/ready", "/v1/models", "/v2"]);
    assert!(requests.iter().all(|request| request.method() == "GET" && request.header("idempotency-key").is_none()));
    Ok(())
}

#[tokio::test]
async fn usage_is_asked_for_by_days_and_rows() -> Result {
    let server = TestServer::start().await?;
    let client = server.client()?;
    let mut sum = UsageSum::default();
    (sum.calls, sum.units, sum.tokens, sum.cost_nanos) = (2, 30, 30, 12_500);
    let mut row = UsageRow::default();
    (row.model, row.sum) = (Some("embed".to_owned()), sum.clone());
    row.days.push(UsageDay::default());
    let mut report = UsageReport::default();
    (report.tenant, report.data, report.total) = ("acme".to_owned(), vec![row], sum);
    let all = UsageQuery::default();
    for (query, sent) in [
        (all.clone(), "by=model"),
        (all.clone().by(UsageBy::Version).until("2026-11-30"), "by=version&until=2026-11-30"),
        (all.by(UsageBy::Key).since("2026-11-01").until("a&b"), "by=key&since=2026-11-01&until=a%26b"),
    ] {
        server.json(200, &report);
        assert_eq!(client.usage(&query).await?, report);
        let request = server.requests().pop().expect("it was asked");
        assert_eq!((request.method(), request.path(), request.query()), ("GET", "/v1/usage", Some(sent)));
        assert!(request.is_sealed());
    }
    server.problem(400, "invalid-input", "since: expected a day such as 2026-11-01");
    let error = client.usage(&UsageQuery::default().since("monday")).await.expect_err("no day");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    Ok(())
}

#[tokio::test]
async fn a_model_may_have_an_endpoint_of_its_own() -> Result {
    let (main, own) = (TestServer::start().await?, TestServer::start().await?);
    let builder = Client::builder().endpoint(format!("{}/base", main.url())).endpoint_for("bge-small", own.url());
    let client = builder.api_key(main.api_key().expose()).build()?;
    own.predict("bge-small", [0]);
    main.predict("sentiment", [0]);
    main.raw(200, &[], r#"{"predictions":[0],"model":"m","version":"1","usage":{"rows":1,"billed_ms":1}}"#);
    client.model("bge-small").predict::<u8>("x").await?;
    client.model("sentiment").predict::<u8>("x").await?;
    assert_eq!(own.requests().len(), 1);
    assert_eq!(main.requests()[0].path(), "/base/v1/models/sentiment/predict");
    Ok(())
}

#[tokio::test]
async fn a_service_may_ask_for_no_credentials() -> Result {
    let server = TestServer::start().await?;
    server.predict("sentiment", [0]);
    let client = Client::builder().endpoint(server.url()).anonymous().build()?;
    client.model("sentiment").predict::<u8>("x").await?;
    assert_eq!(server.requests()[0].header("authorization"), None);
    Ok(())
}

#[tokio::test]
async fn names_that_could_change_the_path_are_never_sent() -> Result {
    let server = TestServer::start().await?;
    let client = server.client()?;
    for model in ["", "..", "a/b", "a?b", "é"] {
        let error = client.model(model).predict::<u8>("x").await.expect_err(model);
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
    }
    let error = client.model("m").version("../1").metadata().await.expect_err("a path");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(server.requests().is_empty());
    Ok(())
}

#[test]
fn calls_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let client = Client::builder().endpoint("https://models.example.com").anonymous().build().expect("an endpoint");
    let model = client.model("m");
    is_send(&model.predict::<TextClassification>("x"));
    is_send(&model.infer(Vec::new()));
    is_send(&client.models());
    let query = UsageQuery::default();
    is_send(&client.usage(&query));
}

/// The type of the predictions is all that has to be named, whatever the input.
#[tokio::test]
async fn one_type_is_named() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    for _ in 0..4 {
        server.predict("m", [positive()]);
    }
    let text = "x".to_owned();
    model.predict::<TextClassification>("x").await?;
    model.predict::<TextClassification>(&text).await?;
    model.predict::<TextClassification>(&json!({"text": "x"})).await?;
    model.predict_many::<TextClassification>(&[text]).await?;
    Ok(())
}
