//! AWS Signature Version 4: requests that AWS IAM authorises.
//!
//! Signing is the last stage before the network, around the transport. So every outgoing request is signed, requests for keys too,
//! each attempt with its own date. For a sealed call, the sealed request is signed.
//!
//! Invariants: the secret key is never sent. Logging of the signer is suppressed, because it shows the body.

mod credentials;
mod default_chain;
mod scope;
mod settings;
mod sign;

pub use aws_credential_types::Credentials;
pub use aws_credential_types::provider::ProvideCredentials;
pub use settings::SigV4;
pub(crate) use sign::SigningTransport;
