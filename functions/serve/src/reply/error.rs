//! Renders errors in the format of the route: problem document, Open Inference Protocol or `OpenAI`.

use amaas_wire::oip::ErrorBody;
use amaas_wire::openai;
use amaas_wire::predict::NOT_PROCESSED;
use amaas_wire::problem::{self, Problem};
use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, header};

use crate::error::SealedCallError;
use crate::error::{Error, is_not_processed};
use crate::headers::{RATELIMIT_REMAINING, RATELIMIT_RESET};
use amaas_access::quota::QuotaError;
use amaas_ohttp::DATE_PROBLEM;
use amaas_wire::ErrorClass;

/// Passes the error to `respond`, which knows the route and the request's id.
impl IntoResponse for Error {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

/// The format of errors on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// RFC 9457.
    Problem,
    /// Open Inference Protocol.
    OpenInference,
    /// `OpenAI`'s error object.
    OpenAi,
}

impl Dialect {
    /// The dialect of `path`, also for paths without a route: clients of `OpenAI` show error messages in their own format only.
    pub(crate) fn of(path: &str) -> Self {
        let below = |root: &str| path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        // Our own routes among those of `OpenAI`.
        let is_own_route = |rest: &str| match rest.trim_start_matches('/').split_once('/') {
            Some(("models", model)) => model.contains('/'),
            Some((first, _)) => matches!(first, "keys" | "usage"),
            None => matches!(rest.trim_start_matches('/'), "keys" | "usage"),
        };
        if path == "/v2/rerank" {
            return Self::OpenAi;
        }
        if below("/v2").is_some() {
            return Self::OpenInference;
        }
        if let Some(rest) = below("/v1") {
            return if is_own_route(rest) { Self::Problem } else { Self::OpenAi };
        }
        // Paths of Azure, and of clients that leave `/v1` out of the base URL.
        let openai_roots =
            ["/openai", "/chat", "/completions", "/embeddings", "/rerank", "/responses", "/models", "/engines"];
        if openai_roots.iter().any(|root| below(root).is_some()) { Self::OpenAi } else { Self::Problem }
    }

    /// The dialect of errors of `class` on a route with this dialect: sealing clients read problem documents on all routes.
    pub(crate) fn for_class(self, class: &ErrorClass) -> Self {
        if matches!(class.slug, "date" | "replayed") { Self::Problem } else { self }
    }
}

/// The response for `error`.
pub(crate) fn render(error: &Error, dialect: Dialect, request_id: &str) -> Response<Body> {
    let (class, detail) = (error.class(), error.to_string());
    let (body, media_type) = match dialect.for_class(&class) {
        Dialect::OpenInference => (serde_json::to_vec(&ErrorBody { error: detail }), "application/json"),
        Dialect::OpenAi => (serde_json::to_vec(&openai_body(error, detail)), "application/json"),
        Dialect::Problem => {
            let problem = Problem {
                kind: problem_type(&class),
                title: class.title.to_owned(),
                status: class.status,
                detail,
                request_id: Some(request_id.to_owned()),
            };
            (serde_json::to_vec(&problem), problem::MEDIA_TYPE)
        }
    };
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    for name in header_names(&class) {
        if let Some(value) = header_value(error, &name) {
            headers.insert(name, value);
        }
    }
    response
}

/// The names of headers on errors of `class`, beside content type and request id.
pub(crate) fn header_names(class: &ErrorClass) -> Vec<HeaderName> {
    let mut names = Vec::new();
    if class.is_retryable {
        names.push(header::RETRY_AFTER);
    }
    match class.slug {
        "rate-limited" | "quota-exhausted" => {
            names.extend([HeaderName::from_static(RATELIMIT_REMAINING), HeaderName::from_static(RATELIMIT_RESET)]);
        }
        // RFC 9458 §6.5.2: the client corrects its clock.
        "date" => names.push(header::DATE),
        // RFC 9110 §15.5.16
        "content-coding" => names.push(header::ACCEPT_ENCODING),
        _ => {}
    }
    if is_not_processed(class) {
        names.push(HeaderName::from_static(NOT_PROCESSED));
    }
    if class.status == 401 {
        names.push(header::WWW_AUTHENTICATE);
    }
    names
}

fn header_value(error: &Error, name: &HeaderName) -> Option<HeaderValue> {
    match (name.as_str(), error) {
        ("retry-after", error) => error.retry_after().map(|after| after.as_secs().into()),
        (RATELIMIT_REMAINING, _) => Some(0_u64.into()),
        (
            RATELIMIT_RESET,
            Error::Quota(QuotaError::RateLimited { wait, .. } | QuotaError::QuotaExhausted { wait, .. }),
        ) => Some(wait.as_secs().saturating_add(1).into()),
        ("date", Error::Sealed(SealedCallError::Date { now, .. })) => HeaderValue::from_str(now).ok(),
        ("accept-encoding", _) => Some(HeaderValue::from_static("gzip, deflate")),
        (NOT_PROCESSED, error) => error.is_not_processed().then(|| HeaderValue::from_static("true")),
        ("www-authenticate", _) => Some(HeaderValue::from_static("Bearer")),
        _ => None,
    }
}

/// The `type` of problem documents with errors of `class`.
pub(crate) fn problem_type(class: &ErrorClass) -> String {
    match class.slug {
        "date" => DATE_PROBLEM.to_owned(),
        slug => format!("{}{slug}", problem::TYPE_PREFIX),
    }
}

/// The body of an error event in a streamed response, after the status was sent.
pub(crate) fn error_event(error: &Error) -> openai::ErrorBody {
    tracing::error!(kind = error.slug(), %error, cause = error.internal_text(), "streamed response failed");
    openai_body(error, error.to_string())
}

/// `error` with the type and code that `OpenAI` uses, or our own code if `OpenAI` has none.
fn openai_body(error: &Error, message: String) -> openai::ErrorBody {
    let kind = match error.status().as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..500 => "invalid_request_error",
        _ => "server_error",
    };
    let code = openai_code(&error.class());
    let param = error.param().map(str::to_owned);
    openai::ErrorBody { error: openai::ErrorObject { message, kind: kind.to_owned(), param, code: Some(code) } }
}

/// The `code` of errors of `class` on `OpenAI` routes.
pub(crate) fn openai_code(class: &ErrorClass) -> String {
    match (class.status, class.slug) {
        (_, "unknown-model") => "model_not_found".to_owned(),
        (401, _) => "invalid_api_key".to_owned(),
        (_, "rate-limited") => "rate_limit_exceeded".to_owned(),
        (_, "quota-exhausted" | "budget-exhausted" | "key-budget-exhausted") => "insufficient_quota".to_owned(),
        (_, slug) => slug.replace('-', "_"),
    }
}

#[cfg(test)]
mod tests {
    use amaas_access::AccessError;
    use amaas_engine::RunError;
    use amaas_model::ModelError;

    use super::*;

    #[test]
    fn routes_have_the_dialect_of_their_callers() {
        for (path, expected) in [
            ("/v2", Dialect::OpenInference),
            ("/v2/models/m/infer", Dialect::OpenInference),
            ("/v1/completions", Dialect::OpenAi),
            ("/v1/embeddings", Dialect::OpenAi),
            ("/v1/rerank", Dialect::OpenAi),
            ("/v2/rerank", Dialect::OpenAi),
            ("/v2/rerank/m", Dialect::OpenInference),
            ("/rerank", Dialect::OpenAi),
            ("/v1/models", Dialect::OpenAi),
            ("/v1/models/m", Dialect::OpenAi),
            ("/v1/models/", Dialect::OpenAi),
            ("/v1", Dialect::OpenAi),
            ("/v1/", Dialect::OpenAi),
            ("/v1/chat/completions", Dialect::OpenAi),
            ("/v1/responses", Dialect::OpenAi),
            ("/v1/v1/embeddings", Dialect::OpenAi),
            ("/v1/models/m/predict", Dialect::Problem),
            ("/v1/models/m/predict/", Dialect::Problem),
            ("/v1/usage", Dialect::Problem),
            ("/v1/keys/manifest", Dialect::Problem),
            ("/openai/deployments/m/embeddings", Dialect::OpenAi),
            ("/chat/completions", Dialect::OpenAi),
            ("/v1x", Dialect::Problem),
            ("/v2/", Dialect::OpenInference),
            ("/v2/nope", Dialect::OpenInference),
            ("/v22", Dialect::Problem),
            ("/.well-known/ohttp-gateway", Dialect::Problem),
            ("/v1/models/m/keys", Dialect::Problem),
            ("/v1/keys", Dialect::Problem),
            ("/", Dialect::Problem),
        ] {
            assert_eq!(Dialect::of(path), expected, "{path}");
        }
    }

    #[test]
    fn openai_errors_name_member_and_code() {
        let body = |error: &Error| serde_json::to_value(openai_body(error, error.to_string())).expect("JSON");
        let expected = serde_json::json!({"error": {
            "message": "unknown model \"m\"", "type": "invalid_request_error", "param": "model", "code": "model_not_found",
        }});
        assert_eq!(body(&Error::Model(ModelError::UnknownModel { model: "m".to_owned() })), expected);
        let error = body(&Error::Access(AccessError::KeyUnknown));
        assert_eq!(
            (&error["error"]["type"], &error["error"]["code"]),
            (&"authentication_error".into(), &"invalid_api_key".into())
        );
        let error = body(&Error::Run(RunError::QueueFull));
        assert_eq!((&error["error"]["type"], &error["error"]["code"]), (&"server_error".into(), &"queue_full".into()));
    }
}
