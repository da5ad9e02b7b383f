//! Which clients may read which document.

use amaas_access::{KeyScope, KeyTerms};
use amaas_e2e::lambda::Lambda;
use amaas_e2e::{Program, TestEnv};
use amaas_model::task::{Rows, Tasks};
use amaas_store::live;
use amaas_wire::ApiKey;
use serde_json::Value;

use super::DescribedFunction;

async fn sentiment() -> DescribedFunction {
    let bundle = amaas_sentiment::bundle(live()).expect("committed");
    DescribedFunction::start(Program::Sentiment, bundle, &Tasks::default().with::<Rows<amaas_sentiment::Sentiment>>())
        .await
}

#[tokio::test]
async fn no_model_is_named_to_whoever_has_no_key_for_it() {
    let served = sentiment().await;
    let anyone = served.describes(false).await.0;
    assert!(!anyone.to_string().contains("sentiment"), "{anyone}");
    let other = ApiKey::generate("test").expect("random");
    let models = Some(["other".parse().expect("a name")].into());
    let scope = KeyScope { models, ..KeyScope::default() };
    let terms = KeyTerms { scope, ..KeyTerms::of("tests".parse().expect("a name")) };
    served.env.accounts().await.add_key(&other, terms).await.expect("kept");
    let get =
        |key: &str| reqwest::Client::new().get(format!("{}/openapi.json", served.endpoint)).header("x-api-key", key);
    let answer = get(other.expose()).send().await.expect("an answer");
    assert_eq!(answer.headers()["cache-control"], "private, no-cache");
    assert_eq!(answer.json::<Value>().await.expect("JSON"), anyone, "that key may use none of the models");
    let answer = get("amaas_test_wrong").send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
        (401, &b"application/problem+json"[..])
    );
}

#[tokio::test]
async fn lambda_says_the_same() {
    let served = sentiment().await;
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await).await;
    let get = reqwest::Client::new().get(format!("{}/openapi.json", lambda.url())).bearer_auth(env.key().expose());
    let answer: Value = get.send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(answer, served.describes(true).await.0);
}

#[tokio::test]
async fn limits_and_sealing_are_those_of_the_function() {
    let env = TestEnv::start().await;
    let launch = env.sentiment().await.set("AMAAS_MAX_ROWS", "7").set("AMAAS_MAX_BODY_BYTES", "4711");
    let function = launch.set("AMAAS_SEALING", "off").start();
    let url = format!("http://{}/openapi.json", function.ready().await);
    let get = reqwest::Client::new().get(url).bearer_auth(env.key().expose());
    let document: Value = get.send().await.expect("an answer").json().await.expect("JSON");
    let body = &document["paths"]["/v1/models/sentiment/predict"]["post"]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    assert_eq!(schema["properties"]["inputs"]["maxItems"], 7);
    assert!(body["description"].as_str().is_some_and(|text| text.contains("4711 bytes")), "{body}");
    let text = document.to_string();
    assert!(!text.contains("ohttp") && !text.contains("/keys"), "nothing is sealed there");
}

/// The comparison itself can fail.
#[tokio::test]
async fn an_answer_that_is_not_what_was_said_is_objected_to() {
    let served = sentiment().await;
    let described = served.describes(true).await;
    let path = "/v1/models/sentiment/predict";
    let (_, example) = described.examples().swap_remove(0);
    let objections = async |change: &dyn Fn(&mut Value)| {
        let mut answer = served.call(path, Some(&example), true).await;
        let mut json = answer.json();
        change(&mut json);
        answer.body = json.to_string().into_bytes();
        described.objection("post", path, &answer)
    };
    assert_eq!(objections(&|_| {}).await, None);
    for change in [
        (&|json: &mut Value| json["predictions"][0]["label"] = 7.into()) as &dyn Fn(&mut Value),
        &|json: &mut Value| json["predictions"][0]["more"] = 7.into(),
        &|json: &mut Value| json["usage"]["rows"] = (-1).into(),
        &|json: &mut Value| drop(json.as_object_mut().and_then(|members| members.remove("version"))),
    ] {
        assert!(objections(change).await.is_some());
    }
    let mut answer = served.call(path, Some(&example), true).await;
    answer.status = 418;
    assert!(described.objection("post", path, &answer).is_some(), "no such status");
    answer.status = 200;
    answer.headers.insert("amaas-other", "1".parse().expect("a value"));
    assert!(described.objection("post", path, &answer).is_some(), "no such header");
}
