//! Routes without query parameters. An unknown parameter is refused: the client may expect that it changes the response.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::error::Error;

/// A request without parameters in its query.
pub(super) struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let mut names =
            parts.uri.query().unwrap_or_default().split('&').map(|part| part.split('=').next().unwrap_or(part));
        match names.find(|name| !name.is_empty()) {
            None => Ok(Self),
            Some(name) => {
                let name: String = name.chars().take(MAX_ECHOED_NAME_CHARS).collect();
                Err(Error::invalid(format!("the query: this route takes no parameter, got {name:?}")))
            }
        }
    }
}

const MAX_ECHOED_NAME_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_parameter_is_refused_by_its_name() {
        let long = format!("/v2?{}=1", "n".repeat(500));
        for (uri, expected) in [
            ("/v2", None),
            ("/v2?", None),
            ("/v2?&", None),
            ("/v2?version=77", Some("the query: this route takes no parameter, got \"version\"")),
            ("/v2?&x", Some("the query: this route takes no parameter, got \"x\"")),
            (&long, Some(&*format!("the query: this route takes no parameter, got {:?}", "n".repeat(64)))),
        ] {
            let (mut parts, ()) = http::Request::get(uri).body(()).expect("a request").into_parts();
            let refused = NoQuery::from_request_parts(&mut parts, &()).await.err().map(|error| error.to_string());
            assert_eq!(refused.as_deref(), expected, "{uri}");
        }
    }
}
