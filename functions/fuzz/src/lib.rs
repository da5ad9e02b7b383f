//! The bodies of the fuzz targets. Each takes any bytes and panics where an invariant is broken.

/// The parser alone: the rest of its crate is ONNX Runtime and the AWS SDK.
#[allow(dead_code, unreachable_pub, unused_imports)]
#[path = "../../serve/src/onnx/mod.rs"]
mod onnx_files;

#[allow(dead_code)]
#[path = "../../serve/src/manifest/dim.rs"]
mod dim;

/// What the parser has of its crate.
mod manifest {
    pub use crate::dim::Dim;
}

use bytes::Bytes;

/// An image has the pixels that its bounds allow, grey and in colour alike.
pub fn image(bytes: &[u8]) {
    let (grey, colour) = (amaas_image::grey(bytes), amaas_image::colour(bytes));
    match (grey, colour) {
        (Ok(grey), Ok(colour)) => {
            assert_eq!(grey.dimensions(), colour.dimensions());
            let (width, height) = grey.dimensions();
            assert!(u64::from(width) * u64::from(height) <= amaas_image::MOST_PIXELS);
        }
        (grey, colour) => assert_eq!(grey.err(), colour.err()),
    }
}

/// A network that is checked twice has the same answer, and so has the question whether its rows see one another; nothing outside the
/// file is opened.
pub fn onnx(bytes: &[u8]) {
    let files = onnx_files::NetworkFiles { file: Bytes::copy_from_slice(bytes), ..Default::default() };
    let checked = || onnx_files::check(&files).map(|checked| checked.unranked).map_err(|error| error.to_string());
    assert_eq!(checked(), checked());
    let proven = || onnx_files::rows::prove(&files).map_err(|error| error.to_string());
    assert_eq!(proven(), proven());
}
