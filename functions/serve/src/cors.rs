//! Cross-origin resource sharing: which origins may read responses in a browser (`AMAAS_CORS_ORIGINS`).
//!
//! A preflight has no key, so it is answered here, before any other check. Credentials are not allowed: the page itself sets the header
//! with the key or the token, and the browser adds none.

use std::time::Duration;

use amaas_wire::oip::HEADER_LENGTH;
use amaas_wire::predict::{IDEMPOTENCY_REPLAYED, NOT_PROCESSED, REQUEST_ID, USAGE_BILLED_MS, USAGE_ROWS, USAGE_TOKENS};
use amaas_wire::receipt::RECEIPT;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::{HeaderName, Method, Response, StatusCode, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::config::AllowedOrigins;
use crate::headers::{RATELIMIT_LIMIT, RATELIMIT_REMAINING, RATELIMIT_RESET};

/// Adds CORS to `router`, so that pages of `origins` may read its responses.
pub(crate) fn with_cors(router: Router, origins: AllowedOrigins) -> Router {
    let origins = match origins {
        AllowedOrigins::None => return router,
        AllowedOrigins::Any => AllowOrigin::any(),
        AllowedOrigins::Only(origins) => AllowOrigin::list(origins),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(ALLOWED_METHODS)
        // Clients send headers of their own, such as `x-stainless-lang` of OpenAI's.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED_HEADERS)
        .max_age(PREFLIGHT_MAX_AGE);
    router.layer(layer).layer(from_fn(answer_preflight_without_content))
}

/// Answers a preflight with 204, as it has no content.
async fn answer_preflight_without_content(request: Request, next: Next) -> Response<Body> {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if preflight {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    response
}

const ALLOWED_METHODS: [Method; 2] = [Method::GET, Method::POST];
/// Response headers that pages may read beyond those that every browser exposes.
const EXPOSED_HEADERS: [HeaderName; 16] = [
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    header::DATE,
    header::ALLOW,
    header::ACCEPT_ENCODING,
    HeaderName::from_static(REQUEST_ID),
    HeaderName::from_static(NOT_PROCESSED),
    HeaderName::from_static(IDEMPOTENCY_REPLAYED),
    HeaderName::from_static(USAGE_ROWS),
    HeaderName::from_static(USAGE_BILLED_MS),
    HeaderName::from_static(USAGE_TOKENS),
    HeaderName::from_static(RATELIMIT_LIMIT),
    HeaderName::from_static(RATELIMIT_REMAINING),
    HeaderName::from_static(RATELIMIT_RESET),
    HeaderName::from_static(HEADER_LENGTH),
    HeaderName::from_static(RECEIPT),
];
/// How long browsers cache a preflight; none caches it for longer.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(2);

#[cfg(test)]
mod tests {
    use amaas_wire::predict::IDEMPOTENCY_KEY;
    use http::HeaderValue;
    use tower::ServiceExt;

    use super::*;
    use crate::limits::Limits;
    use crate::router::router;
    use crate::state::AppState;
    use amaas_access::Accounts;

    async fn answer(origins: AllowedOrigins, request: http::request::Builder) -> Response<Body> {
        let state =
            AppState::builder(Accounts::in_memory().expect("randomness"), Limits::default()).cors(origins).build();
        router(state).oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible")
    }

    fn only() -> AllowedOrigins {
        AllowedOrigins::Only(vec![HeaderValue::from_static("https://a.example")])
    }

    #[tokio::test]
    async fn a_preflight_needs_no_key_and_no_model() {
        let preflight = |origin| {
            let request = http::Request::options("/v1/models/nope/predict").header("origin", origin);
            let request = request.header("access-control-request-method", "POST");
            request.header("access-control-request-headers", "authorization,idempotency-key,x-stainless-lang")
        };
        for (origins, origin, status, allowed) in [
            (AllowedOrigins::None, "https://a.example", 405, None),
            (AllowedOrigins::Any, "https://b.example", 204, Some("*")),
            (only(), "https://a.example", 204, Some("https://a.example")),
            (only(), "https://b.example", 204, None),
            (only(), "https://a.example.evil", 204, None),
            (only(), "null", 204, None),
        ] {
            let response = answer(origins, preflight(origin)).await;
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text"));
            assert_eq!(response.status(), status, "{origin}");
            assert_eq!(header("access-control-allow-origin"), allowed, "{origin}");
            assert_eq!(header("access-control-allow-credentials"), None, "{origin}");
            if status == 204 {
                assert_eq!(header("access-control-allow-methods"), Some("GET,POST"));
                assert_eq!(
                    header("access-control-allow-headers"),
                    Some("authorization,idempotency-key,x-stainless-lang")
                );
                assert_eq!(header("access-control-max-age"), Some("7200"));
                assert!(header("vary").is_some_and(|vary| vary.contains("origin")), "{:?}", header("vary"));
            }
        }
    }

    /// A Function URL and an HTTP API answer preflights in place of the function, with the same values.
    #[test]
    fn terraform_says_the_same() {
        #[derive(serde::Deserialize)]
        struct Sharing {
            methods: Vec<String>,
            headers: Vec<String>,
            expose_headers: Vec<String>,
            max_age_s: u64,
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/modules/function/cors.json");
        let text = std::fs::read_to_string(path).expect("the file exists");
        let sharing: Sharing = serde_json::from_str(&text).expect("JSON");
        let mut exposed = EXPOSED_HEADERS.map(|name| name.as_str().to_owned());
        exposed.sort();
        assert_eq!(sharing.methods, ALLOWED_METHODS.map(|method| method.to_string()));
        assert_eq!(sharing.expose_headers, exposed);
        assert_eq!(Duration::from_secs(sharing.max_age_s), PREFLIGHT_MAX_AGE);
        for read in ["authorization", "x-api-key", "content-type", IDEMPOTENCY_KEY, REQUEST_ID, HEADER_LENGTH] {
            assert!(sharing.headers.iter().any(|header| header == read), "{read}");
        }
    }

    #[tokio::test]
    async fn answers_and_errors_can_be_read() {
        for (path, status) in [("/v2/health/live", 200), ("/v1/models", 401), ("/nope", 404)] {
            for (origin, allowed) in [("https://a.example", Some("https://a.example")), ("https://b.example", None)] {
                let response = answer(only(), http::Request::get(path).header("origin", origin)).await;
                let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text"));
                assert_eq!(response.status(), status, "{path}");
                assert_eq!(header("access-control-allow-origin"), allowed, "{path} {origin}");
                let exposed = header("access-control-expose-headers").expect("the header exists");
                assert!(["x-request-id", "retry-after", "ratelimit-reset"].iter().all(|name| exposed.contains(name)));
            }
        }
    }
}
