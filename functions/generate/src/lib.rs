//! Texts that go on: the task around decoders with a cache, and the small one of `model/` that is committed.

#[cfg(feature = "publish")]
mod bundle;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::task::Generate;
