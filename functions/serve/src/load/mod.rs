//! Alias → manifest → fetch → verify → unseal → session: the only place where a session of a stored model is made.
//!
//! ONNX Runtime is started while the first bytes travel, and the data key of a sealed model is unwrapped meanwhile. The manifest's
//! signature is verified before anything in it is believed; each segment is verified, and opened in place, as it lands.

mod check;
mod decoder;
mod error;
mod fetch;
mod growth;
mod model;
mod named;
mod pages;
mod provider;
mod reclaim;
mod refusal;
mod resolve;
mod run_error;
mod session;
mod sessions;
mod slot;
mod source;
pub(crate) mod trial;
mod value;
mod warm_up;
mod watch;

pub(crate) use self::check::check as check_golden;
pub(crate) use self::check::compare;
pub(crate) use self::decoder::OnnxDecoder;
pub use self::error::{LoadError, Outlook};
pub(crate) use self::model::load;
pub use self::model::{LoadTimes, Model};
pub(crate) use self::named::{Named, learn};
pub use self::provider::Provider;
pub use self::refusal::SessionError;
pub(crate) use self::refusal::in_words;
pub(crate) use self::resolve::{manifest, resolve};
pub(crate) use self::session::{Onnx, write_prepared};
pub(crate) use self::slot::AGAIN;
pub use self::slot::{Slot, State};
pub use self::source::{Source, UnwrapError};
pub use self::watch::{look, watch};
