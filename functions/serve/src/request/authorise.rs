//! Who calls, and what the key may do.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{HeaderMap, header};

use crate::access::KeyRecord;
use crate::error::Error;
use crate::router::Host;
use crate::store::ModelName;

/// Whoever sent a valid key. It can be had in no other way.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    record: KeyRecord,
    /// Whether the call was let in before it got here.
    admitted: bool,
}

impl Caller {
    /// Whoever has the key in `headers`.
    pub(crate) async fn of(headers: &HeaderMap, host: &Host) -> Result<Self, Error> {
        let key = key(headers)?.parse()?;
        let record = host.access().find(&key).await?;
        tracing::Span::current().record("tenant", record.tenant.as_str());
        Ok(Self { record, admitted: false })
    }

    /// Whose key it is.
    pub(crate) fn tenant(&self) -> &str {
        &self.record.tenant
    }

    /// Lets the call in, unless the function stops. It is asked once, before a body is read.
    pub(crate) fn admitted(self, host: &Host) -> Result<Self, Error> {
        if !self.admitted {
            host.admit()?;
        }
        Ok(Self { admitted: true, ..self })
    }

    /// Whether the key may use `model`.
    pub(crate) fn may_use(&self, model: &ModelName) -> bool {
        self.record.models.as_ref().is_none_or(|models| models.contains(model))
    }

    /// Refuses where the key may not use `model`.
    pub(crate) fn scope(&self, model: &ModelName) -> Result<(), Error> {
        if self.may_use(model) { Ok(()) } else { Err(Error::KeyScope { model: model.to_string() }) }
    }
}

impl FromRequestParts<Host> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, host: &Host) -> Result<Self, Error> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        Self::of(&parts.headers, host).await
    }
}

impl OptionalFromRequestParts<Host> for Caller {
    type Rejection = Error;

    /// Nobody where no key was sent; a key that is not good is refused.
    async fn from_request_parts(parts: &mut Parts, host: &Host) -> Result<Option<Self>, Error> {
        match <Self as FromRequestParts<Host>>::from_request_parts(parts, host).await {
            Ok(caller) => Ok(Some(caller)),
            Err(Error::KeyMissing) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The key in the headers: OpenAI's clients send a bearer token, AWS's habit is `x-api-key`.
fn key(headers: &HeaderMap) -> Result<&str, Error> {
    if let Some(key) = headers.get("x-api-key") {
        return key.to_str().map_err(|_| Error::KeyMalformed(amaas_wire::key::MalformedKey::Characters));
    }
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Error::KeyMissing)?;
    let (scheme, key) = value.split_once(' ').ok_or(Error::KeyMissing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(Error::KeyMissing) }
}
