//! The objects of an `OpenAPI` 3.1 document that a function needs.
//!
//! Source: the `OpenAPI` Specification 3.1.1, §4.8. Maps are sorted, so that a function always writes the same bytes.

use std::collections::BTreeMap;

use schemars::Schema;
use serde::Serialize;
use serde_json::Value;

/// The root (§4.8.1).
#[derive(Debug, Serialize)]
pub(super) struct OpenApiDocument {
    pub(super) openapi: &'static str,
    pub(super) info: InfoObject,
    pub(super) tags: Vec<TagObject>,
    pub(super) security: Vec<SecurityRequirement>,
    pub(super) paths: BTreeMap<String, BTreeMap<String, OperationObject>>,
    pub(super) components: ComponentsObject,
}

#[derive(Debug, Serialize)]
pub(super) struct InfoObject {
    pub(super) title: &'static str,
    pub(super) version: &'static str,
    pub(super) description: String,
}

#[derive(Debug, Serialize)]
pub(super) struct TagObject {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
}

/// The names of [`ComponentsObject::security_schemes`] that a call needs, with their scopes. If it is empty, a call needs none.
pub(super) type SecurityRequirement = BTreeMap<&'static str, Vec<&'static str>>;

/// An operation: a method of a path (§4.8.10).
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperationObject {
    #[serde(rename = "operationId")]
    pub(super) id: String,
    pub(super) tags: Vec<&'static str>,
    pub(super) summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parameters: Vec<RefOr<ParameterObject>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_body: Option<RequestBodyObject>,
    pub(super) responses: BTreeMap<String, RefOr<ResponseObject>>,
    /// `None` if the requirements of the document apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) security: Option<Vec<SecurityRequirement>>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ParameterObject {
    pub(super) name: &'static str,
    #[serde(rename = "in")]
    pub(super) place: &'static str,
    pub(super) description: &'static str,
    pub(super) required: bool,
    pub(super) schema: Schema,
}

#[derive(Debug, Serialize)]
pub(super) struct RequestBodyObject {
    pub(super) description: String,
    pub(super) required: bool,
    pub(super) content: ContentObject,
}

/// The content of a body for each media type.
pub(super) type ContentObject = BTreeMap<&'static str, MediaTypeObject>;

/// The content of one media type. Binary content has no schema.
#[derive(Debug, Default, Serialize)]
pub(super) struct MediaTypeObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) example: Option<Value>,
}

/// A response (§4.8.17).
#[derive(Debug, Serialize)]
pub(super) struct ResponseObject {
    pub(super) description: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, RefOr<HeaderObject>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) content: ContentObject,
}

#[derive(Debug, Serialize)]
pub(super) struct HeaderObject {
    pub(super) description: &'static str,
    pub(super) schema: Schema,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ComponentsObject {
    pub(super) schemas: serde_json::Map<String, Value>,
    pub(super) parameters: BTreeMap<&'static str, ParameterObject>,
    pub(super) headers: BTreeMap<&'static str, HeaderObject>,
    pub(super) responses: BTreeMap<String, ResponseObject>,
    pub(super) security_schemes: BTreeMap<&'static str, SecurityScheme>,
}

/// A security scheme: how to send a key (§4.8.27).
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

/// An inline object, or a reference to one of the components.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum RefOr<T> {
    Reference {
        #[serde(rename = "$ref")]
        to: String,
    },
    Here(T),
}

impl<T> RefOr<T> {
    /// A reference to the component `name` of `kind`.
    pub(super) fn component(kind: &str, name: &str) -> Self {
        Self::Reference { to: format!("#/components/{kind}/{name}") }
    }
}

/// The version of the specification.
pub(super) const OPENAPI: &str = "3.1.1";
