//! The language that a surname comes from: the task around the recurrent network of `model/`.

mod alphabet;
mod bundle;
mod task;

pub use self::bundle::bundle;
pub use self::task::Names;
