//! The error responses of routes, derived from the error classes.

use std::collections::BTreeMap;

use amaas_access::AccessError;
use amaas_access::oidc::TokenError;
use amaas_access::quota::QuotaError;
use amaas_engine::RunError;
use amaas_model::schema::SchemaRegistry;
use amaas_model::{InputError, ModelError};
use amaas_ohttp::KEY_PROBLEM;
use amaas_wire::problem::{self, Problem};
use amaas_wire::{Classify, ErrorClass, oip, openai};

use super::document::{ContentObject, MediaTypeObject, RefOr, ResponseObject};
use crate::error::{BodyError, CapacityError, IdempotencyError, ResponseError, RouteError, SealedCallError};
use crate::reply::{Dialect, header_names, openai_code, problem_type};

/// A group of errors that a route can return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalGroup {
    /// A missing or invalid key.
    Key,
    /// The limits per minute of calls that only read.
    ReadLimits,
    /// The path or the query cannot be read.
    Url,
    /// An unknown model, or one that the key may not use.
    Model,
    /// An unknown model.
    UnknownModel,
    /// The version in the path or the query.
    Version,
    /// The model is not loaded, or the function is shutting down.
    Ready,
    /// The body cannot be read.
    Body,
    /// The model does not accept the input.
    Input,
    /// The run, its queue or its response.
    Run,
    /// The model has no task.
    Task,
    /// The model's task creates no embeddings.
    Embeddings,
    /// The model's task ranks no documents.
    Ranking,
    /// The model's task generates no text.
    Completions,
    /// The model takes no tensors.
    Tensors,
    /// The idempotency key.
    Idempotency,
    /// A sealed call, or a plain one that should be sealed.
    Sealed,
    /// The keys for sealed calls cannot be read.
    Sealing,
    /// A usage report with invalid days, or one that is unavailable.
    Report,
    /// Loading and unloading, which are always refused.
    Repository,
}

impl RefusalGroup {
    /// The classes of errors in this group.
    fn classes(self) -> Vec<ErrorClass> {
        let (model, run, quota) = (ModelError::CLASSES, RunError::CLASSES, QuotaError::CLASSES);
        match self {
            Self::Key => [classes_without(AccessError::CLASSES, &["key-scope"]), TokenError::CLASSES.to_vec()].concat(),
            Self::ReadLimits => classes_with(quota, &["rate-limited", "limits-unavailable"]),
            Self::Url => classes_with(RouteError::CLASSES, &["url"]),
            Self::Model => {
                [classes_with(model, &["unknown-model"]), classes_with(AccessError::CLASSES, &["key-scope"])].concat()
            }
            Self::UnknownModel => classes_with(model, &["unknown-model"]),
            Self::Version => classes_with(model, &["unknown-version"]),
            Self::Ready => {
                [classes_with(model, &["not-ready"]), classes_with(CapacityError::CLASSES, &["draining"])].concat()
            }
            Self::Body => {
                [classes_with(InputError::CLASSES, &["malformed-body"]), BodyError::CLASSES.to_vec()].concat()
            }
            Self::Input => classes_with(InputError::CLASSES, &["invalid-input"]),
            Self::Run => [
                run.to_vec(),
                ResponseError::CLASSES.to_vec(),
                classes_without(CapacityError::CLASSES, &["draining"]),
                classes_without(quota, &["usage-unavailable"]),
            ]
            .concat(),
            Self::Task => classes_with(model, &["no-task"]),
            Self::Embeddings => classes_with(model, &["no-embeddings"]),
            Self::Ranking => classes_with(model, &["no-ranking"]),
            Self::Completions => classes_with(model, &["no-completions"]),
            Self::Tensors => classes_with(model, &["no-tensors"]),
            Self::Idempotency => IdempotencyError::CLASSES.to_vec(),
            Self::Sealed => classes_without(SealedCallError::CLASSES, &["no-sealing"]),
            Self::Sealing => classes_with(SealedCallError::CLASSES, &["sealing-unavailable"]),
            Self::Report => {
                [classes_with(InputError::CLASSES, &["invalid-input"]), classes_with(quota, &["usage-unavailable"])]
                    .concat()
            }
            Self::Repository => classes_with(RouteError::CLASSES, &["repository"]),
        }
    }
}

/// The classes with one of `slugs`.
fn classes_with(group: &[ErrorClass], slugs: &[&str]) -> Vec<ErrorClass> {
    group.iter().filter(|class| slugs.contains(&class.slug)).copied().collect()
}

/// The classes with none of `slugs`.
fn classes_without(group: &[ErrorClass], slugs: &[&str]) -> Vec<ErrorClass> {
    group.iter().filter(|class| !slugs.contains(&class.slug)).copied().collect()
}

/// Error responses that routes share.
#[derive(Default)]
pub(super) struct SharedResponses {
    /// The name of the component for each distinct response.
    names: BTreeMap<(u16, Vec<ErrorResponse>), String>,
    all: BTreeMap<String, ResponseObject>,
}

/// A class of errors in the dialect of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ErrorResponse {
    media_type: &'static str,
    what: String,
    headers: Vec<String>,
}

impl SharedResponses {
    /// The responses of `refusals` on `path`, by status, for the operation `id`.
    pub(super) fn for_refusals(
        &mut self,
        refusals: &[RefusalGroup],
        path: &str,
        id: &str,
        schemas: &mut SchemaRegistry,
    ) -> BTreeMap<String, RefOr<ResponseObject>> {
        let dialect = Dialect::of(path);
        let mut by_status = BTreeMap::<_, Vec<ErrorResponse>>::new();
        for refusal in refusals {
            for class in refusal.classes() {
                let error = ErrorResponse::of(&class, dialect);
                let of_status = by_status.entry(class.status).or_default();
                if !of_status.contains(&error) {
                    of_status.push(error);
                }
            }
            if *refusal == RefusalGroup::Sealed {
                // A message that cannot be opened has responses of its own (RFC 9458 §5.3).
                for (status, kind, title) in [
                    (400, "about:blank", "the sealed request could not be opened"),
                    (422, KEY_PROBLEM, "the key is not one of this function"),
                ] {
                    let (media_type, headers) = (problem::MEDIA_TYPE, Vec::new());
                    let error = ErrorResponse { media_type, what: format!("{title} (`{kind}`)"), headers };
                    by_status.entry(status).or_default().push(error);
                }
            }
        }
        let answers = by_status.into_iter().map(|(status, errors)| {
            let name = self.name(dialect, status, errors, id, schemas);
            (status.to_string(), RefOr::component("responses", &name))
        });
        answers.collect()
    }

    pub(super) fn finish(self) -> BTreeMap<String, ResponseObject> {
        self.all
    }

    /// The name of the component for the errors `errors` with `status`. If the status already has another component, the name ends with the
    /// operation's id.
    fn name(
        &mut self,
        dialect: Dialect,
        status: u16,
        errors: Vec<ErrorResponse>,
        id: &str,
        schemas: &mut SchemaRegistry,
    ) -> String {
        if let Some(name) = self.names.get(&(status, errors.clone())) {
            return name.clone();
        }
        let usual = format!("{dialect:?}.{status}");
        let name = if self.all.contains_key(&usual) { format!("{usual}.{id}") } else { usual };
        self.all.insert(name.clone(), response_object(dialect, &errors, schemas));
        self.names.insert((status, errors), name.clone());
        name
    }
}

impl ErrorResponse {
    fn of(class: &ErrorClass, dialect: Dialect) -> Self {
        let (dialect, title) = (dialect.for_class(class), class.title);
        let (media_type, what) = match dialect {
            Dialect::Problem => (problem::MEDIA_TYPE, format!("{title} (`{}`)", problem_type(class))),
            Dialect::OpenAi => ("application/json", format!("{title} (`{}`)", openai_code(class))),
            Dialect::OpenInference => ("application/json", title.to_owned()),
        };
        let headers = header_names(class).iter().map(|name| name.as_str().to_owned()).collect();
        Self { media_type, what, headers }
    }
}

fn response_object(dialect: Dialect, errors: &[ErrorResponse], schemas: &mut SchemaRegistry) -> ResponseObject {
    let mut content = ContentObject::new();
    for ErrorResponse { media_type, .. } in errors {
        let schema = match (dialect, *media_type) {
            (_, problem::MEDIA_TYPE) => schemas.written::<Problem>(),
            (Dialect::OpenAi, _) => schemas.written::<openai::ErrorBody>(),
            _ => schemas.written::<oip::ErrorBody>(),
        };
        content.insert(media_type, MediaTypeObject { schema: Some(schema), example: None });
    }
    let headers = errors.iter().flat_map(|error| &error.headers).map(String::as_str);
    let headers = std::iter::once(amaas_wire::predict::REQUEST_ID).chain(headers);
    ResponseObject {
        description: errors.iter().map(|error| error.what.as_str()).collect::<Vec<_>>().join("; "),
        headers: headers.map(|name| (name.to_owned(), RefOr::component("headers", name))).collect(),
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    const REFUSALS: [RefusalGroup; 20] = [
        RefusalGroup::Key,
        RefusalGroup::ReadLimits,
        RefusalGroup::Url,
        RefusalGroup::Model,
        RefusalGroup::UnknownModel,
        RefusalGroup::Version,
        RefusalGroup::Ready,
        RefusalGroup::Body,
        RefusalGroup::Input,
        RefusalGroup::Run,
        RefusalGroup::Task,
        RefusalGroup::Embeddings,
        RefusalGroup::Ranking,
        RefusalGroup::Completions,
        RefusalGroup::Tensors,
        RefusalGroup::Idempotency,
        RefusalGroup::Sealed,
        RefusalGroup::Sealing,
        RefusalGroup::Report,
        RefusalGroup::Repository,
    ];

    #[test]
    fn every_class_is_documented_and_every_slug_exists() {
        let documented: Vec<_> = REFUSALS.into_iter().flat_map(RefusalGroup::classes).map(|class| class.slug).collect();
        // The router's own response to unknown paths belongs to no route.
        let of_no_route = ["unknown-route", "method", "no-sealing"];
        for class in Error::GROUPS.concat() {
            let expected = !of_no_route.contains(&class.slug);
            assert_eq!(documented.contains(&class.slug), expected, "{}", class.slug);
        }
        for (refusal, count) in [
            (RefusalGroup::ReadLimits, 2),
            (RefusalGroup::Ready, 2),
            (RefusalGroup::Model, 2),
            (RefusalGroup::Report, 4),
        ] {
            assert_eq!(refusal.classes().len(), count, "{refusal:?}");
        }
    }
}
