//! The router of a function, which all hosts share.

mod body_model;
mod classification;
mod completions;
pub(crate) mod config;
mod embeddings;
pub(crate) mod health;
pub(crate) mod infer;
#[cfg(test)]
mod members_reference;
mod models;
#[cfg(feature = "openapi")]
mod openapi;
mod predict;
mod query;
#[cfg(test)]
mod reference;
pub(crate) mod repository;
mod rerank;
mod response_id;
mod route;
pub(crate) mod stats;
mod usage;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use http::Response;

use self::route::Route;
use crate::error::Error;
use crate::error::RouteError;
use crate::idempotency::idempotency_layer;
use crate::openapi as document;
use crate::reply::{compress, record_route, respond};
use crate::seal;
use crate::state::AppState;

/// The router of a host with `state`.
pub fn router(state: AppState) -> Router {
    let idempotency = axum::middleware::from_fn_with_state(state.clone(), idempotency_layer);
    let routes = route::router(path_routes())
        .layer(idempotency)
        .merge(route::router(body_routes()))
        .fallback(async || Error::Route(RouteError::Unknown { routes: paths().join(", ") }))
        .method_not_allowed_fallback(async || Error::Route(RouteError::Method))
        .layer(axum::middleware::from_fn(record_route))
        .with_state(state.clone());
    // A router matches the route before its own layers run, and a sealed call has to be opened before that.
    let origins = state.origins().clone();
    let request_layers = axum::middleware::from_fn_with_state(state, request_layers);
    crate::cors::with_cors(Router::new().fallback_service(routes).layer(request_layers), origins)
}

/// The layers around every route, from the outside in: respond, compress, open. They are one layer, since each costs allocations.
async fn request_layers(State(state): State<AppState>, request: Request, next: Next) -> Response<Body> {
    let opened = |request| seal::open(state, request, |request| next.run(request));
    respond(request, |request| compress(request, opened)).await
}

/// All routes, in the order of the `OpenAPI` document.
fn routes() -> Vec<Route> {
    let mut all = path_routes();
    all.extend(body_routes());
    all
}

/// The distinct paths of all routes.
fn paths() -> Vec<&'static str> {
    let mut paths: Vec<_> = routes().iter().map(|route| route.path).filter(|path| !path.ends_with('/')).collect();
    paths.dedup();
    paths
}

/// Routes that name the model in their path, or have none.
fn path_routes() -> Vec<Route> {
    use document::{keys, native, protocol};
    Vec::from([
        #[cfg(feature = "openapi")]
        Route::get("/openapi.json", openapi::openapi, native::document),
        Route::get("/v1/models", models::list, native::list),
        // For clients that add a trailing slash.
        Route::get("/v1/models/", models::list, |_| None),
        Route::get("/v1/models/{model}", models::one, native::one),
        Route::post("/v1/models/{model}/predict", predict::predict, native::predict),
        Route::get("/v1/usage", usage::usage, native::usage),
        Route::get("/v1/models/{model}/keys", seal::model_list, keys::model_list),
        Route::get("/v1/models/{model}/keys/manifest", seal::model_manifest, keys::model_manifest),
        Route::get("/v1/keys", seal::list, keys::list),
        Route::get("/v1/keys/manifest", seal::manifest, keys::manifest),
        Route::get("/.well-known/ohttp-gateway", seal::list, keys::gateway),
        Route::get("/v2", health::server, protocol::server),
        Route::get("/v2/", health::server, |_| None),
        Route::get("/v2/health/live", health::live, protocol::live),
        Route::get("/v2/health/ready", health::ready, protocol::ready),
        Route::get("/v2/models/{model}", models::metadata, protocol::metadata),
        Route::get("/v2/models/{model}/ready", health::model_ready, protocol::model_ready),
        Route::post("/v2/models/{model}/infer", infer::infer, protocol::infer),
        Route::get("/v2/models/{model}/config", config::config, protocol::config),
        Route::get("/v2/models/{model}/stats", stats::one, protocol::stats),
        Route::get("/v2/models/{model}/versions/{version}", models::metadata, protocol::version_metadata),
        Route::get("/v2/models/{model}/versions/{version}/ready", health::model_ready, protocol::version_ready),
        Route::post("/v2/models/{model}/versions/{version}/infer", infer::infer, protocol::version_infer),
        Route::get("/v2/models/{model}/versions/{version}/config", config::config, protocol::version_config),
        Route::get("/v2/models/{model}/versions/{version}/stats", stats::one, protocol::version_stats),
        Route::get("/v2/models/stats", stats::all, protocol::all_stats),
        Route::post("/v2/repository/index", repository::index, protocol::index),
        Route::post("/v2/repository/models/{model}/load", repository::refuse, protocol::load),
        Route::post("/v2/repository/models/{model}/unload", repository::refuse, protocol::unload),
    ])
}

/// Routes that name the model in their body. `body_model` reads it before it looks for a stored response.
fn body_routes() -> Vec<Route> {
    use document::openai;
    vec![
        Route::post("/v1/completions", completions::completions, openai::completions),
        Route::post("/v1/embeddings", embeddings::embeddings, openai::embeddings),
        Route::post("/v1/rerank", rerank::rerank, openai::rerank),
        // The path of Cohere's newer clients.
        Route::post("/v2/rerank", rerank::rerank, openai::rerank_v2),
    ]
}

#[cfg(test)]
mod tests {
    use http::Method;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::limits::Limits;
    use amaas_access::Accounts;

    #[tokio::test]
    async fn what_is_not_there_is_told_in_the_words_of_who_asks() {
        let openai = "/error/message";
        for (method, path, status, words) in [
            (Method::POST, "/v1/chat/completions", 404, openai),
            (Method::POST, "/v1/responses", 404, openai),
            (Method::POST, "/openai/deployments/m/embeddings?api-version=2024-10-21", 404, openai),
            (Method::POST, "/embeddings", 404, openai),
            (Method::GET, "/v1/completions", 405, openai),
            (Method::GET, "/v1/rerank", 405, openai),
            (Method::GET, "/v2/rerank", 405, openai),
            (Method::POST, "/v2/rerank", 401, openai),
            (Method::POST, "/rerank", 404, openai),
            (Method::POST, "/v1/models", 405, openai),
            (Method::POST, "/v2/nope", 404, "/error"),
            (Method::GET, "/v2/models/m/infer", 405, "/error"),
            (Method::POST, "/v1/usage", 405, "/detail"),
            (Method::GET, "/metrics", 404, "/detail"),
            (Method::GET, "/v1/models/", 401, openai),
            (Method::GET, "/v2/", 200, "/name"),
        ] {
            let state = AppState::builder(Accounts::in_memory().expect("randomness"), Limits::default()).build();
            let request = Request::builder().method(method.clone()).uri(path).body(Body::empty()).expect("a request");
            let answer = router(state).oneshot(request).await.expect("infallible");
            assert_eq!(answer.status(), status, "{method} {path}");
            let body = answer.into_body().collect().await.expect("whole").to_bytes();
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let said = body.pointer(words).and_then(Value::as_str).unwrap_or_default();
            assert!(!said.is_empty(), "{method} {path}: {body}");
            assert!(status != 404 || said.contains("/v1/embeddings"), "{method} {path}: {said}");
        }
    }
}
