//! Sentiment of English film reviews: the task around the IMDB network of `model/`.

#[cfg(feature = "publish")]
mod bundle;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::task::Sentiment;
