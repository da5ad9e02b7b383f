//! What a call can be refused for, as responses: read off the answers that the errors themselves become.

use std::collections::BTreeMap;
use std::time::Duration;

use amaas_ohttp::KEY_PROBLEM;
use amaas_wire::DecodeError;
use amaas_wire::MalformedKey;
use amaas_wire::oip;
use amaas_wire::openai;
use amaas_wire::problem::{self, Problem};
use http::{StatusCode, header};

use super::document::{Answer, Content, Media, Or};
use super::schemas::Schemas;
use crate::access::oidc::TokenError;
use crate::error::Error;
use crate::load::AGAIN;
use crate::reply::{Dialect, render};

/// Why calls of a kind are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
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

impl Refusal {
    /// One error of each kind; what they say of a call is left out.
    fn errors(self) -> Vec<Error> {
        let (model, internal) = (String::new, String::new);
        match self {
            Self::Key => vec![
                Error::KeyMissing,
                Error::KeyMalformed(MalformedKey::Prefix),
                Error::KeyUnknown,
                Error::KeyExpired,
                Error::KeyRevoked,
                Error::Token(TokenError::Expired),
                Error::Token(TokenError::Signature),
                Error::KeyRoutes { routes: "" },
                Error::TenantUnknown { tenant: String::new() },
                Error::TenantSuspended { tenant: String::new() },
                Error::KeysUnavailable { internal: internal() },
            ],
            Self::Looks => vec![
                Error::RateLimited { limit: String::new(), wait: Duration::ZERO },
                Error::QuotasUnavailable { internal: internal() },
            ],
            Self::Url => vec![Error::Url],
            Self::Model => vec![Error::UnknownModel { model: model() }, Error::KeyScope { model: model() }],
            Self::UnknownModel => vec![Error::UnknownModel { model: model() }],
            Self::Version => {
                vec![Error::UnknownVersion { model: model(), got: String::new(), serving: String::new() }]
            }
            Self::Ready => {
                vec![Error::NotReady { model: model(), reason: String::new(), again: Some(AGAIN) }, Error::Draining]
            }
            Self::Body => vec![
                Error::Malformed(DecodeError::Json(String::new())),
                Error::Compressed { coding: "" },
                Error::BodyTimeout { seconds: 0 },
                Error::BodyTooLarge { limit: 0, got: None },
                Error::MediaType { got: String::new() },
                Error::ContentCoding { got: String::new() },
            ],
            Self::Input => vec![Error::InvalidInput(String::new())],
            Self::Run => vec![
                Error::Refused { public: String::new(), internal: internal() },
                Error::RunTooLong { limit: None },
                Error::RunTooLarge { public: String::new(), internal: internal() },
                Error::OutOfMemory { internal: internal() },
                Error::Lost,
                Error::Unwritable(String::new()),
                Error::AnswerTooLarge { limit: 0, got: 0 },
                Error::QueueFull,
                Error::TenantBusy { limit: String::new() },
                Error::Busy { what: "", limit: String::new() },
                Error::RateLimited { limit: String::new(), wait: Duration::ZERO },
                Error::QuotaExhausted { limit: String::new(), wait: Duration::ZERO },
                Error::OverLimit { limit: String::new() },
                Error::BudgetExhausted { budget: String::new() },
                Error::KeyBudgetExhausted { budget: String::new() },
                Error::QuotasUnavailable { internal: internal() },
                Error::internal(""),
            ],
            Self::Task => vec![Error::NoTask { model: model() }],
            Self::Embeddings => vec![Error::NoEmbeddings { model: model() }],
            Self::Completions => vec![Error::NoCompletions { model: model() }],
            Self::Tensors => vec![Error::NoTensors { model: model() }],
            Self::Once => vec![
                Error::IdempotencyKey,
                Error::IdempotencyReused,
                Error::IdempotencyRunning,
                Error::LedgerUnavailable { internal: internal() },
            ],
            Self::Sealed => vec![
                Error::SealingRequired,
                Error::SealedMessage(String::new()),
                Error::Date { reason: String::new(), now: String::new() },
                Error::Replayed,
                Error::ReplaysUnavailable { internal: internal() },
                Error::SealingUnavailable { public: String::new(), internal: internal() },
                Error::SealedBacklog,
            ],
            Self::Sealing => vec![Error::SealingUnavailable { public: String::new(), internal: internal() }],
            Self::Days => {
                vec![Error::parameter("since", String::new()), Error::UsageUnavailable { internal: internal() }]
            }
            Self::Repository => vec![Error::Repository],
        }
    }
}

/// Responses that routes share.
#[derive(Default)]
pub(super) struct Responses {
    /// What makes a response, and its name.
    names: BTreeMap<(StatusCode, Vec<Said>), String>,
    all: BTreeMap<String, Answer>,
}

/// A kind of error, in the words and the shape of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    media_type: &'static str,
    what: String,
    headers: Vec<String>,
}

impl Responses {
    /// The responses of `refusals` on `path`, by status, for the operation `id`.
    pub(super) fn of(
        &mut self,
        refusals: &[Refusal],
        path: &str,
        id: &str,
        schemas: &mut Schemas,
    ) -> BTreeMap<String, Or<Answer>> {
        let dialect = Dialect::of(path);
        let mut by_status = BTreeMap::<_, Vec<Said>>::new();
        for refusal in refusals {
            for error in refusal.errors() {
                let said = Said::of(&error, dialect);
                by_status.entry(error.status()).or_default().push(said);
            }
            if *refusal == Refusal::Sealed {
                // What cannot be opened at all has a shape of its own (RFC 9458 §5.3).
                for (status, kind, title) in [
                    (StatusCode::BAD_REQUEST, "about:blank", "the sealed request could not be opened"),
                    (StatusCode::UNPROCESSABLE_ENTITY, KEY_PROBLEM, "the key is not one of this function"),
                ] {
                    let (media_type, headers) = (problem::MEDIA_TYPE, Vec::new());
                    let said = Said { media_type, what: format!("{title} (`{kind}`)"), headers };
                    by_status.entry(status).or_default().push(said);
                }
            }
        }
        let answers = by_status.into_iter().map(|(status, said)| {
            let name = self.name(dialect, status, said, id, schemas);
            (status.as_str().to_owned(), Or::component("responses", &name))
        });
        answers.collect()
    }

    pub(super) fn finish(self) -> BTreeMap<String, Answer> {
        self.all
    }

    /// The name of the response for all that is `said` with `status`: that of the first operation that has it stands in it where there
    /// are several for one status.
    fn name(
        &mut self,
        dialect: Dialect,
        status: StatusCode,
        said: Vec<Said>,
        id: &str,
        schemas: &mut Schemas,
    ) -> String {
        if let Some(name) = self.names.get(&(status, said.clone())) {
            return name.clone();
        }
        let usual = format!("{dialect:?}.{}", status.as_u16());
        let name = if self.all.contains_key(&usual) { format!("{usual}.{id}") } else { usual };
        self.all.insert(name.clone(), answer(dialect, &said, schemas));
        self.names.insert((status, said), name.clone());
        name
    }
}

impl Said {
    fn of(error: &Error, dialect: Dialect) -> Self {
        let rendered = render(error, dialect, "");
        let problem = rendered.headers().get(header::CONTENT_TYPE).is_some_and(|media| media == problem::MEDIA_TYPE);
        let media_type = if problem { problem::MEDIA_TYPE } else { "application/json" };
        let title = error.title();
        let what = match (dialect, problem) {
            (_, true) => format!("{title} (`{}`)", error.kind()),
            (Dialect::OpenAi, false) => format!("{title} (`{}`)", crate::reply::openai_code(error)),
            _ => title.to_owned(),
        };
        let names = rendered.headers().keys().map(|name| name.as_str().to_owned());
        Self { media_type, what, headers: names.filter(|name| name != header::CONTENT_TYPE.as_str()).collect() }
    }
}

fn answer(dialect: Dialect, said: &[Said], schemas: &mut Schemas) -> Answer {
    let mut content = Content::new();
    for Said { media_type, .. } in said {
        let schema = match (dialect, *media_type) {
            (_, problem::MEDIA_TYPE) => schemas.written::<Problem>(),
            (Dialect::OpenAi, _) => schemas.written::<openai::ErrorBody>(),
            _ => schemas.written::<oip::ErrorBody>(),
        };
        content.insert(media_type, Media { schema: Some(schema), example: None });
    }
    let headers = said.iter().flat_map(|said| &said.headers).map(String::as_str);
    let headers = std::iter::once(amaas_wire::predict::REQUEST_ID).chain(headers);
    Answer {
        description: said.iter().map(|said| said.what.as_str()).collect::<Vec<_>>().join("; "),
        headers: headers.map(|name| (name.to_owned(), Or::component("headers", name))).collect(),
        content,
    }
}
