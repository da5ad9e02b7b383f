//! Names of response headers.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The headers of draft-ietf-httpapi-ratelimit-headers, in the form that most clients read.
pub(crate) const RATELIMIT_LIMIT: &str = "ratelimit-limit";
pub(crate) const RATELIMIT_REMAINING: &str = "ratelimit-remaining";
pub(crate) const RATELIMIT_RESET: &str = "ratelimit-reset";

/// The CORS headers of `headers`, for a response that replaces another.
pub(crate) fn cors_headers(headers: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let of = |name: &HeaderName| name.as_str().starts_with("access-control-") || name == header::VARY;
    headers.iter().filter(move |(name, _)| of(name)).map(|(name, value)| (name.clone(), value.clone()))
}
