//! The default sources of AWS credentials.

use aws_credential_types::provider::SharedCredentialsProvider;
#[cfg(any(test, not(feature = "sigv4-config")))]
use aws_credential_types::{Credentials, provider::error::CredentialsError};

/// The provider of the default sources.
pub(super) fn provider() -> SharedCredentialsProvider {
    #[cfg(not(feature = "sigv4-config"))]
    return SharedCredentialsProvider::new(environment::EnvironmentProvider);
    #[cfg(feature = "sigv4-config")]
    SharedCredentialsProvider::new(chain::LazyDefaultChain::default())
}

#[cfg(not(feature = "sigv4-config"))]
mod environment {
    use aws_credential_types::provider::ProvideCredentials;
    use aws_credential_types::provider::future::ProvideCredentials as Future;

    /// Reads the variables that the AWS SDKs read.
    #[derive(Debug)]
    pub(super) struct EnvironmentProvider;

    impl ProvideCredentials for EnvironmentProvider {
        fn provide_credentials<'a>(&'a self) -> Future<'a>
        where
            Self: 'a,
        {
            Future::ready(super::read(|name| std::env::var(name).ok()))
        }
    }
}

#[cfg(feature = "sigv4-config")]
mod chain {
    use aws_config::default_provider::credentials::DefaultCredentialsChain;
    use aws_credential_types::provider::ProvideCredentials;
    use aws_credential_types::provider::future::ProvideCredentials as Future;
    use tokio::sync::OnceCell;

    /// The default credential chain of the AWS SDKs, which begins with the environment.
    #[derive(Debug, Default)]
    pub(super) struct LazyDefaultChain(OnceCell<DefaultCredentialsChain>);

    impl ProvideCredentials for LazyDefaultChain {
        fn provide_credentials<'a>(&'a self) -> Future<'a>
        where
            Self: 'a,
        {
            let chain = self.0.get_or_init(|| DefaultCredentialsChain::builder().build());
            Future::new(async { chain.await.provide_credentials().await })
        }
    }
}

/// Credentials in `variables`. The chain includes them.
#[cfg(any(test, not(feature = "sigv4-config")))]
fn read(variables: impl Fn(&str) -> Option<String>) -> Result<Credentials, CredentialsError> {
    let value = |name| variables(name).filter(|value| !value.is_empty());
    let (Some(id), Some(secret)) = (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) else {
        let what = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and without the feature sigv4-config nothing \
                    else is looked at";
        return Err(CredentialsError::not_loaded(what));
    };
    Ok(Credentials::new(id, secret, value("AWS_SESSION_TOKEN"), None, "environment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_read_as_the_aws_sdks_do() {
        let read = |variables: &[(&str, &str)]| {
            read(|name| variables.iter().find(|(other, _)| *other == name).map(|it| it.1.to_owned()))
        };
        let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "SECRET"), ("AWS_SESSION_TOKEN", "")];
        let credentials = read(&keys).expect("enough is set");
        assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), ("AKIA", "SECRET"));
        assert_eq!(credentials.session_token(), None, "one that is empty is not set");
        let session = [keys[0], keys[1], ("AWS_SESSION_TOKEN", "TOKEN")];
        assert_eq!(read(&session).expect("enough is set").session_token(), Some("TOKEN"));
        assert!(read(&keys[..1]).is_err() && read(&[]).is_err());
    }
}
