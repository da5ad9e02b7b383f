//! A route: what answers it, and what it says of itself in the document of the host.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use http::Method;

use crate::openapi::Describe;
use crate::state::Host;

/// One method of one path.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) describe: Describe,
    answer: MethodRouter<Host>,
}

impl Route {
    /// `GET` of `path`.
    pub(super) fn get<T: 'static>(path: &'static str, answer: impl Handler<T, Host>, describe: Describe) -> Self {
        Self { method: Method::GET, path, describe, answer: get(answer) }
    }

    /// `POST` to `path`.
    pub(super) fn post<T: 'static>(path: &'static str, answer: impl Handler<T, Host>, describe: Describe) -> Self {
        Self { method: Method::POST, path, describe, answer: post(answer) }
    }
}

/// The router of `routes`.
pub(super) fn router(routes: Vec<Route>) -> Router<Host> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.answer))
}
