//! API keys as arguments.

use amaas_wire::{ApiKey, MalformedKey};

/// The argument of [`ClientBuilder::api_key`](crate::ClientBuilder::api_key): an [`ApiKey`], or text that is parsed as one.
pub trait IntoApiKey: sealed::Sealed {
    /// The key.
    ///
    /// # Errors
    /// [`MalformedKey`] names the malformed part.
    fn into_api_key(self) -> Result<ApiKey, MalformedKey>;
}

impl IntoApiKey for ApiKey {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        Ok(self)
    }
}

impl IntoApiKey for &ApiKey {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        Ok(self.clone())
    }
}

impl IntoApiKey for &str {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        self.parse()
    }
}

impl IntoApiKey for String {
    fn into_api_key(self) -> Result<ApiKey, MalformedKey> {
        zeroize::Zeroizing::new(self).parse()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for amaas_wire::ApiKey {}
    impl Sealed for &amaas_wire::ApiKey {}
    impl Sealed for &str {}
    impl Sealed for String {}
}
