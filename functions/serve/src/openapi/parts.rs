//! Parameters, headers and security schemes that routes share.

use std::collections::BTreeMap;

use amaas_wire::oip::HEADER_LENGTH;
use amaas_wire::predict::{
    IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, NOT_PROCESSED, REQUEST_ID, USAGE_BILLED_MS, USAGE_ROWS, USAGE_TOKENS,
};
use amaas_wire::receipt::RECEIPT;
use schemars::{Schema, json_schema};

use super::document::{HeaderObject, ParameterObject, RefOr, SecurityRequirement, SecurityScheme};
use crate::headers::{RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET};

/// The shared parameters, by the name of their component.
pub(super) fn parameters() -> BTreeMap<&'static str, ParameterObject> {
    let header =
        |name, description, schema| ParameterObject { name, place: "header", description, required: false, schema };
    let path = |name, description, schema| ParameterObject { name, place: "path", description, required: true, schema };
    let all = [
        path(MODEL, "The name of a model.", name_schema("[A-Za-z0-9]")),
        path(VERSION, "A version of the model: the one that is served.", name_schema("[0-9]")),
        header(
            REQUEST_ID,
            "The caller's own id for the request, 1 to 128 visible ASCII characters; any other is replaced.",
            text_schema(128),
        ),
        header(
            IDEMPOTENCY_KEY,
            "Has the call run once: a repeat with the same key within 24 hours is given the first answer.",
            text_schema(255),
        ),
        header(
            CONTENT_ENCODING,
            "The coding of the body, which is expanded up to the limit for bodies.",
            json_schema!({ "type": "string", "enum": ["gzip", "deflate", "identity"] }),
        ),
        header(
            HEADER_LENGTH,
            "How many bytes of the body are JSON, where tensors stand behind it as bytes; 0 where the body is one tensor alone.",
            count_schema(),
        ),
        ParameterObject {
            name: VERSION,
            place: "query",
            description: "Refuses the call unless this version of the model is served.",
            required: false,
            schema: name_schema("[0-9]"),
        },
    ];
    all.into_iter().map(|parameter| (component_name(&parameter), parameter)).collect()
}

/// The headers of a response with the usage of its call.
pub(super) const USAGE_HEADERS: [&str; 7] =
    [USAGE_ROWS, USAGE_BILLED_MS, USAGE_TOKENS, RECEIPT, RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET];

/// The shared headers of responses.
pub(super) fn headers() -> BTreeMap<&'static str, HeaderObject> {
    let retry = "How many seconds to wait before the call is sent again.";
    let all = [
        (REQUEST_ID, "The request's id, for reports to the operator.", text_schema(128)),
        (USAGE_ROWS, "Rows that went through the network.", count_schema()),
        (
            USAGE_BILLED_MS,
            "Milliseconds from the first byte read to the answer, loading of the model apart.",
            count_schema(),
        ),
        (USAGE_TOKENS, "Tokens that went through the network, where the task counts them.", count_schema()),
        (
            IDEMPOTENCY_REPLAYED,
            "The answer was given before to a call with the same idempotency key.",
            json_schema!({ "const": "true" }),
        ),
        (HEADER_LENGTH, "How many bytes of the body are JSON, where tensors stand behind it as bytes.", count_schema()),
        (
            RECEIPT,
            "A signed receipt of the answer: a DSSE envelope of what answered, what it is counted as, and digests of both contents.",
            json_schema!({ "type": "string" }),
        ),
        (RATELIMIT_LIMIT, "The limit of the caller that is nearest to its end: how much there may be.", count_schema()),
        (RATELIMIT_REMAINING, "How much is left of it, as far as this function knows.", count_schema()),
        (RATELIMIT_RESET, "In how many seconds all of it is there again.", count_schema()),
        ("retry-after", retry, count_schema()),
        (
            NOT_PROCESSED,
            "No part of the request was processed, so that it may be sent again without any care.",
            json_schema!({ "const": "true" }),
        ),
        ("www-authenticate", "How a key is sent.", json_schema!({ "const": "Bearer" })),
        ("accept-encoding", "The codings of bodies that are taken.", json_schema!({ "type": "string" })),
        ("date", "The function's time, which a sealed call has to be of.", json_schema!({ "type": "string" })),
    ];
    all.into_iter().map(|(name, description, schema)| (name, HeaderObject { description, schema })).collect()
}

/// The security schemes: the headers for a key.
pub(super) fn security_schemes() -> BTreeMap<&'static str, SecurityScheme> {
    let bearer = SecurityScheme::Http { scheme: "bearer", description: "`Authorization: Bearer amaas_…`" };
    let name = "x-api-key";
    let header = SecurityScheme::ApiKey { place: "header", name, description: "`x-api-key: amaas_…`" };
    [(BEARER, bearer), (API_KEY, header)].into()
}

/// A key in either header.
pub(super) fn security() -> Vec<SecurityRequirement> {
    vec![[(BEARER, Vec::new())].into(), [(API_KEY, Vec::new())].into()]
}

/// The shared parameter `name` in the path or a header.
pub(super) fn parameter(name: &str) -> RefOr<ParameterObject> {
    RefOr::component("parameters", name)
}

/// A query parameter of one route.
pub(super) fn query(name: &'static str, description: &'static str, schema: Schema) -> RefOr<ParameterObject> {
    RefOr::Here(ParameterObject { name, place: "query", description, required: false, schema })
}

/// The query parameter that selects a version.
pub(super) fn version_query() -> RefOr<ParameterObject> {
    RefOr::component("parameters", VERSION_QUERY)
}

fn component_name(parameter: &ParameterObject) -> &'static str {
    if parameter.place == "query" { VERSION_QUERY } else { parameter.name }
}

/// The schema of a [`ModelName`](amaas_store::ModelName) whose first character is in `first`.
fn name_schema(first: &str) -> Schema {
    json_schema!({ "type": "string", "maxLength": 64, "pattern": format!("^{first}[A-Za-z0-9._-]*$") })
}

fn text_schema(max_length: usize) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": max_length, "pattern": "^[!-~]+$" })
}

fn count_schema() -> Schema {
    json_schema!({ "type": "integer", "minimum": 0 })
}

pub(super) const MODEL: &str = "model";
pub(super) const VERSION: &str = "version";
pub(super) const CONTENT_ENCODING: &str = "content-encoding";
const VERSION_QUERY: &str = "version-query";
const BEARER: &str = "bearer";
const API_KEY: &str = "x-api-key";

#[cfg(test)]
mod tests {
    use super::*;
    use amaas_store::{ModelName, Version};

    #[test]
    fn names_are_those_that_are_taken() {
        let parameters = parameters();
        let schema = |name: &str| jsonschema::validator_for(parameters[name].schema.as_value()).expect("a schema");
        let (model, version) = (schema(MODEL), schema(VERSION));
        for name in ["m", "1", "a.b_c-d", "", "-a", ".a", "é", "a b", &"a".repeat(64), &"a".repeat(65), "1é"] {
            assert_eq!(model.is_valid(&name.into()), name.parse::<ModelName>().is_ok(), "{name}");
            assert_eq!(version.is_valid(&name.into()), name.parse::<Version>().is_ok(), "{name}");
        }
    }
}
