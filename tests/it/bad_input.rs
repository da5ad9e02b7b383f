//! Faulty requests: the error names the fault, and other calls are not affected.

mod limits;
mod refused;

use amaas_e2e::{Function, ProcessBuilder, TestEnv};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// A function, and a client that can send anything.
struct Target {
    env: TestEnv,
    function: Function,
    http: reqwest::Client,
    endpoint: String,
}

impl Target {
    async fn start() -> Self {
        Self::with(|launch| launch).await
    }

    async fn with(change: impl FnOnce(ProcessBuilder) -> ProcessBuilder) -> Self {
        let env = TestEnv::start().await;
        let function = change(env.sentiment().await).start();
        let endpoint = format!("http://{}", function.ready().await);
        Self { env, function, http: reqwest::Client::new(), endpoint }
    }

    /// A request with a valid key.
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(self.env.key().expose())
    }

    fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.endpoint))
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Refusal {
        Refusal::of(self.request(Method::POST, path).body(body).send().await.expect("an answer")).await
    }

    /// Asserts that it still answers correctly.
    async fn still_serves(&self) {
        let body = r#"{"inputs":["a wonderful film"]}"#;
        let answer = self.request(Method::POST, PREDICT).body(body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["predictions"][0]["label"], "positive");
    }
}

/// An error response.
#[derive(Debug)]
struct Refusal {
    status: u16,
    /// The last part of a problem's type; empty on the protocol's own routes.
    slug: String,
    text: String,
}

impl Refusal {
    async fn of(answer: Response) -> Self {
        let status = answer.status().as_u16();
        let id = answer.headers().get("x-request-id").map(|id| id.to_str().expect("text").to_owned());
        let content = answer.headers().get("content-type").map(|it| it.to_str().expect("text").to_owned());
        let native = answer.url().path().starts_with("/v1/");
        let body = answer.text().await.expect("a body");
        assert!(!body.contains(CANARY), "the payload came back: {body}");
        let json: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status}: not JSON: {body:?}"));
        assert!(id.is_some(), "no request id: {json}");
        if native {
            assert_eq!(content.as_deref(), Some("application/problem+json"), "{json}");
            assert_eq!((&json["status"], json["request_id"].as_str()), (&status.into(), id.as_deref()), "{json}");
            assert!(json["title"].as_str().is_some_and(|title| !title.is_empty()), "{json}");
            let slug = json["type"].as_str().and_then(|kind| kind.strip_prefix("urn:amaas:problem:"));
            let slug = slug.unwrap_or_else(|| panic!("no type: {json}")).to_owned();
            Self { status, slug, text: json["detail"].as_str().expect("a detail").to_owned() }
        } else {
            assert_eq!(content.as_deref(), Some("application/json"), "{json}");
            assert_eq!(json.as_object().map(serde_json::Map::len), Some(1), "{json}");
            Self { status, slug: String::new(), text: json["error"].as_str().expect("an error").to_owned() }
        }
    }

    fn assert(&self, what: &str, status: u16, slug: &str, text: &str) {
        assert!(self.status == status && self.slug == slug && self.text.contains(text), "{what}: {self:?}");
    }
}

/// A text in payloads that must occur in no answer.
const CANARY: &str = "canary4711";
const PREDICT: &str = "/v1/models/sentiment/predict";
const INFER: &str = "/v2/models/sentiment/infer";
