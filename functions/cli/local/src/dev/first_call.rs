//! A first call to each model, through the SDK.

use std::time::{Duration, Instant};

use amaas::{Answer, Client};
use amaas_model::load::{LoadState, LoadTimes, ModelSlot};
use amaas_model::task::ExampleCall;
use amaas_serve::AppState;

/// A model, how it loaded, and its first answer.
#[derive(Debug)]
pub struct FirstCall {
    /// The model's name.
    pub model: String,
    /// Its version; empty if it did not load.
    pub version: String,
    /// Its task; empty if it did not load.
    pub task: String,
    /// Where the time of the load went.
    pub load: LoadTimes,
    /// How long the first call took, or why it failed.
    pub answer: Result<Duration, String>,
    /// The call that was made, if the model has a task.
    pub example: Option<ExampleCall>,
}

impl FirstCall {
    /// Calls each model of `host` once.
    pub(crate) async fn all(host: &AppState, client: &Client) -> Vec<Self> {
        let mut all = Vec::new();
        for slot in host.slots() {
            all.push(Self::of(&slot, client).await);
        }
        all
    }

    /// Calls the model of `slot` with its task's example, or reads its metadata if it has no task.
    pub(crate) async fn of(slot: &ModelSlot, client: &Client) -> Self {
        let name = slot.name().to_string();
        let model = match slot.wait_until_loaded().await {
            LoadState::Ready(model) => model,
            LoadState::Failed(reason) => return Self::failed(name, reason),
            LoadState::Loading => return Self::failed(name, "it is still loading".to_owned()),
        };
        let example = model.task.as_ref().map(|task| task.example());
        let begun = Instant::now();
        let json = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap_or_default();
        let answered = match &example {
            Some(call) => {
                let (input, parameters) = (json(call.input()), json(call.parameters().unwrap_or("{}")));
                let answer = client.model(&name).predict_with(&input, &parameters).await;
                answer.map(|_: Answer<serde_json::Value>| ())
            }
            None => client.model(&name).metadata().await.map(drop),
        };
        let answer = answered.map(|()| begun.elapsed()).map_err(|error| error.to_string());
        let (version, task) = (model.version().to_string(), model.task_name().to_owned());
        Self { model: name, version, task, load: model.times(), answer, example }
    }

    fn failed(model: String, reason: String) -> Self {
        let (version, task) = (String::new(), String::new());
        Self { model, version, task, load: LoadTimes::default(), answer: Err(reason), example: None }
    }
}
