//! The scope of a signature: a region and a service.

use reqwest::Url;

use crate::error::Error;

/// The source of region and service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SigningScope {
    ByHost,
    Stated { region: String, service: String },
}

impl SigningScope {
    /// Region and service for a request to `url`.
    ///
    /// # Errors
    /// If the host name contains no scope, or a name is malformed.
    pub(super) fn of<'a>(&'a self, url: &'a Url) -> Result<(&'a str, &'a str), Error> {
        let host = url.host_str().unwrap_or_default();
        match self {
            Self::Stated { region, service } if is_name(region) && is_name(service) => Ok((region, service)),
            Self::Stated { region, service } => Err(Error::config(format!(
                "requests cannot be signed: expected a region such as eu-central-1 and a service such as lambda, got \
                 {region:?} and {service:?}"
            ))),
            Self::ByHost => scope_of_aws_host(host).ok_or_else(|| {
                Error::config(format!(
                    "requests cannot be signed: expected a host name *.lambda-url.REGION.on.aws or \
                     *.execute-api.REGION.amazonaws.com, got {host:?}; name region and service with SigV4::new(), or in \
                     AMAAS_SIGV4"
                ))
            }),
        }
    }
}

/// Region and service of AWS's own host names.
fn scope_of_aws_host(host: &str) -> Option<(&str, &str)> {
    let (_, rest) = host.split_once('.')?;
    let (service, suffixes) = match rest.split_once('.')? {
        ("lambda-url", _) => ("lambda", &[".on.aws"][..]),
        ("execute-api", _) => ("execute-api", &[".amazonaws.com", ".amazonaws.com.cn"][..]),
        _ => return None,
    };
    let (_, rest) = rest.split_once('.')?;
    let region = suffixes.iter().find_map(|suffix| rest.strip_suffix(suffix))?;
    is_name(region).then_some((region, service))
}

/// Whether `text` is valid in a scope, which separates names by slashes.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_host_names_tell_region_and_service() {
        for (host, expected) in [
            ("abc.lambda-url.eu-central-1.on.aws", Some(("eu-central-1", "lambda"))),
            ("abc.execute-api.us-east-1.amazonaws.com", Some(("us-east-1", "execute-api"))),
            ("abc.execute-api.cn-north-1.amazonaws.com.cn", Some(("cn-north-1", "execute-api"))),
            ("abc.lambda-url.eu-central-1.amazonaws.com", None),
            ("abc.lambda-url.on.aws", None),
            ("abc.lambda-url..on.aws", None),
            ("abc.lambda-url.eu-central-1.on.aws.example.com", None),
            ("abc.lambda-url.a.b.on.aws", None),
            ("lambda-url.eu-central-1.on.aws", None),
            ("abc.s3.eu-central-1.amazonaws.com", None),
            ("models.example.com", None),
            ("127.0.0.1", None),
        ] {
            let url = format!("https://{host}/v1").parse().expect("a URL");
            assert_eq!(SigningScope::ByHost.of(&url).ok(), expected, "{host}");
        }
    }

    #[test]
    fn names_are_checked() {
        let url = "https://models.example.com".parse().expect("a URL");
        for (region, service, taken) in [
            ("eu-central-1", "lambda", true),
            ("", "lambda", false),
            ("eu-central-1", "", false),
            ("eu/central", "lambda", false),
            ("EU", "lambda", false),
        ] {
            let scope = SigningScope::Stated { region: region.to_owned(), service: service.to_owned() };
            assert_eq!(scope.of(&url).is_ok(), taken, "{region} {service}");
        }
    }
}
