//! What `POST /v1/models/{model}/predict` does for a task with two networks: both paths at once.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use bytes::Bytes;
use http::Response;

use super::predict::{run, run_on};
use crate::config::Limits;
use crate::error::Error;
use crate::load::Model;
use crate::reply::{Counted, predict_response};
use crate::task::{AnyMatcher, json_size, off_runtime, off_runtime_beyond};

/// Answers `body`. Each path makes its tensors on a thread for blocking work and runs on its network's own; where one fails, the
/// other's call is withdrawn.
pub(super) async fn matched(
    model: Arc<Model>,
    matcher: Arc<dyn AnyMatcher>,
    body: Bytes,
    limits: Limits,
    begun: Instant,
) -> Result<Response<Body>, Error> {
    let name = matcher.texts();
    let beside = model.named.get(name);
    let beside = beside.ok_or_else(|| Error::internal(format!("there is no network {name:?}")))?;
    let paths = off_runtime(body.len(), move || matcher.read(&body, limits.rows)).await?;
    let (own_batching, text_batching) = (model.manifest.batching, beside.network.batching);
    let own = async {
        // A file of some kilobytes can be an image of megapixels.
        let runs = off_runtime_beyond(0, usize::MAX, move || (paths.own)(own_batching)).await?;
        run(&model, runs, limits).await
    };
    let texts = async {
        let plan = off_runtime_beyond(0, usize::MAX, move || (paths.texts)(text_batching)).await?;
        let (outputs, rows) = run_on(&beside.infer, (&beside.network).into(), plan.runs, limits).await?;
        let tokens = plan.vectors.tokens();
        Ok((plan.vectors.read(&outputs)?, rows, tokens))
    };
    let ((outputs, own_rows), (vectors, text_rows, tokens)) = tokio::try_join!(own, texts)?;
    let size = outputs.iter().map(|run| json_size(run)).sum::<usize>();
    let size = size + vectors.iter().map(|vector| vector.embedding.len() * size_of::<f32>()).sum::<usize>();
    let counted = Counted { rows: own_rows + text_rows, tokens: Some(tokens), begun };
    let decode = paths.decode;
    let answer = move || predict_response(&model, decode(&outputs, &vectors)?, counted);
    off_runtime(size, answer).await
}
