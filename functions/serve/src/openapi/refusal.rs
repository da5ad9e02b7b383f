//! What a call can be refused for, as responses: read off the answers that the errors themselves become.

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

/// Why calls of a kind are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalGroup {
    /// No key, or none that is good.
    Key,
    /// Calls that only look are as many as the minute's limits let in.
    Looks,
    /// The path or the query cannot be read.
    Url,
    /// The model, or whether the key may use it.
    Model,
    /// The model alone.
    UnknownModel,
    /// The version in the path or the query.
    Version,
    /// The model is not loaded, or the function stops.
    Ready,
    /// The body is not one that is read.
    Body,
    /// What the body says is not what the model takes.
    Input,
    /// The network, its queue or its answer.
    Run,
    /// The model has no task.
    Task,
    /// The model's task makes no vectors.
    Embeddings,
    /// The model's task completes no texts.
    Completions,
    /// The model takes no tensors.
    Tensors,
    /// The idempotency key.
    Once,
    /// What is sealed, or should be.
    Sealed,
    /// The keys for sealed calls cannot be read.
    Sealing,
    /// The days of a report, or the report.
    Days,
    /// Models are not managed by calls.
    Repository,
}

impl RefusalGroup {
    /// The classes of its errors, in the order of their groups.
    fn classes(self) -> Vec<ErrorClass> {
        let (model, run, quota) = (ModelError::CLASSES, RunError::CLASSES, QuotaError::CLASSES);
        match self {
            Self::Key => [all_but(AccessError::CLASSES, &["key-scope"]), TokenError::CLASSES.to_vec()].concat(),
            Self::Looks => only(quota, &["rate-limited", "limits-unavailable"]),
            Self::Url => only(RouteError::CLASSES, &["url"]),
            Self::Model => [only(model, &["unknown-model"]), only(AccessError::CLASSES, &["key-scope"])].concat(),
            Self::UnknownModel => only(model, &["unknown-model"]),
            Self::Version => only(model, &["unknown-version"]),
            Self::Ready => [only(model, &["not-ready"]), only(CapacityError::CLASSES, &["draining"])].concat(),
            Self::Body => [only(InputError::CLASSES, &["malformed-body"]), BodyError::CLASSES.to_vec()].concat(),
            Self::Input => only(InputError::CLASSES, &["invalid-input"]),
            Self::Run => [
                run.to_vec(),
                ResponseError::CLASSES.to_vec(),
                all_but(CapacityError::CLASSES, &["draining"]),
                all_but(quota, &["usage-unavailable"]),
            ]
            .concat(),
            Self::Task => only(model, &["no-task"]),
            Self::Embeddings => only(model, &["no-embeddings"]),
            Self::Completions => only(model, &["no-completions"]),
            Self::Tensors => only(model, &["no-tensors"]),
            Self::Once => IdempotencyError::CLASSES.to_vec(),
            Self::Sealed => all_but(SealedCallError::CLASSES, &["no-sealing"]),
            Self::Sealing => only(SealedCallError::CLASSES, &["sealing-unavailable"]),
            Self::Days => [only(InputError::CLASSES, &["invalid-input"]), only(quota, &["usage-unavailable"])].concat(),
            Self::Repository => only(RouteError::CLASSES, &["repository"]),
        }
    }
}

/// The classes with one of `slugs`.
fn only(group: &[ErrorClass], slugs: &[&str]) -> Vec<ErrorClass> {
    group.iter().filter(|class| slugs.contains(&class.slug)).copied().collect()
}

/// The classes with none of `slugs`.
fn all_but(group: &[ErrorClass], slugs: &[&str]) -> Vec<ErrorClass> {
    group.iter().filter(|class| !slugs.contains(&class.slug)).copied().collect()
}

/// Error responses that routes share.
#[derive(Default)]
pub(super) struct SharedResponses {
    /// What makes a response, and its name.
    names: BTreeMap<(u16, Vec<ErrorResponse>), String>,
    all: BTreeMap<String, ResponseObject>,
}

/// A kind of error, in the words and the shape of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ErrorResponse {
    media_type: &'static str,
    what: String,
    headers: Vec<String>,
}

impl SharedResponses {
    /// The responses of `refusals` on `path`, by status, for the operation `id`.
    pub(super) fn of(
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
                let said = ErrorResponse::of(&class, dialect);
                let of_status = by_status.entry(class.status).or_default();
                if !of_status.contains(&said) {
                    of_status.push(said);
                }
            }
            if *refusal == RefusalGroup::Sealed {
                // What cannot be opened at all has a shape of its own (RFC 9458 §5.3).
                for (status, kind, title) in [
                    (400, "about:blank", "the sealed request could not be opened"),
                    (422, KEY_PROBLEM, "the key is not one of this function"),
                ] {
                    let (media_type, headers) = (problem::MEDIA_TYPE, Vec::new());
                    let said = ErrorResponse { media_type, what: format!("{title} (`{kind}`)"), headers };
                    by_status.entry(status).or_default().push(said);
                }
            }
        }
        let answers = by_status.into_iter().map(|(status, said)| {
            let name = self.name(dialect, status, said, id, schemas);
            (status.to_string(), RefOr::component("responses", &name))
        });
        answers.collect()
    }

    pub(super) fn finish(self) -> BTreeMap<String, ResponseObject> {
        self.all
    }

    /// The name of the response for all that is `said` with `status`: that of the first operation that has it stands in it where there
    /// are several for one status.
    fn name(
        &mut self,
        dialect: Dialect,
        status: u16,
        said: Vec<ErrorResponse>,
        id: &str,
        schemas: &mut SchemaRegistry,
    ) -> String {
        if let Some(name) = self.names.get(&(status, said.clone())) {
            return name.clone();
        }
        let usual = format!("{dialect:?}.{status}");
        let name = if self.all.contains_key(&usual) { format!("{usual}.{id}") } else { usual };
        self.all.insert(name.clone(), answer(dialect, &said, schemas));
        self.names.insert((status, said), name.clone());
        name
    }
}

impl ErrorResponse {
    fn of(class: &ErrorClass, dialect: Dialect) -> Self {
        let (dialect, title) = (dialect.of_class(class), class.title);
        let (media_type, what) = match dialect {
            Dialect::Problem => (problem::MEDIA_TYPE, format!("{title} (`{}`)", problem_type(class))),
            Dialect::OpenAi => ("application/json", format!("{title} (`{}`)", openai_code(class))),
            Dialect::OpenInference => ("application/json", title.to_owned()),
        };
        let headers = header_names(class).iter().map(|name| name.as_str().to_owned()).collect();
        Self { media_type, what, headers }
    }
}

fn answer(dialect: Dialect, said: &[ErrorResponse], schemas: &mut SchemaRegistry) -> ResponseObject {
    let mut content = ContentObject::new();
    for ErrorResponse { media_type, .. } in said {
        let schema = match (dialect, *media_type) {
            (_, problem::MEDIA_TYPE) => schemas.written::<Problem>(),
            (Dialect::OpenAi, _) => schemas.written::<openai::ErrorBody>(),
            _ => schemas.written::<oip::ErrorBody>(),
        };
        content.insert(media_type, MediaTypeObject { schema: Some(schema), example: None });
    }
    let headers = said.iter().flat_map(|said| &said.headers).map(String::as_str);
    let headers = std::iter::once(amaas_wire::predict::REQUEST_ID).chain(headers);
    ResponseObject {
        description: said.iter().map(|said| said.what.as_str()).collect::<Vec<_>>().join("; "),
        headers: headers.map(|name| (name.to_owned(), RefOr::component("headers", name))).collect(),
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    const REFUSALS: [RefusalGroup; 19] = [
        RefusalGroup::Key,
        RefusalGroup::Looks,
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
        RefusalGroup::Completions,
        RefusalGroup::Tensors,
        RefusalGroup::Once,
        RefusalGroup::Sealed,
        RefusalGroup::Sealing,
        RefusalGroup::Days,
        RefusalGroup::Repository,
    ];

    #[test]
    fn every_class_is_documented_and_every_slug_exists() {
        let documented: Vec<_> = REFUSALS.into_iter().flat_map(RefusalGroup::classes).map(|class| class.slug).collect();
        // What the router answers for URLs without a route is of no route.
        let of_no_route = ["unknown-route", "method", "no-sealing"];
        for class in Error::GROUPS.concat() {
            let expected = !of_no_route.contains(&class.slug);
            assert_eq!(documented.contains(&class.slug), expected, "{}", class.slug);
        }
        for (refusal, count) in
            [(RefusalGroup::Looks, 2), (RefusalGroup::Ready, 2), (RefusalGroup::Model, 2), (RefusalGroup::Days, 4)]
        {
            assert_eq!(refusal.classes().len(), count, "{refusal:?}");
        }
    }
}
