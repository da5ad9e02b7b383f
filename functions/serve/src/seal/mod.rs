//! Sealed calls: oblivious HTTP (RFC 9458) around a call's own HTTP, so that gateways, proxies and logs see ciphertext.
//!
//! A call is opened before anything else looks at it, and its answer is sealed after everything else did; the routes in
//! between do not know. The keys are [`sealing`](crate::sealing)'s.

mod answer;
mod open;
mod routes;
#[cfg(test)]
mod tests;

pub(crate) use self::open::open;
pub(crate) use self::routes::{list, manifest, model_list, model_manifest};
