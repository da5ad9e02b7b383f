//! `GET /v2/models/{model}[/versions/{version}]/config`: Triton's model configuration extension.

use amaas_wire::oip::triton::{DynamicBatching, ModelConfig, TensorConfig};
use axum::body::Body;
use axum::extract::Path;
use http::Response;

use super::health::ModelPath;
use super::query::NoQuery;
use crate::error::Error;
use crate::reply::json;
use crate::request::AuthorisedModel;
use amaas_engine::{RunSharing, TensorSpec};
use amaas_model::load::Model;

pub(super) async fn config(
    authorised: AuthorisedModel,
    Path(path): Path<ModelPath>,
    _: NoQuery,
) -> Result<Response<Body>, Error> {
    let model = authorised.model(path.version.as_deref()).await?;
    json(&model_config(&model, authorised.host().limits().rows))
}

/// The configuration of the network of `model`; a call may have up to `rows` rows.
pub(crate) fn model_config(model: &Model, rows: usize) -> ModelConfig {
    let (manifest, platform) = (&model.manifest, model.metadata().platform);
    let batched = manifest.batching.has_rows();
    let shares = RunSharing::of(manifest.batching, manifest.rows_proof) != RunSharing::None;
    let tensor = |spec: &TensorSpec| {
        let shape = spec.metadata().shape;
        // `dims` omits the batch dimension.
        let dims = shape.into_iter().skip(usize::from(batched)).collect();
        TensorConfig { optional: spec.optional, ..TensorConfig::new(spec.name.clone(), spec.datatype, dims) }
    };
    ModelConfig {
        name: manifest.model.to_string(),
        platform,
        backend: "onnxruntime".to_owned(),
        max_batch_size: if batched { rows as u64 } else { 0 },
        input: manifest.inputs.iter().map(tensor).collect(),
        output: manifest.outputs.iter().map(tensor).collect(),
        dynamic_batching: shares.then_some(DynamicBatching {}),
    }
}
