//! Calls, with output for people and for programs.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use amaas::testing::{ScriptedReply, TestServer};
use serde_json::{Value, json};

use crate::program::command;

fn calling(folder: &Path, server: &TestServer, arguments: &[&str]) -> Command {
    let mut command = command(folder, arguments);
    command.env("AMAAS_ENDPOINT", server.url()).env("AMAAS_API_KEY", server.api_key().expose());
    command
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every member that `amaas --help` documents, for every kind of failure.
#[tokio::test(flavor = "multi_thread")]
async fn errors_are_json_for_programs() {
    let server = TestServer::start().await.expect("it listens");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let problem = |status, slug| Some(ScriptedReply::problem(status, slug, "as far as it goes"));
    let limited = problem(429, "rate-limited").map(|reply| reply.header("retry-after", "70"));
    let predict = ["--json", "predict", "m", "x"];
    let of_call = |kind: &str, exit_code: u8, status: Option<u16>, slug: Option<&str>| {
        let problem = slug.map(|slug| format!("urn:amaas:problem:{slug}"));
        json!({"kind": kind, "exit_code": exit_code, "status": status, "problem": problem, "attempts": 1, "retry_after": null})
    };
    let mut later = of_call("rate_limited", 3, Some(429), Some("rate-limited"));
    later["retry_after"] = 70.into();
    let mut lost = of_call("connect", 3, None, None);
    lost["attempts"] = 3.into();
    let local = json!({"kind": "usage", "exit_code": 2, "status": null, "problem": null, "attempts": null,
        "retry_after": null, "request_id": null});
    for (arguments, reply, endpoint, expected) in [
        (&predict[..], limited, None, later),
        (&predict, problem(401, "key-revoked"), None, of_call("unauthorized", 4, Some(401), Some("key-revoked"))),
        (&predict, problem(404, "unknown-model"), None, of_call("not_found", 1, Some(404), Some("unknown-model"))),
        (&predict, problem(422, "invalid-input"), None, of_call("invalid_input", 1, Some(422), Some("invalid-input"))),
        (&predict, Some(ScriptedReply::raw(200, &[], "{}")), None, of_call("protocol", 1, Some(200), None)),
        (&predict, None, Some("http://127.0.0.1:1"), lost),
        (&predict, None, Some("http://models.example.com"), local.clone()),
        (&["--json", "keys", "create", "--expires", "0"], None, None, local),
    ] {
        if let Some(reply) = reply {
            server.reply(reply);
        }
        let mut command = calling(folder.path(), &server, arguments);
        endpoint.map(|endpoint| command.env("AMAAS_ENDPOINT", endpoint));
        let output = command.output().expect("run");
        let told: Value = serde_json::from_str(&error(&output)).unwrap_or_else(|_| panic!("{}", error(&output)));
        let told = told["error"].as_object().expect("an object");
        let names: Vec<_> = told.keys().map(String::as_str).collect();
        let all =
            ["attempts", "exit_code", "kind", "message", "problem", "remedy", "request_id", "retry_after", "status"];
        assert_eq!(names, all);
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&told[name], value, "{name}: {told:?}");
        }
        assert_eq!(output.status.code().map(Value::from), Some(told["exit_code"].clone()));
        // The quoted request id is the one that was sent.
        if told["status"].is_u64() {
            let sent = server.requests().pop().and_then(|request| request.header("x-request-id").map(str::to_owned));
            assert_eq!(told["request_id"].as_str(), sent.as_deref());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_model_or_version_has_one_answer() {
    let server = TestServer::start().await.expect("it listens");
    server.offer(|offer| offer.models = Some(vec!["m".to_owned()]));
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (arguments, expected) in [
        (&["predict", "nosuch", "x"][..], "error: no such model, version or route (404) after 1 attempt"),
        (&["predict", "m", "x", "--version", "99"], "error: no such version of the model: asked for \"99\""),
    ] {
        for _ in 0..10 {
            let mut command = calling(folder.path(), &server, arguments);
            let output = command.env("AMAAS_SIGNERS", server.signer().to_string()).output().expect("run");
            let error = error(&output);
            assert_eq!(output.status.code(), Some(1), "{error}");
            assert!(
                error.starts_with(expected) && error.ends_with("try: `amaas models` lists what there is\n"),
                "{error}"
            );
        }
    }
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_inputs_and_many_are_several_calls() {
    let server = TestServer::start().await.expect("it listens");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let many = "a\n".repeat(4097) + "\n\n";
    for (input, sizes) in [("a\n\nb\n\n\n", &[3][..]), ("-1\n", &[1]), (&many, &[4096, 1])] {
        let before = server.requests().len();
        for size in sizes {
            server.predict("m", vec![json!({"label": "x", "probability": 1}); *size]);
        }
        let mut child = calling(folder.path(), &server, &["predict", "m"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ended");
        assert!(output.status.success());
        let sent: Vec<_> = server.requests()[before..]
            .iter()
            .map(|request| request.json().expect("JSON")["inputs"].as_array().map_or(0, Vec::len))
            .collect();
        assert_eq!(sent, sizes);
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), sizes.iter().sum::<usize>());
    }
    // A negative number is an input as any other.
    server.predict("m", [1]);
    assert!(calling(folder.path(), &server, &["predict", "m", "-1"]).output().expect("run").status.success());
    let last = server.requests().pop().expect("a request");
    assert_eq!(last.json().expect("JSON"), json!({"inputs": ["-1"]}));
}

#[test]
fn the_password_of_a_proxy_is_not_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = amaas::ApiKey::generate("test").expect("random");
    for json in [&["models"][..], &["--json", "models"]] {
        let mut command = command(folder.path(), json);
        command.env("AMAAS_ENDPOINT", "https://models.example.com").env("AMAAS_API_KEY", key.expose());
        for name in ["HTTPS_PROXY", "https_proxy"] {
            command.env(name, "http://user:SECRET@127.0.0.1:1/?token=SECRET");
        }
        let output = command.env_remove("NO_PROXY").env_remove("no_proxy").output().expect("run");
        let error = error(&output);
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains("Connection refused") && !error.contains("SECRET"), "{error}");
    }
}
