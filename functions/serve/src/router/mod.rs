//! The routes of a function, one router under every host.

mod completions;
pub(crate) mod config;
mod embeddings;
pub(crate) mod health;
mod host;
pub(crate) mod infer;
mod matching;
mod models;
mod predict;
pub(crate) mod repository;
pub(crate) mod stats;

use axum::Router;
use axum::routing::{get, post};

pub use self::host::Host;
use crate::error::Error;
use crate::reply::{compress, named, respond};
use crate::request::once;
use crate::seal;

/// The router of `host`.
pub fn router(host: Host) -> Router {
    let by_path = Router::new()
        .route("/v2", get(health::server))
        .route("/v2/", get(health::server))
        .route("/v2/health/live", get(health::live))
        .route("/v2/health/ready", get(health::ready))
        .route("/v2/models/{model}", get(models::metadata))
        .route("/v2/models/{model}/ready", get(health::model_ready))
        .route("/v2/models/{model}/infer", post(infer::infer))
        .route("/v2/models/{model}/versions/{version}", get(models::metadata))
        .route("/v2/models/{model}/versions/{version}/ready", get(health::model_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer::infer))
        .route("/v2/models/{model}/config", get(config::config))
        .route("/v2/models/{model}/versions/{version}/config", get(config::config))
        .route("/v2/models/stats", get(stats::all))
        .route("/v2/models/{model}/stats", get(stats::one))
        .route("/v2/models/{model}/versions/{version}/stats", get(stats::one))
        .route("/v2/repository/index", post(repository::index))
        .route("/v2/repository/models/{model}/load", post(repository::refuse))
        .route("/v2/repository/models/{model}/unload", post(repository::refuse))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{model}", get(models::one))
        .route("/v1/models/{model}/predict", post(predict::predict))
        .route("/v1/models/{model}/keys", get(seal::model_list))
        .route("/v1/models/{model}/keys/manifest", get(seal::model_manifest))
        .route("/v1/keys", get(seal::list))
        .route("/v1/keys/manifest", get(seal::manifest))
        .route("/.well-known/ohttp-gateway", get(seal::list))
        .layer(axum::middleware::from_fn_with_state(host.clone(), once));
    // What names the model in the body: an answer that is kept must not be given before the key's scope was looked at.
    let by_body = Router::new()
        .route("/v1/completions", post(completions::completions))
        .route("/v1/embeddings", post(embeddings::embeddings))
        .layer(axum::middleware::from_fn_with_state(host.clone(), once))
        .layer(axum::middleware::from_fn_with_state(host.clone(), embeddings::scoped));
    let routes = by_path
        .merge(by_body)
        .fallback(async || Error::UnknownRoute)
        .method_not_allowed_fallback(async || Error::Method)
        .layer(axum::middleware::from_fn(named))
        .with_state(host.clone());
    // A router chooses the route before its own layers run, and a sealed call has to be opened before that.
    Router::new()
        .fallback_service(routes)
        .layer(axum::middleware::from_fn_with_state(host, seal::open))
        .layer(axum::middleware::from_fn(compress))
        .layer(axum::middleware::from_fn(respond))
}
