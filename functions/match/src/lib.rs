//! Texts ranked by how well they tell what is in an image: an image network whose labels the text encoder reads too.

#[cfg(feature = "publish")]
mod bundle;
mod picture;
mod score;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::picture::Picture;
pub use self::task::Match;
