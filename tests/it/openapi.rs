//! `OpenAPI` documents of functions, against golden files, against actual answers, and with an independent validator.

mod described;
mod functions;
mod golden;
mod readers;
mod validator;

use amaas_e2e::{Function, Program, TestEnv};
use amaas_model::publish::Publication;
use amaas_model::task::Tasks;
use reqwest::header::HeaderMap;
use serde_json::Value;

use self::described::Described;

/// A function with a model.
struct DescribedFunction {
    env: TestEnv,
    _function: Function,
    endpoint: String,
}

/// A response.
struct Response {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl DescribedFunction {
    async fn start(program: Program, publication: Publication, tasks: &Tasks) -> Self {
        let env = TestEnv::start().await;
        let model = publication.model.to_string();
        // Every environment has the sentiment model.
        if model != "sentiment" {
            env.publish_with(publication, tasks).await;
        }
        let function = env.launch(program, &model).await.start();
        let endpoint = format!("http://{}", function.ready().await);
        Self { env, _function: function, endpoint }
    }

    /// Sends `body`, or a GET without one; with the environment's key or without.
    async fn call(&self, path: &str, body: Option<&Value>, keyed: bool) -> Response {
        let (client, url) = (reqwest::Client::new(), format!("{}{path}", self.endpoint));
        let request = match body {
            Some(body) => client.post(url).header("content-type", "application/json").body(body.to_string()),
            None => client.get(url),
        };
        let request = if keyed { request.bearer_auth(self.env.key().expose()) } else { request };
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Response { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
    }

    /// The function's document, with the environment's key or without.
    async fn describes(&self, keyed: bool) -> Described {
        let answer = self.call("/openapi.json", None, keyed).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        Described(answer.json())
    }
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}
