//! Sentence embeddings: the task around the encoders of `model/`, and the small one that is committed.

mod bundle;
mod task;

pub use self::bundle::bundle;
pub use self::task::Embed;
