//! The bodies of the fuzz targets. Each takes any bytes and panics where an invariant is broken.

use amaas_engine::onnx::{self, NetworkFiles};
use bytes::Bytes;

/// A sound has the samples that its bounds allow, and finite ones, at its own sampling rate and at another.
pub fn audio(bytes: &[u8]) {
    let Ok(sound) = amaas_audio::decode(bytes) else { return };
    let (rate, count) = (u64::from(sound.rate()), sound.samples().len() as u64);
    assert!((1..=amaas_audio::MAX_FRAMES as u64).contains(&count));
    assert!(count <= rate * u64::from(amaas_audio::MAX_SECONDS));
    assert!(sound.samples().iter().all(|sample| sample.is_finite()));
    // A long one takes seconds.
    if count <= 100_000 {
        // Samples near the largest number overflow, and are refused.
        let Ok(sound) = sound.resampled(16_000) else { return };
        assert_eq!(sound.samples().len() as u64, (count * 16_000).div_ceil(rate));
    }
}

/// An image has the pixels that its bounds allow, grey and in colour alike.
pub fn image(bytes: &[u8]) {
    let (grey, colour) = (amaas_image::grey(bytes), amaas_image::colour(bytes));
    match (grey, colour) {
        (Ok(grey), Ok(colour)) => {
            assert_eq!(grey.dimensions(), colour.dimensions());
            let (width, height) = grey.dimensions();
            assert!(u64::from(width) * u64::from(height) <= amaas_image::MAX_PIXELS);
        }
        (grey, colour) => assert_eq!(grey.err(), colour.err()),
    }
}

/// A network that is checked twice has the same answer, and so has the question whether its rows see one another; nothing outside the
/// file is opened.
pub fn onnx(bytes: &[u8]) {
    let files = NetworkFiles { file: Bytes::copy_from_slice(bytes), ..Default::default() };
    let checked = || onnx::check(&files).map(|checked| checked.unranked).map_err(|error| error.to_string());
    assert_eq!(checked(), checked());
    let proven = || onnx::rows::prove(&files).map_err(|error| error.to_string());
    assert_eq!(proven(), proven());
}
