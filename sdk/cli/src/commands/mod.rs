//! One file a command.

pub(crate) mod alias;
pub(crate) mod dev;
pub(crate) mod infer;
pub(crate) mod keys;
pub(crate) mod models;
pub(crate) mod package;
pub(crate) mod predict;
pub(crate) mod publish;
pub(crate) mod signer;
