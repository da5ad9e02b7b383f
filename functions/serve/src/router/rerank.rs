//! `POST /v1/rerank` and `POST /v2/rerank`, in the format of Cohere and Jina, for models whose task has the interface
//! [`RankingInterface`](amaas_model::task::RankingInterface).

use std::sync::Arc;

use amaas_model::load::Model;
use amaas_model::task::{RankingInputs, RelevantDocument};
use amaas_wire::openai::{RerankDocument, RerankRequest, RerankResult};
use axum::body::Body;
use axum::extract::{Request, State};
use http::Response;

use super::body_model::{NamedCall, NamesModel};
use super::query::NoQuery;
use super::response_id::response_id;
use crate::error::Error;
use crate::reply::{Metering, rerank_response};
use crate::request::{AnsweredCall, Caller};
use crate::state::AppState;

/// The route.
pub(super) async fn rerank(
    State(state): State<AppState>,
    caller: Caller,
    _: NoQuery,
    request: Request,
) -> Result<Response<Body>, Error> {
    NamedCall::read(&state, caller, request).await?.answer_once(answer).await
}

async fn answer(call: NamedCall<RerankRequest>) -> Result<AnsweredCall, Error> {
    let (call, RerankRequest { query, documents, top_n, return_documents, truncation, .. }) = call.begin().await?;
    let (ranking, id) = (Arc::clone(call.model().ranking()?), response_id("rerank")?);
    let documents = Arc::new(documents);
    let returned = return_documents.then(|| Arc::clone(&documents));
    let inputs = RankingInputs { query, documents, top_n, truncation };
    let write = move |model: &Model, ranked: Vec<RelevantDocument>, metering: Metering| {
        let results = ranked.into_iter().map(|ranked| result(ranked, returned.as_deref())).collect();
        rerank_response(model, id, results, metering)
    };
    call.answer(|call| ranking.rank(call, inputs), write).await
}

/// `ranked` with its text, if `returned` has the documents.
fn result(ranked: RelevantDocument, returned: Option<&Vec<String>>) -> RerankResult {
    let RelevantDocument { index, score, truncated } = ranked;
    let document = returned.and_then(|documents| Some(RerankDocument { text: documents.get(index)?.clone() }));
    RerankResult { index, relevance_score: score, document, truncated }
}

impl NamesModel for RerankRequest {
    fn read(body: &[u8], max_rows: usize) -> Result<Self, Error> {
        Ok(Self::from_json(body, max_rows)?)
    }

    fn model(&self) -> &str {
        &self.model
    }
}
