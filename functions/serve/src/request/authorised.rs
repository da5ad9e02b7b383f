//! Authorisation for a model: the only way from a request to a call of a model.

use std::sync::Arc;

use amaas_access::quota::{LimitPlan, Reservation};
use amaas_model::load::{Model, ModelSlot};
use amaas_wire::predict::REQUEST_ID;
use axum::extract::{FromRequestParts, Path};
use http::HeaderValue;
use http::request::Parts;
use serde::Deserialize;

use super::admitted::AdmittedCall;
use super::{CallContext, Caller};
use crate::admission::Admission;
use crate::error::{Error, RouteError};
use crate::sealing::SealedRequest;
use crate::state::AppState;

/// A caller and a model that it may call: the key is valid, its scope includes the model, and the function admits calls. As an extractor
/// it reads the model's name from the path.
#[derive(Clone)]
pub(crate) struct AuthorisedModel {
    state: AppState,
    caller: Caller,
    slot: Arc<ModelSlot>,
}

impl AuthorisedModel {
    /// The model called `name`, if `caller` may call it.
    ///
    /// # Errors
    /// If the model is unknown or not in the key's scope, or the function is shutting down.
    pub(crate) fn of(state: &AppState, caller: Caller, name: &str) -> Result<Self, Error> {
        let slot = state.slot(name)?;
        caller.check_scope(slot.name())?;
        Ok(Self { state: state.clone(), caller: caller.admit(state)?, slot })
    }

    /// The state of the host.
    pub(crate) fn host(&self) -> &AppState {
        &self.state
    }

    /// The caller.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The slot of the model.
    pub(crate) fn slot(&self) -> &Arc<ModelSlot> {
        &self.slot
    }

    /// Waits until the model is loaded. A `version` must be the model's.
    ///
    /// # Errors
    /// If the model is not ready, or has another version.
    pub(crate) async fn model(&self, version: Option<&str>) -> Result<Arc<Model>, Error> {
        self.state.model(&self.slot, version).await
    }

    /// Takes a request from the caller's limits and begins a call.
    ///
    /// # Errors
    /// If the queue is full or a limit is reached.
    pub(crate) async fn admit(self, parts: &Parts) -> Result<AdmittedCall, Error> {
        let Self { state, caller, slot } = self;
        AppState::check_capacity(&slot)?;
        let plan = caller.account().plan(state.quotas(), slot.name());
        let max_cost = caller.key().and_then(|key| LimitPlan::of_key(state.quotas(), key));
        let price = state.directory().price(slot.name()).await?;
        let mut reservation = Reservation::default();
        reservation.take(&plan.requests, 1).await?;
        // A request counts even if it fails.
        reservation.keep();
        let request_id = parts.headers.get(REQUEST_ID).cloned().unwrap_or(HeaderValue::from_static("none"));
        let (id, sealed) = (parts.extensions.get().copied(), parts.extensions.get::<SealedRequest>().is_some());
        let admission = Admission::new(state.gate(), caller.tenant(), Some(slot.name()));
        let context = CallContext { state, caller, plan, max_cost, price, sealed, request_id };
        Ok(AdmittedCall::new(context, slot, id, admission))
    }
}

/// The name of the model in a path; other parameters are ignored.
#[derive(Deserialize)]
struct ModelName {
    model: String,
}

impl FromRequestParts<AppState> for AuthorisedModel {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let path = Path::<ModelName>::from_request_parts(parts, state).await;
        let Path(ModelName { model }) = path.map_err(|_| RouteError::Url)?;
        Self::of(state, caller, &model)
    }
}
