//! Sealed calls: oblivious HTTP (RFC 9458) around the HTTP of a call, so that gateways, proxies and logs see ciphertext.
//!
//! A call is opened before anything else reads it, and its response is sealed last, so routes do not depend on sealing. The keys come from
//! [`sealing`](crate::sealing).

mod answer;
mod open;
mod routes;
#[cfg(test)]
mod tests;

pub(crate) use self::open::open;
pub(crate) use self::routes::{list, manifest, model_list, model_manifest};
