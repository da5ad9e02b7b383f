//! The credentials of a client, and of one call.

use std::sync::Arc;

use super::authorization::Authorization;
use super::provider::CredentialProvider;
use crate::error::{Error, ErrorKind};

/// The credentials of a client.
#[derive(Clone)]
pub(crate) enum ClientCredentials {
    Anonymous,
    Fixed(Authorization),
    Provider(Arc<dyn CredentialProvider>),
}

impl ClientCredentials {
    pub(crate) async fn authorization(&self) -> Result<Option<Authorization>, Error> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Fixed(authorization) => Ok(Some(authorization.clone())),
            Self::Provider(provider) => provider.authorization().await.map(Some).map_err(|source| {
                Error::new(ErrorKind::Credentials, "the credential provider failed").with_source(source)
            }),
        }
    }
}

/// The credentials of one call, from attempt to attempt.
pub(crate) struct CallIdentity<'a> {
    credentials: &'a ClientCredentials,
    /// The credentials of the last attempt.
    sent: Option<Authorization>,
    /// Other credentials, for the next attempt.
    renewed: Option<Authorization>,
}

impl<'a> CallIdentity<'a> {
    pub(crate) fn of(credentials: &'a ClientCredentials) -> Self {
        Self { credentials, sent: None, renewed: None }
    }

    /// The credentials for the next attempt.
    pub(crate) async fn authorization(&mut self) -> Result<Option<Authorization>, Error> {
        self.sent = match self.renewed.take() {
            Some(renewed) => Some(renewed),
            None => self.credentials.authorization().await?,
        };
        Ok(self.sent.clone())
    }

    /// Gets other credentials from the provider after those of the last attempt were refused. Returns whether it had any.
    pub(crate) async fn renew(&mut self) -> Result<bool, Error> {
        let (ClientCredentials::Provider(provider), Some(sent)) = (self.credentials, &self.sent) else {
            return Ok(false);
        };
        provider.refused(sent);
        self.renewed = self.credentials.authorization().await?.filter(|renewed| !renewed.is_same(sent));
        Ok(self.renewed.is_some())
    }
}
