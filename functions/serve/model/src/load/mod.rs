//! Alias → manifest → fetch → verify → unseal → session: the only place where a session of a stored model is made.
//!
//! ONNX Runtime is started while the first bytes travel, and the data key of a sealed model is unwrapped meanwhile. The manifest's
//! signature is verified before anything in it is believed; each segment is verified, and opened in place, as it lands.

mod check;
mod direct;
mod error;
mod fetch;
mod model;
mod resolve;
mod sessions;
mod slot;
mod source;
pub(crate) mod trial;
mod trust;
mod warm_up;

pub use self::check::check as check_golden;
pub use self::check::compare;
#[cfg(feature = "publish")]
pub(crate) use self::direct::{Direct, call, network};
pub use self::error::{LoadError, Retryability};
pub use self::model::load;
pub use self::model::{LoadTimes, Model};
pub use self::resolve::{manifest, resolve};
pub use self::slot::AGAIN;
pub use self::slot::{Slot, State};
pub use self::source::{Source, UnwrapError};
pub use self::trust::Trust;
