//! Preprocessing of images for an image network, as `image.json` describes it.

use amaas_image::{colour, grey};
use amaas_serve::task::{InvalidInput, TaskError};
use amaas_wire::task::Image;
use amaas_wire::{Datatype, Tensor, TensorData};
use half::f16;
use image::imageops::FilterType;
use image::{DynamicImage, RgbImage};
use serde::Deserialize;

/// The input and output of an image network, from `image.json`. A value is `(level · scale - mean) / deviation`, for levels of 0
/// to 255.
///
/// ```
/// use amaas_match::ImageNetworkConfig;
///
/// let json = r#"{"input": "x", "output": "y", "width": 28, "height": 28, "channels": "grey", "layout": "nhw",
///     "datatype": "UINT8", "scores": "logits", "mean": [0.5]}"#;
/// let error = ImageNetworkConfig::from_json(json).expect_err("bytes are not normalised");
/// assert_eq!(error.to_string(), "image.json: UINT8 takes levels as they are: expected no scale, mean and deviation");
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageNetworkConfig {
    /// The network's input.
    pub input: String,
    /// The network's output, with a value for each label.
    pub output: String,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// How an image of another size is resized.
    #[serde(default)]
    pub fit: ImageFit,
    /// The channels of a pixel, in their order.
    pub channels: PixelChannels,
    /// The order of the dimensions.
    pub layout: TensorLayout,
    /// `FP32`, `FP16` or `UINT8`.
    pub datatype: Datatype,
    /// The factor of levels.
    #[serde(default = "default_scale")]
    pub scale: f32,
    /// Subtracted then, a value for each channel; 0 if it is empty.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// The divisor of the difference, a value for each channel; 1 if it is empty.
    #[serde(default)]
    pub deviation: Vec<f32>,
    /// The kind of the outputs.
    pub scores: ScoreKind,
    /// How many of the most probable labels count.
    #[serde(default = "default_top")]
    pub top: usize,
}

/// How an image of another size is resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFit {
    /// The whole image, stretched.
    #[default]
    Stretch,
    /// The largest centred part with the right proportions.
    Cover,
    /// The ink on an even background, as in the digits function: white on black, centred.
    Digit,
}

/// The channels of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelChannels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One level of grey.
    Grey,
}

/// The order of the dimensions of an input of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TensorLayout {
    /// `[1, channels, height, width]`.
    Nchw,
    /// `[1, height, width, channels]`.
    Nhwc,
    /// `[1, height, width]`, for grey.
    Nhw,
}

/// The kind of a network's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreKind {
    /// Probabilities, which add up to 1.
    Probabilities,
    /// Logits; their softmax are probabilities.
    Logits,
}

impl ImageNetworkConfig {
    /// Reads an `image.json`.
    ///
    /// # Errors
    /// It is no such file, or its members contradict each other.
    pub fn from_json(json: &str) -> Result<Self, TaskError> {
        let wrong = |what: &dyn std::fmt::Display| TaskError::new(format!("image.json: {what}"));
        let picture: Self = serde_json::from_str(json).map_err(|error| wrong(&error))?;
        picture.check().map_err(|what| wrong(&what))?;
        Ok(picture)
    }

    /// The network's input for `image`, one row.
    ///
    /// # Errors
    /// Why the image is refused.
    pub fn tensor(&self, image: &Image) -> Result<Tensor, InvalidInput> {
        let levels = self.levels(image.as_bytes())?;
        let data = match self.datatype {
            Datatype::Uint8 => TensorData::Uint8(levels.into()),
            Datatype::Fp16 => TensorData::Fp16(self.values(&levels).map(f16::from_f32).collect()),
            _ => TensorData::Fp32(self.values(&levels).collect()),
        };
        let (width, height, channels) = (self.width as usize, self.height as usize, self.channels.count());
        let shape = match self.layout {
            TensorLayout::Nchw => vec![1, channels, height, width],
            TensorLayout::Nhwc => vec![1, height, width, channels],
            TensorLayout::Nhw => vec![1, height, width],
        };
        Tensor::new(self.input.as_str(), shape, data).map_err(InvalidInput::new)
    }

    fn check(&self) -> Result<(), String> {
        let channels = self.channels.count();
        if !(1..=MAX_SIDE).contains(&self.width) || !(1..=MAX_SIDE).contains(&self.height) {
            return Err(format!("width and height: expected 1 to {MAX_SIDE}, got {} and {}", self.width, self.height));
        }
        if !matches!(self.datatype, Datatype::Fp32 | Datatype::Fp16 | Datatype::Uint8) {
            return Err(format!("datatype: expected FP32, FP16 or UINT8, got {}", self.datatype));
        }
        for (name, values) in [("mean", &self.mean), ("deviation", &self.deviation)] {
            if !values.is_empty() && values.len() != channels {
                return Err(format!(
                    "{name}: expected one value for each of {channels} channels, got {}",
                    values.len()
                ));
            }
        }
        let numbers = self.mean.iter().chain(&self.deviation).chain([&self.scale]);
        if numbers.into_iter().any(|value| !value.is_finite()) || self.deviation.contains(&0.0) {
            return Err("scale, mean and deviation have to be finite, and no deviation 0".to_owned());
        }
        let plain = self.mean.is_empty() && self.deviation.is_empty() && (self.scale - 1.0).abs() < f32::EPSILON;
        if self.datatype == Datatype::Uint8 && !plain {
            return Err("UINT8 takes levels as they are: expected no scale, mean and deviation".to_owned());
        }
        if self.layout == TensorLayout::Nhw && channels != 1 {
            return Err("the layout \"nhw\" has one channel: expected the channels \"grey\"".to_owned());
        }
        let side = amaas_digits::SIDE;
        if self.fit == ImageFit::Digit && (self.channels, self.width, self.height) != (PixelChannels::Grey, side, side)
        {
            return Err(format!("the fit \"digit\" makes grey images of {side} x {side} pixels and no other"));
        }
        if self.top == 0 {
            return Err("top: expected at least 1".to_owned());
        }
        Ok(())
    }

    /// The levels of all pixels in the order of the layout.
    fn levels(&self, file: &[u8]) -> Result<Vec<u8>, InvalidInput> {
        if self.fit == ImageFit::Digit {
            let digit = amaas_digits::digit(grey(file).map_err(InvalidInput::new)?);
            let blank = "expected a digit, got an image in which nothing differs from the background";
            return Ok(digit.ok_or_else(|| InvalidInput::new(blank))?.to_vec());
        }
        let image: DynamicImage = match self.channels {
            PixelChannels::Grey => grey(file).map_err(InvalidInput::new)?.into(),
            PixelChannels::Rgb | PixelChannels::Bgr => colour(file).map_err(InvalidInput::new)?.into(),
        };
        let (left, top, width, height) = self.part(image.width(), image.height());
        let seen = image.crop_imm(left, top, width, height);
        let seen = seen.resize_exact(self.width, self.height, FilterType::Triangle);
        Ok(match self.channels {
            PixelChannels::Grey => seen.into_luma8().into_raw(),
            PixelChannels::Rgb | PixelChannels::Bgr => self.pixels(seen.into_rgb8()),
        })
    }

    /// The part of an image of this size that is used: left, top, width, height.
    fn part(&self, width: u32, height: u32) -> (u32, u32, u32, u32) {
        if self.fit != ImageFit::Cover {
            return (0, 0, width, height);
        }
        // No side is above 8,192 and no target's above MAX_SIDE, so the products fit.
        let wide = (height * self.width / self.height).clamp(1, width);
        let high = (width * self.height / self.width).clamp(1, height);
        ((width - wide) / 2, (height - high) / 2, wide, high)
    }

    fn pixels(&self, image: RgbImage) -> Vec<u8> {
        let mut pixels = image.into_raw();
        if self.channels == PixelChannels::Bgr {
            pixels.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
        }
        match self.layout {
            TensorLayout::Nhwc | TensorLayout::Nhw => pixels,
            TensorLayout::Nchw => (0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect(),
        }
    }

    fn values<'s>(&'s self, levels: &'s [u8]) -> impl Iterator<Item = f32> + 's {
        let (channels, area) = (self.channels.count(), self.width as usize * self.height as usize);
        let channel = move |at: usize| if self.layout == TensorLayout::Nhwc { at % channels } else { at / area };
        levels.iter().enumerate().map(move |(at, level)| {
            let mean = self.mean.get(channel(at)).copied().unwrap_or(0.0);
            let deviation = self.deviation.get(channel(at)).copied().unwrap_or(1.0);
            (f32::from(*level) * self.scale - mean) / deviation
        })
    }
}

impl PixelChannels {
    fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Grey => 1,
        }
    }
}

fn default_scale() -> f32 {
    1.0
}

fn default_top() -> usize {
    5
}

/// Image classifiers have inputs of some hundreds of pixels a side. A row of this size in FP32 has 12 MiB.
const MAX_SIDE: u32 = 1024;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn picture(change: &[(&str, serde_json::Value)]) -> Result<ImageNetworkConfig, TaskError> {
        let mut json = serde_json::json!({
            "input": "x", "output": "y", "width": 2, "height": 1, "channels": "rgb", "layout": "nchw",
            "datatype": "FP32", "scores": "logits",
        });
        for (name, value) in change {
            json[name] = value.clone();
        }
        ImageNetworkConfig::from_json(&json.to_string())
    }

    fn file(pixels: &[[u8; 3]]) -> Image {
        let width = u32::try_from(pixels.len()).expect("few");
        let image = RgbImage::from_fn(width, 1, |x, _| image::Rgb(pixels[x as usize]));
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, image::ImageFormat::Png).expect("PNG can be written");
        file.into_inner().into()
    }

    #[test]
    fn channels_and_layout_are_the_networks() {
        let image = file(&[[10, 20, 30], [40, 50, 60]]);
        let tensor =
            |change: &[(&str, serde_json::Value)]| picture(change).expect("right").tensor(&image).expect("an image");
        let values = |tensor: &Tensor| tensor.data().as_f32().expect("FP32").to_vec();
        assert_eq!(values(&tensor(&[])), [10.0, 40.0, 20.0, 50.0, 30.0, 60.0]);
        let bgr = [("channels", "bgr".into()), ("mean", serde_json::json!([30, 20, 10]))];
        assert_eq!(values(&tensor(&bgr)), [0.0, 30.0, 0.0, 30.0, 0.0, 30.0]);
        let nhwc = tensor(&[
            ("layout", "nhwc".into()),
            ("scale", 0.5.into()),
            ("mean", serde_json::json!([5, 0, 0])),
            ("deviation", serde_json::json!([1, 10, 1])),
        ]);
        assert_eq!(nhwc.shape(), [1, 1, 2, 3]);
        assert_eq!(values(&nhwc), [0.0, 1.0, 15.0, 15.0, 2.5, 30.0]);
        let grey = tensor(&[("channels", "grey".into()), ("layout", "nhw".into()), ("datatype", "UINT8".into())]);
        assert_eq!((grey.shape(), grey.datatype()), (&[1, 1, 2][..], Datatype::Uint8));
        assert_eq!(tensor(&[("datatype", "FP16".into())]).datatype(), Datatype::Fp16);
    }

    #[test]
    fn an_image_of_other_proportions_is_stretched_or_cut() {
        let image = file(&[[0; 3], [100; 3], [100; 3], [0; 3]]);
        let fitted = |fit: &str| {
            let picture = picture(&[("fit", fit.into()), ("channels", "grey".into())]).expect("right");
            picture.tensor(&image).expect("an image").data().as_f32().expect("FP32").to_vec()
        };
        assert_eq!(fitted("cover"), [100.0, 100.0]);
        let stretched = fitted("stretch");
        assert!(stretched.iter().all(|value| (30.0..80.0).contains(value)), "{stretched:?}");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (change, expected) in [
            (("width", serde_json::json!(0)), "width and height: expected 1 to 1024, got 0 and 1"),
            (("height", serde_json::json!(5000)), "width and height: expected 1 to 1024, got 2 and 5000"),
            (("datatype", serde_json::json!("INT64")), "datatype: expected FP32, FP16 or UINT8, got INT64"),
            (("mean", serde_json::json!([1])), "mean: expected one value for each of 3 channels, got 1"),
            (("deviation", serde_json::json!([1, 0, 1])), "scale, mean and deviation have to be finite"),
            (("layout", serde_json::json!("nhw")), "the layout \"nhw\" has one channel"),
            (("fit", serde_json::json!("digit")), "the fit \"digit\" makes grey images of 28 x 28 pixels and no other"),
            (("top", serde_json::json!(0)), "top: expected at least 1"),
            (("channels", serde_json::json!("cmyk")), "unknown variant `cmyk`, expected one of `rgb`, `bgr`, `grey`"),
            (("sizes", serde_json::json!(1)), "unknown field `sizes`"),
        ] {
            let error = picture(&[change]).expect_err(expected).to_string();
            assert!(error.starts_with("image.json: ") && error.contains(expected), "{error}");
        }
        for (name, text) in [("labels", "["), ("empty", "")] {
            assert!(ImageNetworkConfig::from_json(text).is_err(), "{name}");
        }
    }

    #[test]
    fn the_committed_files_are_right() {
        for json in [include_str!("../model/image.json"), include_str!("../model/squeezenet.json")] {
            assert_eq!(ImageNetworkConfig::from_json(json).map(|picture| picture.top), Ok(5));
        }
    }
}
