//! Authentication and authorisation of callers.
//!
//! The first of these identifies the caller: an API key, a bearer token of the trusted issuer, the principal that AWS IAM authorised.
//! In each case the ledger has to know the tenant.

use std::sync::Arc;

use amaas_wire::MalformedKey;
use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap, Method, header};

use crate::config::Iam;
use crate::error::Error;
use crate::error::SealedCallError;
use crate::state::AppState;
use amaas_access::AccessError;
use amaas_access::iam::IamPrincipal;
use amaas_access::quota::{LimitPlan, Reservation};
use amaas_access::{Account, KeyRecord, RouteScope, TenantName};
use amaas_store::ModelName;

use crate::sealing::SealedRequest;

/// An authenticated caller: the proof that a key, a token or a principal was checked.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    account: Arc<Account>,
    /// The API key, if the caller sent one.
    key: Option<Arc<KeyRecord>>,
    routes: RouteScope,
    /// Whether the call was admitted already.
    admitted: bool,
}

impl Caller {
    /// Authenticates the caller of one of `routes` by its `headers`.
    pub(crate) async fn authenticate(
        headers: &HeaderMap,
        extensions: &Extensions,
        state: &AppState,
        routes: RouteScope,
    ) -> Result<Self, Error> {
        let credential = credential(headers);
        // Proxies have seen the key and would see the response, of a GET and of a POST.
        if credential.is_ok() && state.requires_sealing() && extensions.get::<SealedRequest>().is_none() {
            return Err(Error::Sealed(SealedCallError::Required));
        }
        let (tenant, key) = match (credential, state.oidc()) {
            (Ok(token), Some(oidc)) if !token.starts_with(API_KEY_PREFIX) => {
                (parse_tenant(&oidc.verify(token).await?.tenant)?, None)
            }
            (Ok(key), _) => {
                let key = state.directory().key(&key.parse()?).await?;
                (key.tenant.clone(), Some(key))
            }
            (Err(error), _) => {
                let principal = extensions.get::<IamPrincipal>().filter(|_| state.iam() == Iam::Tenant).ok_or(error)?;
                tracing::debug!(arn = principal.arn(), "caller identified by iam");
                (parse_tenant(principal.tenant())?, None)
            }
        };
        let account = state.directory().account(&tenant).await?;
        tracing::Span::current().record("tenant", account.name().as_str());
        if key.as_ref().is_some_and(|key| !key.scope.has_routes(routes)) {
            return Err(Error::Access(AccessError::KeyRoutes { routes: routes.name() }));
        }
        Ok(Self { account, key, routes, admitted: false })
    }

    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The tenant of the caller.
    pub(crate) fn tenant(&self) -> &TenantName {
        self.account.name()
    }

    pub(crate) fn key(&self) -> Option<&KeyRecord> {
        self.key.as_deref()
    }

    /// The group of routes that the call belongs to.
    pub(crate) fn routes(&self) -> RouteScope {
        self.routes
    }

    /// Admits the call, unless the function is shutting down. This is checked once, before a body is read.
    pub(crate) fn admit(self, state: &AppState) -> Result<Self, Error> {
        if !self.admitted {
            state.admit()?;
        }
        Ok(Self { admitted: true, ..self })
    }

    /// Takes a request from the limits per minute, for a call that only reads. Limits per month are for calls to models, so a tenant
    /// that has used them up can still read its usage.
    pub(crate) async fn take_read_request(&self, state: &AppState) -> Result<(), Error> {
        let mut reservation = Reservation::default();
        reservation.take(&LimitPlan::looks(state.quotas(), self.account.tenant()), 1).await?;
        reservation.keep();
        Ok(())
    }

    /// Whether the caller may use `model`.
    pub(crate) fn may_use(&self, model: &ModelName) -> bool {
        self.key.as_ref().is_none_or(|key| key.scope.has_model(model))
    }

    /// Refuses the call if the caller may not use `model`.
    pub(crate) fn check_scope(&self, model: &ModelName) -> Result<(), Error> {
        if self.may_use(model) {
            Ok(())
        } else {
            Err(Error::Access(AccessError::KeyScope { model: model.to_string() }))
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let caller = Self::authenticate(&parts.headers, &parts.extensions, state, RouteScope::of(path)).await?;
        if parts.method != Method::POST {
            caller.take_read_request(state).await?;
        }
        Ok(caller)
    }
}

impl OptionalFromRequestParts<AppState> for Caller {
    type Rejection = Error;

    /// `None` if the client sent no key; an invalid key is refused.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, Error> {
        match <Self as FromRequestParts<AppState>>::from_request_parts(parts, state).await {
            Ok(caller) => Ok(Some(caller)),
            Err(Error::Access(AccessError::KeyMissing)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The tenant that a token or a principal names.
fn parse_tenant(tenant: &str) -> Result<TenantName, Error> {
    tenant.parse().map_err(|_| Error::Access(AccessError::TenantUnknown { tenant: tenant.chars().take(64).collect() }))
}

/// The key or token in the headers: clients of OpenAI send a bearer token, those of AWS send `x-api-key`.
fn credential(headers: &HeaderMap) -> Result<&str, Error> {
    if let Some(key) = headers.get("x-api-key") {
        return key.to_str().map_err(|_| Error::Access(AccessError::KeyMalformed(MalformedKey::Characters)));
    }
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or(Error::Access(AccessError::KeyMissing))?;
    let (scheme, key) = value.split_once(' ').ok_or(Error::Access(AccessError::KeyMissing))?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(Error::Access(AccessError::KeyMissing)) }
}

/// The prefix of API keys. No token has it: a token begins with the base64url encoding of `{`.
const API_KEY_PREFIX: &str = "amaas_";
