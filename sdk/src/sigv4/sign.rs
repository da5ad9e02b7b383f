//! Signs requests, around the transport.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use tracing::Dispatch;
use tracing::dispatcher::with_default;

use super::credentials::CredentialCache;
use super::scope::SigningScope;
use super::settings::SigV4;
use crate::error::BoxError;
use crate::spawn::spawn_if_large;
use crate::transport::{OutgoingRequest, Transport, TransportError, TransportFuture};

/// A transport that signs requests.
pub(crate) struct SigningTransport<T> {
    transport: T,
    scope: SigningScope,
    credentials: CredentialCache,
}

impl<T: Transport> SigningTransport<T> {
    pub(crate) fn new(transport: T, SigV4 { scope, provider }: SigV4) -> Self {
        Self { transport, scope, credentials: CredentialCache::new(provider) }
    }
}

impl<T: Transport> Transport for SigningTransport<T> {
    fn send(&self, request: OutgoingRequest) -> TransportFuture<'_> {
        Box::pin(async move {
            let credentials = self.credentials.current().await;
            let credentials = credentials.map_err(|error| TransportError::Unsigned(error.into()))?;
            let scope = self.scope.clone();
            let signing = spawn_if_large(request.body.len(), move || {
                let now = SystemTime::now();
                signed(request, &scope, credentials, now)
            });
            self.transport.send(signing.await.map_err(TransportError::Unsigned)?).await
        })
    }
}

/// Signs `request` at the time `now`, over method, URL, date, payload and all headers without secrets.
fn signed(
    mut request: OutgoingRequest,
    scope: &SigningScope,
    credentials: Credentials,
    now: SystemTime,
) -> Result<OutgoingRequest, BoxError> {
    make_room(&mut request)?;
    let (region, service) = scope.of(&request.url)?;
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.signature_location = SignatureLocation::Headers;
    let identity = credentials.into();
    let parameters = SigningParams::builder().identity(&identity).region(region).name(service).time(now);
    let parameters = parameters.settings(settings).build()?.into();
    let headers = request.headers.iter().filter(|(_, value)| !value.is_sensitive());
    let headers: Vec<_> = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let body = SignableBody::Bytes(&request.body);
    let signable = SignableRequest::new(request.method.as_str(), request.url.as_str(), headers.into_iter(), body)?;
    // The signer logs the body.
    let made = with_default(&Dispatch::none(), || sign(signable, &parameters))?;
    let made: Vec<_> = made.output().headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (name, value) in made {
        let mut value = HeaderValue::from_str(&value)?;
        value.set_sensitive(true);
        request.headers.insert(HeaderName::try_from(name)?, value);
    }
    Ok(request)
}

/// Moves the credentials of a plain call to `x-api-key`, the usual header of AWS, because the signature needs `Authorization`.
fn make_room(request: &mut OutgoingRequest) -> Result<(), BoxError> {
    let Some(value) = request.headers.remove(AUTHORIZATION) else { return Ok(()) };
    let secret = value.as_bytes().strip_prefix(b"Bearer ").unwrap_or(value.as_bytes());
    let mut secret = HeaderValue::from_bytes(secret)?;
    secret.set_sensitive(true);
    request.headers.insert(API_KEY_HEADER, secret);
    Ok(())
}

const API_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");
