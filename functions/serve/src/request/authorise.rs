//! Who calls, and what that caller may do.
//!
//! An API key comes first, then a bearer token of the issuer that is trusted, then the principal that AWS IAM let through. Whoever it
//! is, the tenant has to be one that the ledger knows.

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

/// Whoever sent a valid key, or is known in another way. It can be had in no other way.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    account: Arc<Account>,
    /// With which key, where it is one.
    key: Option<Arc<KeyRecord>>,
    routes: RouteScope,
    /// Whether the call was let in before it got here.
    admitted: bool,
}

impl Caller {
    /// Whoever calls one of `routes` with `headers`.
    pub(crate) async fn of(
        headers: &HeaderMap,
        extensions: &Extensions,
        state: &AppState,
        routes: RouteScope,
    ) -> Result<Self, Error> {
        let credential = credential(headers);
        // Whoever stands between has seen the key, and would see the answer: of a GET as of a POST.
        if credential.is_ok() && state.requires_sealing() && extensions.get::<SealedRequest>().is_none() {
            return Err(Error::Sealed(SealedCallError::Required));
        }
        let (tenant, key) = match (credential, state.oidc()) {
            (Ok(token), Some(oidc)) if !token.starts_with(API_KEY) => (named(&oidc.verify(token).await?.tenant)?, None),
            (Ok(key), _) => {
                let key = state.directory().key(&key.parse()?).await?;
                (key.tenant.clone(), Some(key))
            }
            (Err(error), _) => {
                let principal = extensions.get::<IamPrincipal>().filter(|_| state.iam() == Iam::Tenant).ok_or(error)?;
                tracing::debug!(arn = principal.arn(), "let in by IAM");
                (named(principal.tenant())?, None)
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

    /// Whose call it is.
    pub(crate) fn tenant(&self) -> &TenantName {
        self.account.name()
    }

    pub(crate) fn key(&self) -> Option<&KeyRecord> {
        self.key.as_deref()
    }

    /// Which routes it came by.
    pub(crate) fn routes(&self) -> RouteScope {
        self.routes
    }

    /// Lets the call in, unless the function stops. It is asked once, before a body is read.
    pub(crate) fn admitted(self, state: &AppState) -> Result<Self, Error> {
        if !self.admitted {
            state.admit()?;
        }
        Ok(Self { admitted: true, ..self })
    }

    /// Takes a request of the minute's limits, for a call that only looks: those of a month are for calls to models, so that whoever has
    /// used them up can still see that.
    pub(crate) async fn looks(&self, state: &AppState) -> Result<(), Error> {
        let mut taken = Reservation::default();
        taken.take(&LimitPlan::looks(state.quotas(), self.account.tenant()), 1).await?;
        taken.keep();
        Ok(())
    }

    /// Whether the caller may use `model`.
    pub(crate) fn may_use(&self, model: &ModelName) -> bool {
        self.key.as_ref().is_none_or(|key| key.scope.has_model(model))
    }

    /// Refuses where the caller may not use `model`.
    pub(crate) fn scope(&self, model: &ModelName) -> Result<(), Error> {
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
        let caller = Self::of(&parts.headers, &parts.extensions, state, RouteScope::of(path)).await?;
        if parts.method != Method::POST {
            caller.looks(state).await?;
        }
        Ok(caller)
    }
}

impl OptionalFromRequestParts<AppState> for Caller {
    type Rejection = Error;

    /// Nobody where no key was sent; a key that is not good is refused.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, Error> {
        match <Self as FromRequestParts<AppState>>::from_request_parts(parts, state).await {
            Ok(caller) => Ok(Some(caller)),
            Err(Error::Access(AccessError::KeyMissing)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The tenant that somebody else's word names.
fn named(tenant: &str) -> Result<TenantName, Error> {
    tenant.parse().map_err(|_| Error::Access(AccessError::TenantUnknown { tenant: tenant.chars().take(64).collect() }))
}

/// The key or token in the headers: OpenAI's clients send a bearer token, AWS's habit is `x-api-key`.
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

/// What keys begin with, and no token does: a token's first character is that of base64url of `{`.
const API_KEY: &str = "amaas_";
