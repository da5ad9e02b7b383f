//! Text generation: the task of decoders with a KV cache, and the small decoder in `model/`.

#[cfg(feature = "publish")]
mod bundle;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::task::Generate;
