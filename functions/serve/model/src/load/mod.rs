//! Alias → manifest → fetch → verify → unseal → session: the only place where a session of a stored model is made.
//!
//! ONNX Runtime is started while the first bytes travel, and the data key of a sealed model is unwrapped meanwhile. The manifest's
//! signature is verified before anything in it is believed; each segment is verified, and opened in place, as it lands.

mod error;
mod fetch;
mod golden;
mod model;
mod model_slot;
mod resolve;
mod sessions;
mod source;
pub(crate) mod trial;
mod trial_network;
mod trust;
mod warm_up;

pub use self::error::{LoadError, Retryability};
pub use self::golden::check_golden;
pub use self::golden::compare;
pub use self::model::load;
pub use self::model::{LoadTimes, Model};
pub use self::model_slot::RETRY_AFTER;
pub use self::model_slot::{LoadState, ModelSlot};
pub use self::resolve::{manifest, resolve};
pub use self::source::{ModelSource, UnwrapError};
#[cfg(feature = "publish")]
pub(crate) use self::trial_network::{TrialNetwork, call, network};
pub use self::trust::TrustPolicy;
