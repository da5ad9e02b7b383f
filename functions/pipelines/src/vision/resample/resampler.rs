//! The library whose resampling an image processor reproduces.

use super::ResampleFilter;

/// How an image gets another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vision) enum Resampler {
    /// As Pillow does, with a filter.
    Pillow(ResampleFilter),
    /// As `OpenCV`'s `INTER_LINEAR` does.
    OpenCvBilinear,
}
