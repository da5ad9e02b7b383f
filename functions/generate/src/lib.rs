//! Texts that go on: the task around decoders with a cache, and the small one of `model/` that is committed.

mod bundle;
mod task;

pub use self::bundle::bundle;
pub use self::task::Generate;
