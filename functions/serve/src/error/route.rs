//! A request that no route accepts.

use amaas_wire::classify;

/// Why no route accepts a request.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum RouteError {
    /// The path or the query cannot be decoded.
    #[error("the path or the query of the URL cannot be read; expected percent-encoded UTF-8")]
    Url,
    /// There is no such route.
    #[error("there is no such route; the routes are {routes}")]
    Unknown { routes: String },
    /// The route does not support the method.
    #[error("the route does not take this method")]
    Method,
    /// The call would load or unload a model.
    #[error(
        "models are not loaded or unloaded by calls to a function; `amaas publish` and `amaas alias` say what is served"
    )]
    Repository,
}

classify! { RouteError {
    Self::Url => 400, "url", "unreadable URL";
    Self::Unknown { .. } => 404, "unknown-route", "unknown route";
    Self::Method => 405, "method", "method not allowed";
    Self::Repository => 403, "repository", "models are not managed here";
} }
