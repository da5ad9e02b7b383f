//! One logical call: attempts, waits and one deadline around all of it.
//!
//! An attempt goes through `request → seal → transport → open → accept → receipt`, without seal and open if sealing is off. Each
//! attempt builds its request from the same encoded body and the same idempotency key, and is sealed with fresh credentials, so that
//! nothing that is made for one attempt is sent twice.
//!
//! Invariant: a call ends by its deadline in every stage.

mod context;
mod outcome_span;
mod pending;
#[cfg(test)]
mod tests;

pub(crate) use context::CallContext;
pub(crate) use outcome_span::CallOutcome;
pub(crate) use pending::{AcceptedAnswers, Call};
