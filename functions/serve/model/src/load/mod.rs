//! Alias → manifest → fetch → verify → unseal → session: the only code that creates a session of a stored model.
//!
//! ONNX Runtime starts, and the vault unwraps the data key, while the first bytes are fetched. No field of a manifest is used
//! before its signature is verified. Each segment is verified and decrypted in place as it arrives.

mod error;
mod fetch;
mod golden;
mod model;
mod model_slot;
mod resolve;
mod sessions;
mod source;
pub(crate) mod trial;
pub(crate) mod trial_network;
mod trust;
mod warm_up;

pub use self::error::{LoadError, Retryability};
pub use self::golden::check_golden;
pub use self::golden::compare;
pub use self::model::load;
pub use self::model::{LoadTimes, Model};
pub use self::model_slot::RETRY_AFTER;
pub use self::model_slot::{LoadState, ModelSlot};
pub use self::resolve::{read_manifest, resolve};
pub use self::source::{ModelSource, UnwrapError};
pub use self::trust::TrustPolicy;
