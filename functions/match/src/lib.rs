//! Ranks texts by how well they describe an image: an image network, whose labels are encoded by a text encoder too.

#[cfg(feature = "publish")]
mod bundle;
mod image_network;
mod score;
mod task;

#[cfg(feature = "publish")]
pub use self::bundle::bundle;
pub use self::image_network::ImageNetworkConfig;
pub use self::task::Match;
