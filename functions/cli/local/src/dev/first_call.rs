//! A first call to each model, through the SDK.

use std::time::{Duration, Instant};

use amaas::{Answer, Client};
use amaas_model::load::{LoadState, LoadTimes, ModelSlot};
use amaas_model::task::Tasks;
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
    /// The input that was sent, as JSON.
    pub example: Option<&'static str>,
}

impl FirstCall {
    /// Calls each model of `host` once.
    pub(crate) async fn all(host: &AppState, client: &Client, tasks: &Tasks) -> Vec<Self> {
        let mut all = Vec::new();
        for slot in host.slots() {
            all.push(Self::of(&slot, client, tasks).await);
        }
        all
    }

    /// Calls the model of `slot` with its task's example, or reads its metadata if its task is unknown here.
    pub(crate) async fn of(slot: &ModelSlot, client: &Client, tasks: &Tasks) -> Self {
        let name = slot.name().to_string();
        let model = match slot.wait_until_loaded().await {
            LoadState::Ready(model) => model,
            LoadState::Failed(reason) => return Self::failed(name, reason),
            LoadState::Loading => return Self::failed(name, "it is still loading".to_owned()),
        };
        let example = tasks.example(model.task_name());
        let begun = Instant::now();
        let answered = match example.and_then(|example| serde_json::from_str::<serde_json::Value>(example).ok()) {
            Some(input) => client.model(&name).predict(&input).await.map(|_: Answer<serde_json::Value>| ()),
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
