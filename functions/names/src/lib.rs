//! The language that a surname comes from: the task around the recurrent network of `model/`.

mod alphabet;
#[cfg(feature = "publish")]
mod bundle;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::task::Names;
