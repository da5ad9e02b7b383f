//! The requests to an export, and the expected answers.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::export::root;

/// A file of `cases/`.
#[derive(Deserialize)]
pub(crate) struct CaseFile {
    pub(crate) pipeline: String,
    #[serde(default)]
    pub(crate) publish: Map<String, Value>,
    pub(crate) cases: Vec<Case>,
}

/// A request, and the answer of Python.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    request: Request,
    pub(crate) transformers: Vec<Value>,
}

#[derive(Deserialize)]
struct Request {
    inputs: Vec<Value>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

impl CaseFile {
    /// The cases of the export `name`, and its rows if there are any.
    pub(crate) fn read(name: &str) -> Self {
        let path = root().join("cases").join(format!("{name}.json"));
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut cases: Self = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        cases.cases.extend(rows(name));
        cases
    }

    /// The largest difference of a score.
    pub(crate) fn tolerance(&self) -> f64 {
        let default = if self.pipeline.starts_with("tabular-") { 1e-5 } else { 1e-4 };
        self.publish.get("tolerance").and_then(Value::as_f64).unwrap_or(default)
    }
}

/// The rows of `cases/NAME.rows.json.gz`, as one case.
fn rows(name: &str) -> Option<Case> {
    let file = std::fs::File::open(root().join("cases").join(format!("{name}.rows.json.gz"))).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut rows: Map<String, Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut list = |member: &str| match rows.remove(member) {
        Some(Value::Array(list)) => list,
        other => panic!("{name}: {member}: expected a list, got {other:?}"),
    };
    let (inputs, transformers) = (list("inputs"), list("predictions"));
    Some(Case {
        name: format!("{} rows", inputs.len()),
        request: Request { inputs, parameters: Map::new() },
        transformers,
    })
}

impl Case {
    /// Whether an input is a JPEG or a lossy WebP: decoders of these differ.
    pub(crate) fn is_lossy(&self) -> bool {
        let name = |input: &Value| input.get("file").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.request.inputs.iter().map(name).any(|name| name.contains(".jpg") || name.contains("lossy-"))
    }

    /// Inputs and parameters, with files in base64.
    pub(crate) fn request(&self) -> (Vec<Value>, Value) {
        let inputs = self.request.inputs.iter().map(with_files).collect();
        (inputs, Value::Object(self.request.parameters.clone()))
    }
}

/// `value` with the content of each file that it names.
fn with_files(value: &Value) -> Value {
    let Some(name) = value.get("file").and_then(Value::as_str) else { return value.clone() };
    let path = root().join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    json!(STANDARD.encode(bytes))
}
