//! Sentence embeddings: the task around the encoders of `model/`, and the small one that is committed.

#[cfg(feature = "publish")]
mod bundle;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::task::Embed;
