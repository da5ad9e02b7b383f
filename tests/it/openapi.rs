//! What functions say of themselves, held against golden files, against what they answer and by a validator of others.

mod described;
mod functions;
mod golden;
mod judge;
mod readers;

use amaas_e2e::{Function, Program, Stage};
use amaas_model::publish::Publication;
use amaas_model::task::Tasks;
use reqwest::header::HeaderMap;
use serde_json::Value;

use self::described::Described;

/// A function with a model.
struct Served {
    stage: Stage,
    _function: Function,
    endpoint: String,
}

/// An answer.
struct Answered {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Served {
    async fn start(program: Program, publication: Publication, tasks: &Tasks) -> Self {
        let stage = Stage::set().await;
        let model = publication.model.to_string();
        // The sentiment model is on every stage.
        if model != "sentiment" {
            stage.publish_with(publication, tasks).await;
        }
        let function = stage.launch(program, &model).await.start();
        let endpoint = format!("http://{}", function.ready().await);
        Self { stage, _function: function, endpoint }
    }

    /// Sends `body`, or asks where there is none; with the stage's key or without.
    async fn call(&self, path: &str, body: Option<&Value>, keyed: bool) -> Answered {
        let (client, url) = (reqwest::Client::new(), format!("{}{path}", self.endpoint));
        let request = match body {
            Some(body) => client.post(url).header("content-type", "application/json").body(body.to_string()),
            None => client.get(url),
        };
        let request = if keyed { request.bearer_auth(self.stage.key().expose()) } else { request };
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answered { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
    }

    /// What it says of itself, to whoever has the stage's key or to anyone.
    async fn describes(&self, keyed: bool) -> Described {
        let answer = self.call("/openapi.json", None, keyed).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        Described(answer.json())
    }
}

impl Answered {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}
