//! The Open Inference Protocol over REST, with the extensions of Triton's clients.

mod binary;
mod coding;
mod numbers;
mod parameters;
mod routes;

use amaas_e2e::{Function, Program, TestEnv};
use reqwest::header::HeaderMap;
use reqwest::{Body, RequestBuilder};
use serde_json::Value;

/// A function that serves an ONNX file without a task, and a client that can send anything.
struct OipServer {
    env: TestEnv,
    _function: Function,
    endpoint: String,
    model: String,
}

/// A response.
#[derive(Debug)]
struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl OipServer {
    async fn start(model: &str, network: Vec<u8>) -> Self {
        let env = TestEnv::start().await;
        env.publish(model, network).await;
        let function = env.launch(Program::Tensor, model).await.set("AMAAS_MAX_BODY_BYTES", "65536").start();
        let endpoint = format!("http://{}", function.ready().await);
        Self { env, _function: function, endpoint, model: model.to_owned() }
    }

    /// Calls the model with `body`, after `change` edited the request.
    async fn infer(&self, body: impl Into<Body>, change: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Response {
        let url = format!("{}/v2/models/{}/infer", self.endpoint, self.model);
        let request = reqwest::Client::new().post(url).bearer_auth(self.env.key().expose()).body(body);
        Response::of(change(request)).await
    }

    /// Calls the model with `json`, whose length is in a header, followed by `bytes`.
    async fn binary(&self, json: &Value, bytes: &[u8]) -> Response {
        let json = json.to_string();
        let length = json.len();
        self.infer([json.as_bytes(), bytes].concat(), |request| request.header(HEADER, length)).await
    }

    async fn get(&self, path: &str) -> Response {
        let request = reqwest::Client::new().get(format!("{}{path}", self.endpoint));
        Response::of(request.bearer_auth(self.env.key().expose())).await
    }
}

impl Response {
    async fn of(request: RequestBuilder) -> Self {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The JSON of a binary answer, and the bytes after it.
    fn parts(&self) -> (Value, &[u8]) {
        assert_eq!((self.status, self.header("content-type")), (200, Some("application/octet-stream")), "{self:?}");
        let length = self.header(HEADER).and_then(|length| length.parse().ok()).expect("a length");
        let (json, bytes) = self.body.split_at(length);
        (serde_json::from_slice(json).expect("JSON"), bytes)
    }

    /// Asserts that it is the protocol's error object, with `text`.
    fn refuses(&self, status: u16, text: &str) {
        assert_eq!((self.status, self.header("content-type")), (status, Some("application/json")), "{text}: {self:?}");
        let json = self.json();
        assert!(json.as_object().is_some_and(|error| error.len() == 1), "{json}");
        assert!(json["error"].as_str().is_some_and(|error| error.contains(text)), "{text}: {json}");
    }
}

const HEADER: &str = "inference-header-content-length";
