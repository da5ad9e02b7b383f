//! Sentiment of English film reviews: the task around the IMDB network of `model/`.

mod bundle;
mod task;

pub use self::bundle::bundle;
pub use self::task::Sentiment;
