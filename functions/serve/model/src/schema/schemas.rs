//! The JSON Schemas of types, for requests and for responses.
//!
//! A type can have two schemas: the optional members of a request are not those of a response. If the two are equal, they share a
//! component; otherwise the response's component gets a name of its own.

use std::collections::BTreeSet;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::Transform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use super::plain_text::PlainDescriptions;

/// The schemas of one document.
pub struct SchemaRegistry {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl SchemaRegistry {
    /// No schemas yet.
    #[allow(clippy::new_without_default)] // creates two generators, which `Default` would hide
    pub fn new() -> Self {
        let settings = |place: &'static str| {
            SchemaSettings::draft2020_12().with_transform(PlainDescriptions).with(|settings| {
                settings.definitions_path = place.into();
                settings.meta_schema = None;
            })
        };
        Self {
            requests: settings(SCHEMAS).for_deserialize().into_generator(),
            answers: settings(ANSWERS).for_serialize().into_generator(),
        }
    }

    /// The schema of `T` in requests: a reference if the type has a name.
    pub fn read<T: JsonSchema + ?Sized>(&mut self) -> Schema {
        with_plain_descriptions(self.requests.subschema_for::<T>())
    }

    /// The schema of `T` in requests, inline instead of as a component.
    pub fn read_inline<T: JsonSchema>(&mut self) -> Schema {
        with_plain_descriptions(T::json_schema(&mut self.requests))
    }

    /// The schema of `T` in responses: a reference if the type has a name.
    pub fn written<T: JsonSchema + ?Sized>(&mut self) -> Schema {
        with_plain_descriptions(self.answers.subschema_for::<T>())
    }

    /// The schema of `T` in responses, inline instead of as a component.
    pub fn written_inline<T: JsonSchema>(&mut self) -> Schema {
        with_plain_descriptions(T::json_schema(&mut self.answers))
    }

    /// Adds the request schema that `make` returns as the component `name`, and returns a reference to it. The schema may
    /// refer to itself.
    pub fn component(&mut self, name: String, make: impl FnOnce(&mut SchemaGenerator, &Schema) -> Schema) -> Schema {
        let reference = Schema::new_ref(format!("#{SCHEMAS}/{name}"));
        if !self.requests.definitions().contains_key(&name) {
            let schema = make(&mut self.requests, &reference);
            self.requests.definitions_mut().insert(name, schema.to_value());
        }
        reference
    }

    /// All components; rewrites the references in `document` to them.
    pub fn finish(mut self, document: &mut Value) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        let mut answers = self.answers.take_definitions(true);
        let differing = names_that_differ(&all, &answers);
        let name = |name: &str| if differing.contains(name) { format!("{name}.answer") } else { name.to_owned() };
        answers.values_mut().for_each(|schema| rewrite_references(schema, &name));
        rewrite_references(document, &name);
        all.extend(answers.into_iter().map(|(key, schema)| (name(&key), schema)));
        all
    }
}

/// The names whose request and response schemas differ, or refer to one that does.
fn names_that_differ(requests: &Map<String, Value>, answers: &Map<String, Value>) -> BTreeSet<String> {
    let mut differing = BTreeSet::new();
    loop {
        let name = |name: &str| if differing.contains(name) { format!("{name}.answer") } else { name.to_owned() };
        let differs = |(key, schema): &(&String, &Value)| {
            let mut schema = (*schema).clone();
            rewrite_references(&mut schema, &name);
            requests.get(*key).is_some_and(|request| *request != schema)
        };
        let more: BTreeSet<_> = answers.iter().filter(differs).map(|(key, _)| key.clone()).collect();
        if more.is_subset(&differing) {
            return differing;
        }
        differing.extend(more);
    }
}

/// Rewrites every reference to a response schema to the component `name` returns.
fn rewrite_references(value: &mut Value, name: &impl Fn(&str) -> String) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref")
                && let Some(of) = to.strip_prefix('#').and_then(|to| to.strip_prefix(ANSWERS)?.strip_prefix('/'))
            {
                *to = format!("#{SCHEMAS}/{}", name(of));
            }
            members.values_mut().for_each(|member| rewrite_references(member, name));
        }
        Value::Array(list) => list.iter_mut().for_each(|entry| rewrite_references(entry, name)),
        _ => {}
    }
}

fn with_plain_descriptions(mut schema: Schema) -> Schema {
    PlainDescriptions.transform(&mut schema);
    schema
}

const SCHEMAS: &str = "/components/schemas";
/// The path of response schemas until it is known which of them differ.
const ANSWERS: &str = "/components/answers";

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Same {
        name: String,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Differs {
        same: Same,
        #[serde(default)]
        count: u64,
    }

    /// Equal itself, but its member differs.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Holds {
        differs: Differs,
    }

    #[test]
    fn a_type_has_two_places_where_it_has_two_schemas() {
        let mut schemas = SchemaRegistry::new();
        let mut document = serde_json::json!([schemas.read::<Holds>(), schemas.written::<Holds>()]);
        let all = schemas.finish(&mut document);
        let names: Vec<_> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["Differs", "Differs.answer", "Holds", "Holds.answer", "Same"]);
        let to = |name: &str| serde_json::json!({ "$ref": format!("#/components/schemas/{name}") });
        assert_eq!(document, serde_json::json!([to("Holds"), to("Holds.answer")]));
        assert_eq!(all["Holds.answer"]["properties"]["differs"], to("Differs.answer"));
        assert_eq!(all["Differs.answer"]["properties"]["same"], to("Same"));
        assert_eq!(all["Differs"]["required"], serde_json::json!(["same"]));
    }
}
