//! The CA certificates of the system. Programs trust them, and cannot call any server without them.

use std::path::Path;

use crate::error::CliError;

/// The certificates of the first of `roots` that has any.
pub(super) fn find(roots: &[&Path]) -> Result<Vec<u8>, CliError> {
    let places = roots.iter().flat_map(|root| BUNDLE_PATHS.iter().map(|place| root.join(place)));
    for place in places {
        match std::fs::read(&place) {
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(CliError::file(&place, &error)),
        }
    }
    Err(CliError::usage(format!("no certificates of authorities are at any of /{}", BUNDLE_PATHS.join(", /"))).hint(
        "install them (Debian and Amazon Linux: ca-certificates), or take a base image that has them with --base",
    ))
}

/// The places where distributions have a bundle as one file, from openssl-probe's list for rustls.
pub(super) const BUNDLE_PATHS: [&str; 5] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/ca-bundle.pem",
    "etc/ssl/cert.pem",
];
