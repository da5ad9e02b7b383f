//! A route: its handler, and its description for the `OpenAPI` document.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};
use http::Method;

#[cfg(feature = "openapi")]
use crate::openapi::DescribeOperation;
#[cfg(not(feature = "openapi"))]
use crate::openapi::{DocumentBuilder, OperationObject};
use crate::state::AppState;

/// One method of one path.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    #[cfg(feature = "openapi")]
    pub(super) describe: DescribeOperation,
    answer: MethodRouter<AppState>,
}

impl Route {
    /// `GET` of `path`.
    #[cfg(feature = "openapi")]
    pub(super) fn get<T: 'static>(
        path: &'static str,
        answer: impl Handler<T, AppState>,
        describe: DescribeOperation,
    ) -> Self {
        Self { method: Method::GET, path, describe, answer: get(answer) }
    }

    /// `GET` of `path`. `_describe` is a zero-sized type, so that the linker drops the functions it calls.
    #[cfg(not(feature = "openapi"))]
    pub(super) fn get<T: 'static>(
        path: &'static str,
        answer: impl Handler<T, AppState>,
        _describe: impl FnOnce(&mut DocumentBuilder) -> Option<OperationObject>,
    ) -> Self {
        Self { method: Method::GET, path, answer: get(answer) }
    }

    /// `POST` to `path`.
    #[cfg(feature = "openapi")]
    pub(super) fn post<T: 'static>(
        path: &'static str,
        answer: impl Handler<T, AppState>,
        describe: DescribeOperation,
    ) -> Self {
        Self { method: Method::POST, path, describe, answer: post(answer) }
    }

    /// `POST` to `path`.
    #[cfg(not(feature = "openapi"))]
    pub(super) fn post<T: 'static>(
        path: &'static str,
        answer: impl Handler<T, AppState>,
        _describe: impl FnOnce(&mut DocumentBuilder) -> Option<OperationObject>,
    ) -> Self {
        Self { method: Method::POST, path, answer: post(answer) }
    }
}

/// The router of `routes`.
pub(super) fn router(routes: Vec<Route>) -> Router<AppState> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.answer))
}
