//! Builds the `OpenAPI` document of a host from the descriptions of its routes and the parts that they share.

use std::sync::Arc;

use amaas_ohttp::{chunked, whole};
use amaas_wire::predict::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, REQUEST_ID};
use http::Method;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::document::{
    ComponentsObject, ContentObject, InfoObject, MediaTypeObject, OPENAPI, OpenApiDocument, OperationObject, RefOr,
    RequestBodyObject, ResponseObject, TagObject,
};
use super::parts::{self, CONTENT_ENCODING, MODEL, VERSION};
use super::refusal::{RefusalGroup, SharedResponses};
use super::view::{DocumentView, RouteSupport, ServedModels};
use super::{model, tag};
use crate::limits::Limits;
use crate::sealing::SealingPolicy;
use amaas_model::load::Model;
use amaas_model::schema::SchemaRegistry;

/// Describes the operation of a route; `None` if the host does not offer it.
pub(crate) type DescribeOperation = fn(&mut DocumentBuilder) -> Option<OperationObject>;

/// The document of a host with `routes`: each has a method, a path and a description.
pub(crate) fn document(
    view: DocumentView,
    routes: impl IntoIterator<Item = (Method, &'static str, DescribeOperation)>,
) -> Value {
    let mut builder = DocumentBuilder {
        view,
        schemas: SchemaRegistry::new(),
        responses: SharedResponses::default(),
        method: Method::GET,
        path: String::new(),
    };
    let mut document = OpenApiDocument {
        openapi: OPENAPI,
        info: InfoObject { title: "amaas", version: API_VERSION, description: builder.description() },
        tags: tag::TAGS.into_iter().map(|(name, description)| TagObject { name, description }).collect(),
        security: parts::security(),
        paths: std::collections::BTreeMap::new(),
        components: ComponentsObject::default(),
    };
    let mut add = |method: &Method, path: &str, operation| {
        let method = method.as_str().to_ascii_lowercase();
        document.paths.entry(path.to_owned()).or_default().insert(method, operation);
    };
    for (method, path, describe) in routes {
        builder.begin_route(&method, path);
        if let Some(operation) = describe(&mut builder) {
            add(&method, path, operation);
        }
    }
    for model in builder.visible_models() {
        model::describe(&model, &mut builder, |path, operation| add(&Method::POST, path, operation));
    }
    builder.finish(document)
}

/// An incomplete document.
pub(crate) struct DocumentBuilder {
    view: DocumentView,
    pub(super) schemas: SchemaRegistry,
    responses: SharedResponses,
    /// The method of the current route.
    method: Method,
    path: String,
}

impl DocumentBuilder {
    pub(super) fn limits(&self) -> Limits {
        self.view.limits
    }

    /// Whether the host accepts sealed calls.
    pub(super) fn seals(&self) -> bool {
        self.view.sealing.is_some_and(|policy| policy != SealingPolicy::Off)
    }

    /// The models that the reader may see.
    fn visible_models(&self) -> Vec<Arc<Model>> {
        match &self.view.models {
            ServedModels::Unnamed(_) => Vec::new(),
            ServedModels::Named(models) => models.clone(),
        }
    }

    /// The models with a task that `supports`, as far as the reader may see them; `None` if there is no such model.
    pub(super) fn supported_models(&self, supports: impl Fn(RouteSupport) -> bool) -> Option<SupportedModels> {
        match &self.view.models {
            ServedModels::Unnamed(all) => supports(*all).then_some(SupportedModels { models: Vec::new() }),
            ServedModels::Named(models) => {
                let models: Vec<_> = models.iter().filter(|model| supports(RouteSupport::of(model))).cloned().collect();
                (!models.is_empty()).then_some(SupportedModels { models })
            }
        }
    }

    /// Makes `method` of `path` the current route.
    pub(super) fn begin_route(&mut self, method: &Method, path: &str) {
        (self.method, self.path) = (method.clone(), path.to_owned());
    }

    /// The operation `id`, with the parameters of its path and its method.
    pub(super) fn operation(
        &self,
        id: impl Into<String>,
        tag: &'static str,
        summary: impl Into<String>,
    ) -> OperationObject {
        let in_path = [MODEL, VERSION].into_iter().filter(|name| self.path.contains(&format!("{{{name}}}")));
        let of_post = [IDEMPOTENCY_KEY, CONTENT_ENCODING].into_iter().filter(|_| self.method == Method::POST);
        let parameters = in_path.chain([REQUEST_ID]).chain(of_post).map(parts::parameter).collect();
        OperationObject {
            id: id.into(),
            tags: vec![tag],
            summary: summary.into(),
            parameters,
            ..OperationObject::default()
        }
    }

    /// JSON content with the schema of a serialised `T`.
    pub(super) fn json<T: JsonSchema + ?Sized>(&mut self) -> ContentObject {
        json(self.schemas.written::<T>())
    }

    /// Adds a request body to `operation`.
    pub(super) fn request_body(
        &self,
        operation: &mut OperationObject,
        description: &str,
        required: bool,
        mut content: ContentObject,
    ) {
        let description = format!("{description} At most {} bytes.", self.view.limits.body_bytes);
        if self.seals() {
            for media_type in [chunked::REQUEST_MEDIA_TYPE, whole::REQUEST_MEDIA_TYPE] {
                content.insert(media_type, MediaTypeObject::default());
            }
        }
        operation.request_body = Some(RequestBodyObject { description, required, content });
    }

    /// Adds a response to `operation`, with `headers` in addition to the request's id.
    pub(super) fn response(
        &self,
        operation: &mut OperationObject,
        status: u16,
        description: &str,
        headers: &[&str],
        mut content: ContentObject,
    ) {
        let posted = self.method == Method::POST;
        if posted && self.seals() {
            for media_type in [chunked::RESPONSE_MEDIA_TYPE, whole::RESPONSE_MEDIA_TYPE] {
                content.insert(media_type, MediaTypeObject::default());
            }
        }
        let usual = [REQUEST_ID].into_iter().chain(posted.then_some(IDEMPOTENCY_REPLAYED));
        let headers = usual.chain(headers.iter().copied());
        let headers = headers.map(|name| (name.to_owned(), RefOr::component("headers", name))).collect();
        let answer = ResponseObject { description: description.to_owned(), headers, content };
        operation.responses.insert(status.to_string(), RefOr::Here(answer));
    }

    /// Adds the error responses of `refusals` to `operation`, and those that its method always has.
    pub(super) fn errors(&mut self, operation: &mut OperationObject, refusals: &[RefusalGroup]) {
        let mut refusals = refusals.to_vec();
        refusals.extend(self.path.contains('{').then_some(RefusalGroup::Url));
        if self.method == Method::POST {
            refusals.push(RefusalGroup::Idempotency);
            refusals.extend(self.seals().then_some(RefusalGroup::Sealed));
        } else if refusals.contains(&RefusalGroup::Key) {
            refusals.push(RefusalGroup::ReadLimits);
        }
        let answers = self.responses.for_refusals(&refusals, &self.path, &operation.id, &mut self.schemas);
        operation.responses.extend(answers);
    }

    fn description(&self) -> String {
        let Limits { body_bytes, rows, .. } = self.view.limits;
        let mut about = format!(
            "Models behind typed routes, the Open Inference Protocol and OpenAI's shapes. A call takes at most {rows} rows, and a \
             body at most {body_bytes} bytes, before and after decompression. Answers are compressed if `Accept-Encoding` names \
             gzip or deflate."
        );
        match self.view.sealing {
            None | Some(SealingPolicy::Off) => {}
            Some(policy) => {
                about += "\n\nEvery route takes a sealed `POST`: oblivious HTTP (RFC 9458, chunked or whole) around the call that \
                          is described here, whose method and path stand inside. The answer is then sealed too, and its status \
                          is 200 outside.";
                if policy == SealingPolicy::Required {
                    about += " A `POST` that is not sealed is refused.";
                }
            }
        }
        about
    }

    fn finish(self, mut document: OpenApiDocument) -> Value {
        document.components.parameters = parts::parameters();
        document.components.headers = parts::headers();
        document.components.security_schemes = parts::security_schemes();
        document.components.responses = self.responses.finish();
        // The document has strings, numbers and maps with string keys only, so this does not fail.
        let mut document = serde_json::to_value(document).unwrap_or_default();
        let schemas = self.schemas.finish(&mut document);
        document["components"]["schemas"] = Value::Object(schemas);
        document
    }
}

/// The models that a route supports. It is empty if the reader may not see their names.
pub(super) struct SupportedModels {
    models: Vec<Arc<Model>>,
}

impl SupportedModels {
    /// Restricts the property `model` to the names of these models.
    pub(super) fn restrict_model_names(&self, properties: &mut serde_json::Map<String, Value>) {
        if !self.models.is_empty() {
            let names: Vec<_> = self.models.iter().map(|model| model.name().as_str()).collect();
            properties.insert("model".to_owned(), serde_json::json!({ "enum": names }));
        }
    }

    /// A body for the first model, from its task's example.
    pub(super) fn example(&self, body: impl Fn(&str, Value) -> Option<Value>) -> Option<Value> {
        let model = self.models.first()?;
        let example = serde_json::from_str(model.task.as_ref()?.example().input()).ok()?;
        body(model.name().as_str(), example)
    }
}

/// JSON content with `schema`.
pub(super) fn json(schema: Schema) -> ContentObject {
    json_with_example(schema, None)
}

/// JSON content with `schema` and an example.
pub(super) fn json_with_example(schema: Schema, example: Option<Value>) -> ContentObject {
    [("application/json", MediaTypeObject { schema: Some(schema), example })].into()
}

/// Binary content of a media type.
pub(super) fn bytes(media_type: &'static str) -> ContentObject {
    [(media_type, MediaTypeObject::default())].into()
}

/// The version of the API, which is also in its paths. `GET /v2` returns the version of the program.
const API_VERSION: &str = "1.0.0";
