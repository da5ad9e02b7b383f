//! The certificates of authorities, without which a function can call nobody: the programs trust those of the system.

use std::path::Path;

use crate::error::CliError;

/// What the first of `roots` has that has them.
pub(super) fn find(roots: &[&Path]) -> Result<Vec<u8>, CliError> {
    let places = roots.iter().flat_map(|root| PLACES.iter().map(|place| root.join(place)));
    for place in places {
        match std::fs::read(&place) {
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(CliError::file(&place, &error)),
        }
    }
    Err(CliError::usage(format!("no certificates of authorities are at any of /{}", PLACES.join(", /"))).hint(
        "install them (Debian and Amazon Linux: ca-certificates), or take a base image that has them with --base",
    ))
}

/// Where distributions have them as one file, of the places that openssl-probe looks at for rustls.
pub(super) const PLACES: [&str; 5] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/ca-bundle.pem",
    "etc/ssl/cert.pem",
];
