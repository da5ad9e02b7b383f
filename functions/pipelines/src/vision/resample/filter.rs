//! The filters of Pillow's `Image.resize`.

use std::f64::consts::PI;

/// A resampling filter of Pillow. When an image gets smaller, the filter gets wider in proportion, which prevents aliasing; `Nearest` is
/// not widened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResampleFilter {
    /// The nearest pixel.
    Nearest,
    /// A sinc that a wider sinc truncates, over six pixels.
    Lanczos,
    /// A triangle over two pixels.
    Bilinear,
    /// A cubic with a = -0.5, over four pixels.
    Bicubic,
    /// The mean of the pixels.
    Box,
    /// A sinc in a Hamming window, over two pixels.
    Hamming,
}

impl ResampleFilter {
    /// The filter with Pillow's `number`, which is the value of `resample` in a `preprocessor_config.json`: 0 to 5.
    ///
    /// ```
    /// use amaas_pipelines::vision::ResampleFilter;
    ///
    /// assert_eq!(ResampleFilter::from_number(3), Some(ResampleFilter::Bicubic));
    /// assert_eq!(ResampleFilter::from_number(6), None);
    /// ```
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Nearest,
            1 => Self::Lanczos,
            2 => Self::Bilinear,
            3 => Self::Bicubic,
            4 => Self::Box,
            5 => Self::Hamming,
            _ => return None,
        })
    }

    /// Half of the filter's width, in pixels of an image that is not made smaller.
    pub(super) fn support(self) -> f64 {
        match self {
            Self::Nearest | Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    /// The weight of a pixel at the distance `x` from the centre, in the same unit as the support.
    pub(super) fn weight(self, x: f64) -> f64 {
        match self {
            Self::Nearest | Self::Box => f64::from(x > -0.5 && x <= 0.5),
            Self::Bilinear => (1.0 - x.abs()).max(0.0),
            Self::Bicubic => cubic(x.abs()),
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Lanczos => 0.0,
            Self::Hamming => hamming(x.abs()),
        }
    }
}

/// The cubic convolution of Keys with a = -0.5.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn hamming(x: f64) -> f64 {
    // Pillow's constants have 24 bits.
    let (mean, amplitude) = (f64::from(0.54_f32), f64::from(0.46_f32));
    if x >= 1.0 { 0.0 } else { sinc(x) * (mean + amplitude * (x * PI).cos()) }
}

fn sinc(x: f64) -> f64 {
    let x = x * PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}
