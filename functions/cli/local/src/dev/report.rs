//! The report of `dev` once every model has answered: tables, and example calls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use amaas_model::load::LoadTimes;
use serde_json::Value;

use amaas_model::task::ExampleCall;

use super::first_call::FirstCall;
use crate::table::table;

/// A host whose models have answered once.
#[derive(Debug)]
pub struct StartupReport {
    /// The host's URL.
    pub endpoint: String,
    /// The file with endpoint and API key.
    pub env_file: PathBuf,
    /// From the start of `dev` to the last first answer.
    pub elapsed: Duration,
    /// Each model.
    pub models: Vec<FirstCall>,
}

impl StartupReport {
    /// The report as JSON.
    pub fn json(&self) -> Value {
        let models = self.models.iter().map(|first| {
            serde_json::json!({
                "model": first.model,
                "version": first.version,
                "task": first.task,
                "load_ms": first.load.total.as_secs_f64() * 1e3,
                "load": parts(&first.load)
                    .map(|(part, took, _)| (part, took.as_secs_f64() * 1e3))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
                "first_answer_ms": first.answer.as_ref().ok().map(|took| took.as_secs_f64() * 1e3),
                "error": first.answer.as_ref().err(),
            })
        });
        let models: Vec<_> = models.collect();
        serde_json::json!({ "endpoint": self.endpoint, "env": self.env_file, "models": models })
    }

    /// The report as text. `predict` is the command that calls a model, to be followed by the model and an input, if there is one.
    pub fn text(&self, predict: Option<&str>) -> String {
        let env = self.env_file.display();
        let mut lines = vec![
            format!("{}\n", model_table(&self.models)),
            format!(
                "listening on {} after {} ms; endpoint and key are in {env}\n",
                self.endpoint,
                self.elapsed.as_millis(),
            ),
        ];
        // The shortest example is the easiest to change.
        let examples = self.models.iter().filter_map(|first| Some((first, first.example.as_ref()?)));
        let examples = examples.filter(|(_, example)| example.parameters().is_none());
        if let Some((first, example)) = examples.min_by_key(|(_, example)| example.input().len()) {
            let example = example.input();
            lines.push(format!("  . {env}; curl -s $AMAAS_ENDPOINT/v1/models/{}/predict \\", first.model));
            lines.push(
                r#"    -H "Authorization: Bearer $AMAAS_API_KEY" -H 'Content-Type: application/json' \"#.to_owned(),
            );
            lines.push(format!("    -d '{{\"inputs\":[{example}]}}'\n"));
            if let Some(predict) = predict {
                lines.push(format!("  {predict} {} {example}\n", first.model));
            }
        }
        lines.push("Ctrl-C stops. `AMAAS_LOG=info` shows every call.".to_owned());
        lines.join("\n")
    }

    /// Where the time of each load went, as text.
    pub fn profile(&self) -> String {
        let heads = ["MODEL", "RUNTIME MS", "MANIFEST", "FETCH", "SESSION", "CHECK", "WARM-UP", "TOTAL"];
        let rows = self.models.iter().map(|first| {
            let [runtime, manifest, fetch, session, check, warm_up, total] =
                parts(&first.load).map(|(_, took, _)| milliseconds(took));
            [first.model.clone(), runtime, manifest, fetch, session, check, warm_up, total]
        });
        let mut lines = vec![format!("\n{}\n", table(heads, rows))];
        for (part, _, what) in parts(&LoadTimes::default()) {
            lines.push(format!("  {part:<9}{what}"));
        }
        lines.join("\n")
    }
}

/// Each model with the time of its load and of its first answer.
pub(crate) fn model_table(models: &[FirstCall]) -> String {
    let rows = models.iter().map(|first| {
        let answer =
            first.answer.as_ref().map_or_else(|reason| format!("failed: {reason}"), |took| milliseconds(*took));
        let example = first.example.as_ref().map_or("POST /v2/models/…/infer", ExampleCall::input);
        let example = shortened(example);
        [
            first.model.clone(),
            first.version.clone(),
            first.task.clone(),
            milliseconds(first.load.total),
            answer,
            example,
        ]
    });
    table(["MODEL", "VERSION", "TASK", "LOAD MS", "FIRST ANSWER MS", "EXAMPLE"], rows)
}

/// The beginning of `example`: images in base64 are long.
fn shortened(example: &str) -> String {
    match example.char_indices().nth(MAX_EXAMPLE_CHARS) {
        Some((end, _)) => format!("{}…", &example[..end]),
        None => example.to_owned(),
    }
}

/// Characters of an example in the table.
const MAX_EXAMPLE_CHARS: usize = 60;

/// The parts of a load, and what each is.
fn parts(times: &LoadTimes) -> [(&'static str, Duration, &'static str); 7] {
    [
        ("runtime", times.runtime, "ONNX Runtime is loaded and started, once a process, while the first blobs travel"),
        ("manifest", times.manifest, "alias and manifest are fetched, and the signature is verified"),
        ("fetch", times.fetch, "blobs are fetched, verified and opened"),
        ("session", times.session, "ONNX Runtime makes a session of the network"),
        ("check", times.check, "golden cases are run"),
        ("warm-up", times.warm_up, "a run on synthetic inputs, if there are no golden cases"),
        ("total", times.total, "all of it; parts that overlap are counted once"),
    ]
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}
