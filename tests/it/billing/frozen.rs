//! Lambda freezes a function between calls, so usage is recorded and printed before the answer is complete.

use amaas::task::TextClassification;
use amaas::{Answer, CallOptions};
use amaas_e2e::lambda::Lambda;
use amaas_e2e::{Program, TestEnv};
use amaas_model::task::{Tasks, TextGeneration};
use serde_json::{Value, json};

use super::{TEXT, name, prediction, records};

#[tokio::test]
async fn a_call_is_counted_before_its_answer_is_whole() {
    let env = TestEnv::start().await;
    let (accounts, tests) = (env.accounts().await, name("tests"));
    let mut counted = 0;
    for mode in ["buffered", "stream"] {
        let lambda = Lambda::start(env.sentiment().await.set("AMAAS_RESPONSE_MODE", mode)).await;
        let model = env.client(lambda.url()).model("sentiment");
        for number in 0..5 {
            let id = format!("{mode}-plain-{number}");
            let call = prediction(&lambda.url()).bearer_auth(env.key().expose()).header("x-request-id", &id);
            let answer = call.send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            answer.bytes().await.expect("all of it");
            let of = records(&accounts, &tests).await;
            counted += 1;
            assert!(of.len() == counted && of.contains_key(&id), "{id}");

            let id = format!("{mode}-sealed-{number}");
            let sealed = model.with(CallOptions::default().request_id(&id));
            let _: Answer<TextClassification> = sealed.predict(TEXT).await.expect("an answer");
            let of = records(&accounts, &tests).await;
            counted += 1;
            assert!(of.len() == counted && of.get(&id).is_some_and(|record| record.sealed), "{id}");
        }
        let refused = prediction(&lambda.url()).bearer_auth(env.key().expose()).json(&json!({ "inputs": [7] }));
        assert_eq!(refused.send().await.expect("an answer").status(), 400);
        assert_eq!(records(&accounts, &tests).await.len(), counted, "what was not answered is not counted");
        cloudwatch_gets_metrics(&lambda, mode).await;
    }
}

/// One EMF line for each answered call, and no other line on standard output.
async fn cloudwatch_gets_metrics(lambda: &Lambda, mode: &str) {
    lambda.function().output().containing(&format!("{mode}-sealed-4")).await;
    let lines = lambda.function().output().lines();
    assert_eq!(lines.len(), 10);
    for (index, line) in lines.iter().enumerate() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let by = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&by["Namespace"], &by["Dimensions"]), (&json!("amaas"), &json!([["Model"], ["Model", "Version"]])));
        let metrics: Vec<_> = by["Metrics"].as_array().expect("a list").iter().map(|metric| &metric["Name"]).collect();
        assert!(metrics.iter().all(|metric| line[metric.as_str().expect("text")].is_number()), "{line}");
        assert_eq!(metrics.contains(&&json!("InitDuration")), index == 0, "with the first call of the process");
        assert_eq!(
            (&line["Model"], &line["Version"], &line["tenant"]),
            (&json!("sentiment"), &json!("1"), &json!("tests"))
        );
        assert_eq!((&line["Calls"], &line["Units"], &line["sealed"]), (&json!(1), &json!(1), &json!(index % 2 == 1)));
        assert!(!line.to_string().contains(TEXT));
    }
}

#[tokio::test]
async fn a_text_that_is_streamed_is_counted_before_its_end() {
    let env = TestEnv::start().await;
    let tasks = Tasks::default().with::<TextGeneration<amaas_generate::Generate>>();
    env.publish_with(amaas_generate::bundle(amaas_store::live()).expect("committed"), &tasks).await;
    let (accounts, tests) = (env.accounts().await, name("tests"));
    let mut counted = 0;
    for mode in ["buffered", "stream"] {
        let launch = env.launch(Program::Generate, "generate").await.set("AMAAS_RESPONSE_MODE", mode);
        let lambda = Lambda::start(launch).await;
        for stream in [false, true] {
            let body = json!({ "model": "generate", "prompt": "ROMEO:", "max_tokens": 8, "stream": stream });
            let post = reqwest::Client::new().post(format!("{}/v1/completions", lambda.url()));
            let answer = post.bearer_auth(env.key().expose()).json(&body).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            answer.bytes().await.expect("all of it");
            let of = records(&accounts, &tests).await;
            counted += 1;
            assert_eq!(of.len(), counted, "{mode} {stream}");
            assert!(of.values().all(|record| record.tokens.is_some_and(|tokens| tokens > 8)), "{of:?}");
        }
    }
}

#[tokio::test]
async fn a_server_writes_no_metrics_by_default() {
    let env = TestEnv::start().await;
    for (emf, lines) in [(None, 0), (Some("on"), 1)] {
        let mut launch = env.sentiment().await;
        if let Some(emf) = emf {
            launch = launch.set("AMAAS_EMF", emf);
        }
        let mut function = launch.start();
        function.ready().await;
        assert_eq!(super::predict(&function, env.key().expose()).await.status(), 200);
        function.terminate();
        assert!(function.exit().await.success());
        amaas_e2e::wait::until("what it wrote", async || function.output().lines().len() >= lines).await;
        assert_eq!(function.output().lines().len(), lines);
    }
}
