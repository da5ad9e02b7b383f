//! The objects of an `OpenAPI` 3.1 document, as far as a function needs them.
//!
//! Source: the `OpenAPI` Specification 3.1.1, §4.8. Maps are sorted, so that the same function writes the same bytes.

use std::collections::BTreeMap;

use schemars::Schema;
use serde::Serialize;
use serde_json::Value;

/// The root (§4.8.1).
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) openapi: &'static str,
    pub(super) info: Info,
    pub(super) tags: Vec<Tag>,
    pub(super) security: Vec<Requirement>,
    pub(super) paths: BTreeMap<String, BTreeMap<String, Operation>>,
    pub(super) components: Components,
}

#[derive(Debug, Serialize)]
pub(super) struct Info {
    pub(super) title: &'static str,
    pub(super) version: &'static str,
    pub(super) description: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Tag {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
}

/// What of [`Components::security_schemes`] a call has to have, and the scopes of each; nothing where it is empty.
pub(super) type Requirement = BTreeMap<&'static str, Vec<&'static str>>;

/// What a method of a path does (§4.8.10).
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    #[serde(rename = "operationId")]
    pub(super) id: String,
    pub(super) tags: Vec<&'static str>,
    pub(super) summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parameters: Vec<Or<Parameter>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_body: Option<Body>,
    pub(super) responses: BTreeMap<String, Or<Answer>>,
    /// `None` for what the whole document says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) security: Option<Vec<Requirement>>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    #[serde(rename = "in")]
    pub(super) place: &'static str,
    pub(super) description: &'static str,
    pub(super) required: bool,
    pub(super) schema: Schema,
}

#[derive(Debug, Serialize)]
pub(super) struct Body {
    pub(super) description: String,
    pub(super) required: bool,
    pub(super) content: Content,
}

/// What a body is, by its media type.
pub(super) type Content = BTreeMap<&'static str, Media>;

/// A body of one media type; without a schema where it is bytes.
#[derive(Debug, Default, Serialize)]
pub(super) struct Media {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<Value>,
}

/// A response (§4.8.17).
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    pub(super) description: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, Or<Header>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) content: Content,
}

#[derive(Debug, Serialize)]
pub(super) struct Header {
    pub(super) description: &'static str,
    pub(super) schema: Schema,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Components {
    pub(super) schemas: serde_json::Map<String, Value>,
    pub(super) parameters: BTreeMap<&'static str, Parameter>,
    pub(super) headers: BTreeMap<&'static str, Header>,
    pub(super) responses: BTreeMap<String, Answer>,
    pub(super) security_schemes: BTreeMap<&'static str, SecurityScheme>,
}

/// A way to send a key (§4.8.27).
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum SecurityScheme {
    Http {
        scheme: &'static str,
        description: &'static str,
    },
    ApiKey {
        #[serde(rename = "in")]
        place: &'static str,
        name: &'static str,
        description: &'static str,
    },
}

/// A part of the document that stands where it is needed, or among the components.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Or<T> {
    Reference {
        #[serde(rename = "$ref")]
        to: String,
    },
    Here(T),
}

impl<T> Or<T> {
    /// What stands among the components of `kind` as `name`.
    pub(super) fn component(kind: &str, name: &str) -> Self {
        Self::Reference { to: format!("#/components/{kind}/{name}") }
    }
}

/// The version of the specification.
pub(super) const OPENAPI: &str = "3.1.1";
