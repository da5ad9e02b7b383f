//! An `OpenAPI` document, and whether an answer conforms to it.

use jsonschema::Validator;
use serde_json::{Value, json};

use super::Response;

/// An `OpenAPI` document.
pub(super) struct Described(pub(super) Value);

impl Described {
    /// Why `answer` to `method` of `path`, in the document's notation, does not conform to the document.
    pub(super) fn objection(&self, method: &str, path: &str, answer: &Response) -> Option<String> {
        let operation = &self.0["paths"][path][method];
        let (status, media_type) = (answer.status.to_string(), answer.header("content-type").unwrap_or_default());
        let response = self.resolved(&operation["responses"][&status]);
        if response.is_null() {
            return Some(format!("{method} {path}: {status} is not among its responses"));
        }
        let told = |name: &str| response["headers"].get(name).is_some() || OF_HTTP.contains(&name);
        if let Some(name) = answer.headers.keys().find(|name| !told(name.as_str())) {
            return Some(format!("{method} {path}: the header {name} is not documented with {status}"));
        }
        let Some(media) = response["content"].get(media_type) else {
            return Some(format!("{method} {path}: {media_type} is not documented with {status}"));
        };
        let errors = self.errors(media.get("schema")?, &answer.json(), true);
        errors.map(|errors| format!("{method} {path}, {status}: {errors}"))
    }

    /// Why `body` does not conform to the request schema of `method` of `path`.
    pub(super) fn objection_to_request(&self, path: &str, body: &Value) -> Option<String> {
        let content = &self.0["paths"][path]["post"]["requestBody"]["content"];
        self.errors(&content["application/json"]["schema"], body, false)
    }

    /// Every path with an example body, and the body.
    pub(super) fn examples(&self) -> Vec<(String, Value)> {
        let paths = self.0["paths"].as_object().expect("paths").iter();
        let example = |path: &Value| path.pointer("/post/requestBody/content/application~1json/example").cloned();
        paths.filter_map(|(path, operations)| Some((path.clone(), example(operations)?))).collect()
    }

    pub(super) fn errors(&self, schema: &Value, value: &Value, closed: bool) -> Option<String> {
        let errors: Vec<_> = self.validator(schema, closed).iter_errors(value).map(|error| error.to_string()).collect();
        if errors.is_empty() { None } else { Some(errors.join("; ")) }
    }

    /// A schema of the document; if it is `closed`, it refuses undocumented members.
    fn validator(&self, schema: &Value, closed: bool) -> Validator {
        let mut schema = json!({ "allOf": [schema], "components": { "schemas": self.0["components"]["schemas"] } });
        if closed {
            close(&mut schema);
        }
        jsonschema::draft202012::new(&schema).expect("a schema")
    }

    fn resolved<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str().and_then(|to| to.strip_prefix('#')) {
            Some(pointer) => self.0.pointer(pointer).expect("it leads somewhere"),
            None => value,
        }
    }
}

/// Makes every object of `schema` refuse undocumented members. A schema that only narrows another has no type.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && members.get("type") == Some(&json!("object")) {
                members.entry("additionalProperties").or_insert(false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

/// Headers that the document need not name.
const OF_HTTP: [&str; 4] = ["content-type", "content-length", "date", "cache-control"];
