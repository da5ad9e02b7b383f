//! Descriptions of the routes in the format of `OpenAI`, if a model has a task for them.

use amaas_wire::openai::{
    CompletionsRequest, CompletionsResponse, EmbeddingsRequest, EmbeddingsResponse, RerankRequest, RerankResponse,
};
use amaas_wire::task::Prompt;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::builder::{DocumentBuilder, json_with_example};
use super::document::{MediaTypeObject, OperationObject};
use super::refusal::RefusalGroup::{Body, Completions, Embeddings, Input, Key, Model, Ranking, Ready, Run};
use super::{parts, tag};

pub(crate) fn embeddings(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let models = builder.supported_models(|support| support.embeddings)?;
    let mut properties = Map::from_iter([("input".to_owned(), json!({ "maxItems": builder.limits().rows }))]);
    models.restrict_model_names(&mut properties);
    let schema = with_constraints(builder.schemas.read::<EmbeddingsRequest>(), &properties);
    let example = models.example(|model, text| Some(json!({ "model": model, "input": text })));
    let content = json_with_example(schema, example);
    let mut operation = builder.operation("embeddings", tag::OPENAI, "Vectors of texts, in OpenAI's shape.");
    builder.request_body(
        &mut operation,
        "A model and texts, or token ids. Unknown members are refused by name.",
        true,
        content,
    );
    let answer = builder.json::<EmbeddingsResponse>();
    builder.response(&mut operation, 200, "A vector for each text.", &parts::USAGE_HEADERS, answer);
    builder.errors(&mut operation, &[Key, Model, Embeddings, Ready, Body, Input, Run]);
    Some(operation)
}

pub(crate) fn rerank(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    ranking(builder, "rerank")
}

pub(crate) fn rerank_v2(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    ranking(builder, "rerank_v2")
}

fn ranking(builder: &mut DocumentBuilder, id: &'static str) -> Option<OperationObject> {
    let models = builder.supported_models(|support| support.ranking)?;
    let most = json!({ "maxItems": builder.limits().rows });
    let mut properties = Map::from_iter([("documents".to_owned(), most)]);
    models.restrict_model_names(&mut properties);
    let schema = with_constraints(builder.schemas.read::<RerankRequest>(), &properties);
    let example = models.example(|model, mut input| {
        input.as_object_mut()?.insert("model".to_owned(), model.into());
        Some(input)
    });
    let content = json_with_example(schema, example);
    let summary = "Documents ranked by their relevance to a query, in the shape of Cohere's and Jina's.";
    let mut operation = builder.operation(id, tag::OPENAI, summary);
    let description = "A model, a query and documents. Unknown members are refused by name.";
    builder.request_body(&mut operation, description, true, content);
    let answer = builder.json::<RerankResponse>();
    let description = "The documents, the most relevant one first.";
    builder.response(&mut operation, 200, description, &parts::USAGE_HEADERS, answer);
    builder.errors(&mut operation, &[Key, Model, Ranking, Ready, Body, Input, Run]);
    Some(operation)
}

pub(crate) fn completions(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let models = builder.supported_models(|support| support.completions)?;
    let mut properties = Map::new();
    models.restrict_model_names(&mut properties);
    let schema = with_constraints(builder.schemas.read::<CompletionsRequest>(), &properties);
    let example = models.example(|model, prompt| {
        let prompt: Prompt = serde_json::from_value(prompt).ok()?;
        let mut body = serde_json::to_value(prompt).ok()?;
        body.as_object_mut()?.insert("model".to_owned(), model.into());
        Some(body)
    });
    let content = json_with_example(schema, example);
    let mut operation = builder.operation("completions", tag::OPENAI, "Generated text, in OpenAI's shape.");
    builder.request_body(
        &mut operation,
        "A model, a prompt and generation options. Unknown members are refused by name.",
        true,
        content,
    );
    let mut answer = builder.json::<CompletionsResponse<'static>>();
    let events = json_schema!({
        "type": "string",
        "description": "Where `stream` is true: server-sent events. The data of each is a `CompletionsResponse` with a piece of \
                        the text, or an error object, and at the end `[DONE]`.",
    });
    answer.insert("text/event-stream", MediaTypeObject { schema: Some(events), example: None });
    let description = "The text, whole or in pieces; the headers of usage where it is whole. The receipt of pieces is a comment behind them.";
    builder.response(&mut operation, 200, description, &parts::USAGE_HEADERS, answer);
    builder.errors(&mut operation, &[Key, Model, Completions, Ready, Body, Input, Run]);
    Some(operation)
}

/// `schema` with further constraints on some of its properties.
fn with_constraints(schema: Schema, properties: &Map<String, Value>) -> Schema {
    if properties.is_empty() {
        return schema;
    }
    json_schema!({ "allOf": [schema, { "properties": properties }] })
}
