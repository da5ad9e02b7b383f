//! The image processor of an export.

use amaas_model::task::{Assets, InvalidInput, TaskError};
use image::{Rgb, RgbImage};
use serde_json::Value;

use super::class::{Normalisation, ProcessorClass, ResizeKind};
use super::crop::center_crop;
use super::levels::{LevelSteps, LevelValues};
use super::processed::ProcessedImage;
use super::size::{CONVNEXT_SQUARE, MAX_SIDE, ResizeRule, Size, TargetSize, check_bounds};
use crate::export::ConfigFile;
use crate::vision::resample::{Resampler, resize_like_opencv};
use crate::vision::{ResampleFilter, resize};

/// Resizes, crops, rescales, normalises and pads images as a `preprocessor_config.json` says, with the results of Python's
/// `transformers`.
///
/// Images are resized as Pillow 13 does. Classes whose names end in `Fast` do the same here, although those resize with torchvision, whose
/// levels may differ by 1.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageProcessor {
    resize: Option<(ResizeRule, Resampler)>,
    crop: Option<Size>,
    padding: Padding,
    /// The value of padding.
    fill: f32,
    values: LevelValues,
    is_bgr: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    None,
    /// To the right and below, to a size.
    To(Size),
    /// On all sides, to a multiple of a length.
    Multiple(u32),
    /// On all sides, to a size.
    Around(Size),
}

impl ImageProcessor {
    /// The name of the file.
    pub const FILE: &'static str = "preprocessor_config.json";

    /// Reads [`FILE`](Self::FILE), and `config.json` if that names no class.
    ///
    /// # Errors
    /// If a file is missing or not valid, or if the class or a field of the processor is not supported.
    pub fn load(assets: &Assets) -> Result<Self, TaskError> {
        Self::of(&ConfigFile::read(assets, Self::FILE)?, &ConfigFile::read_or_empty(assets, "config.json")?)
    }

    /// The processor of `file`. Without a class in it, the `model_type` of `config` counts.
    ///
    /// # Errors
    /// If the class or a field of the processor is not supported, or a value is not valid.
    pub fn of(file: &ConfigFile, config: &ConfigFile) -> Result<Self, TaskError> {
        let class = class(file, config)?;
        if let Some(field) = file.fields().find(|field| !KNOWN_FIELDS.contains(field)) {
            return Err(file.error(field, "this field is not known, and could change the pixels"));
        }
        Ok(Self {
            resize: resize_rule(file, class)?,
            crop: crop_size(file, class)?,
            padding: padding(file, class)?,
            fill: 0.0,
            values: LevelValues::new(level_steps(file, class)?),
            is_bgr: class.normalisation == Normalisation::Bgr && flag(file, "do_flip_channel_order", true)?,
        })
    }

    /// The letterbox of YOLO: the image is resized to fit into `width` x `height` pixels with its proportions, and padded with grey
    /// on all sides. Levels become values from 0 to 1. The results are those of ultralytics, which resizes with `OpenCV`.
    ///
    /// # Errors
    /// If a side is 0 or too long.
    pub fn letterbox(width: u32, height: u32) -> Result<Self, TaskError> {
        let size = Size { width, height };
        let is_bounded = |side: u32| (1..=MAX_SIDE).contains(&side);
        if !is_bounded(width) || !is_bounded(height) {
            return Err(TaskError::new(format!("expected sides of 1 to {MAX_SIDE} pixels, got {width} x {height}")));
        }
        let values = LevelValues::new(LevelSteps { scale: Some(1.0 / 255.0), ..LevelSteps::default() });
        Ok(Self {
            resize: Some((ResizeRule::exact(ResizeKind::Letterbox, size), Resampler::OpenCvBilinear)),
            crop: None,
            padding: Padding::Around(size),
            fill: values.get(0, LETTERBOX_GREY),
            values,
            is_bgr: false,
        })
    }

    /// Width and height of every processed image; `None` if they depend on the image.
    pub fn fixed_size(&self) -> Option<(u32, u32)> {
        let size = match (self.padding, self.crop, &self.resize) {
            (Padding::To(size) | Padding::Around(size), ..) | (_, Some(size), _) => Some(size),
            (_, None, Some((rule, _))) => rule.fixed(),
            (_, None, None) => None,
        };
        size.map(|size| self.padded(size)).map(|size| (size.width, size.height))
    }

    /// Resizes, crops and pads `image`.
    ///
    /// # Errors
    /// If the image gets too large, or vanishes, because one side is very long.
    pub fn process(&self, image: RgbImage) -> Result<ProcessedImage, InvalidInput> {
        let original = image.dimensions();
        let old = Size { width: original.0, height: original.1 };
        let mut image = image;
        if let Some((rule, resampler)) = &self.resize {
            let new = rule.new_size(old);
            check_bounds(old, new)?;
            image = match resampler {
                Resampler::Pillow(filter) => resize(image, new.width, new.height, *filter),
                Resampler::OpenCvBilinear => resize_like_opencv(image, new.width, new.height),
            };
        }
        if let Some(size) = self.crop {
            image = center_crop(&image, size);
        }
        let size = Size { width: image.width(), height: image.height() };
        let canvas = self.padded(size);
        check_bounds(size, canvas)?;
        if canvas.width < size.width || canvas.height < size.height {
            return Err(InvalidInput::new("the image is larger than pad_size after resizing"));
        }
        let offset = match self.padding {
            Padding::Multiple(_) | Padding::Around(_) => {
                ((canvas.width - size.width) / 2, (canvas.height - size.height) / 2)
            }
            _ => (0, 0),
        };
        Ok(ProcessedImage { image, offset, canvas: (canvas.width, canvas.height), original })
    }

    /// Appends the values of `image`, `[3, height, width]`, or `[height, width, 3]` if `channels_last`. Padding is 0, or the
    /// grey of a letterbox.
    pub fn append_values(&self, image: &ProcessedImage, channels_last: bool, to: &mut Vec<f32>) {
        let (width, height) = (image.canvas.0 as usize, image.canvas.1 as usize);
        let start = to.len();
        to.resize(start + 3 * width * height, self.fill);
        let values = &mut to[start..];
        let (left, top) = (image.offset.0 as usize, image.offset.1 as usize);
        for (x, y, Rgb(levels)) in image.image.enumerate_pixels() {
            let place = (y as usize + top) * width + x as usize + left;
            for (channel, level) in levels.iter().enumerate() {
                let slot = if self.is_bgr { 2 - channel } else { channel };
                let place = if channels_last { place * 3 + slot } else { slot * width * height + place };
                values[place] = self.values.get(channel, *level);
            }
        }
    }

    /// Whether an image may be smaller than the canvas.
    pub fn pads(&self) -> bool {
        self.padding != Padding::None
    }

    fn padded(&self, size: Size) -> Size {
        match self.padding {
            Padding::None => size,
            Padding::To(whole) | Padding::Around(whole) => whole,
            Padding::Multiple(divisor) => {
                Size { width: size.width.next_multiple_of(divisor), height: size.height.next_multiple_of(divisor) }
            }
        }
    }
}

fn class(file: &ConfigFile, config: &ConfigFile) -> Result<&'static ProcessorClass, TaskError> {
    for field in ["image_processor_type", "feature_extractor_type"] {
        if let Some(name) = file.optional::<String>(field)? {
            let unknown = || {
                let known = ProcessorClass::names();
                file.error(field, format!("{name:?} is not supported; supported are {known}, each with ImageProcessor"))
            };
            return ProcessorClass::named(&name).ok_or_else(unknown);
        }
    }
    let model_type = config.required::<String>("model_type").map_err(|_| {
        file.error(
            "image_processor_type",
            "expected the name of a class, here or by model_type in config.json, got none",
        )
    })?;
    ProcessorClass::of_model(&model_type).ok_or_else(|| {
        config.error(
            "model_type",
            format!(
                "the image processor of {model_type:?} is not known; name it as image_processor_type in {}",
                file.name()
            ),
        )
    })
}

fn resize_rule(file: &ConfigFile, class: &ProcessorClass) -> Result<Option<(ResizeRule, Resampler)>, TaskError> {
    if !flag(file, "do_resize", true)? {
        return Ok(None);
    }
    let number = file.optional::<u64>("resample")?;
    let filter = number.map_or(Some(class.filter), ResampleFilter::from_number);
    let filter = filter.ok_or_else(|| file.error("resample", "expected a filter of Pillow, 0 to 5"))?;
    let kind = class.resize;
    let keeps_proportions = matches!(kind, ResizeKind::Detr | ResizeKind::Yolos | ResizeKind::MaskFormer);
    let longest = file.optional::<u32>("max_size")?.unwrap_or(DEFAULT_LONGEST);
    let longest = keeps_proportions.then_some(longest);
    let is_square = matches!(kind, ResizeKind::Exact | ResizeKind::Dpt);
    let target = TargetSize::of(file, "size", is_square, longest)?;
    let target = match target {
        Some(TargetSize::Shortest(side, None)) if kind == ResizeKind::MaskFormer => TargetSize::Shortest(side, longest),
        Some(target) => target,
        None if is_square => TargetSize::Exact(Size { width: class.size, height: class.size }),
        None => TargetSize::Shortest(class.size, longest),
    };
    match target {
        TargetSize::Shortest(..) if is_square => return Err(file.error("size", "expected \"height\" and \"width\"")),
        TargetSize::Exact(_) if kind == ResizeKind::ConvNext => {
            return Err(file.error("size", "expected \"shortest_edge\""));
        }
        TargetSize::Shortest(_, None) if keeps_proportions => {
            return Err(file.error("size", "expected \"longest_edge\" beside \"shortest_edge\""));
        }
        _ => {}
    }
    let default_share = match kind {
        ResizeKind::ConvNext => Some(224.0 / 256.0),
        ResizeKind::PoolFormer => Some(0.9),
        _ => None,
    };
    let crop_pct = file.optional::<f64>("crop_pct")?.or(default_share);
    if crop_pct.is_some_and(|share| !(MIN_CROP_PCT..=1.0 / MIN_CROP_PCT).contains(&share)) {
        return Err(file.error("crop_pct", "expected a share of about 1"));
    }
    let divisor = match file.optional::<u32>("size_divisor")? {
        Some(divisor) => divisor,
        None => file.optional("size_divisibility")?.unwrap_or(32),
    };
    let multiple = file.optional::<u32>("ensure_multiple_of")?.unwrap_or(1);
    if divisor > MAX_SIDE || !(1..=MAX_SIDE).contains(&multiple) {
        return Err(file.error("size_divisor", format!("expected divisors of sides of at most {MAX_SIDE}")));
    }
    let keep_aspect_ratio = flag(file, "keep_aspect_ratio", false)?;
    let rule = ResizeRule { kind, target, crop_pct, divisor, multiple, keep_aspect_ratio };
    Ok(Some((rule, Resampler::Pillow(filter))))
}

fn crop_size(file: &ConfigFile, class: &ProcessorClass) -> Result<Option<Size>, TaskError> {
    if class.resize == ResizeKind::ConvNext {
        // The centre is cropped after resizing, and only then.
        let target = TargetSize::of(file, "size", false, None)?;
        return Ok(match target {
            Some(TargetSize::Shortest(side, _)) if side < CONVNEXT_SQUARE && flag(file, "do_resize", true)? => {
                Some(Size { width: side, height: side })
            }
            _ => None,
        });
    }
    let Some((side, default)) = class.crop else { return Ok(None) };
    if !flag(file, "do_center_crop", default)? {
        return Ok(None);
    }
    match TargetSize::of(file, "crop_size", true, None)? {
        Some(TargetSize::Exact(cropped)) => Ok(Some(cropped)),
        Some(TargetSize::Shortest(..)) => Err(file.error("crop_size", "expected \"height\" and \"width\"")),
        None => Ok(Some(Size { width: side, height: side })),
    }
}

fn padding(file: &ConfigFile, class: &ProcessorClass) -> Result<Padding, TaskError> {
    match class.resize {
        ResizeKind::Dpt if flag(file, "do_pad", false)? => {
            let divisor = file.required::<u32>("size_divisor")?;
            let is_valid = (1..=MAX_SIDE).contains(&divisor);
            is_valid
                .then_some(Padding::Multiple(divisor))
                .ok_or_else(|| file.error("size_divisor", "expected 1 or more"))
        }
        ResizeKind::Detr | ResizeKind::Yolos | ResizeKind::Exact if flag(file, "do_pad", true)? => {
            // Without a size, images are padded to the largest of a batch. Here each has its own run, so that there is no padding.
            match TargetSize::of(file, "pad_size", true, None)? {
                Some(TargetSize::Exact(size)) => Ok(Padding::To(size)),
                Some(TargetSize::Shortest(..)) => Err(file.error("pad_size", "expected \"height\" and \"width\"")),
                None => Ok(Padding::None),
            }
        }
        _ => Ok(Padding::None),
    }
}

fn level_steps(file: &ConfigFile, class: &ProcessorClass) -> Result<LevelSteps, TaskError> {
    let (mean, deviation) = class.normalisation.values();
    let mean = channels(file, "image_mean", mean)?;
    let deviation = channels(file, "image_std", deviation)?;
    if deviation.contains(&0.0) {
        return Err(file.error("image_std", "expected no 0"));
    }
    let scale = file.optional::<f64>("rescale_factor")?.unwrap_or(1.0 / 255.0);
    if !scale.is_finite() {
        return Err(file.error("rescale_factor", "expected a finite number"));
    }
    let normalises = match class.normalisation {
        Normalisation::Bgr => false,
        Normalisation::Optional => flag(file, "do_normalize", false)?,
        _ => flag(file, "do_normalize", true)?,
    };
    let is_efficient_net = class.is("EfficientNet");
    Ok(LevelSteps {
        scale: flag(file, "do_rescale", true)?.then_some(scale),
        offset: is_efficient_net && flag(file, "rescale_offset", false)?,
        normalisation: normalises.then_some((mean, deviation)),
        divisor: (is_efficient_net && flag(file, "include_top", true)?).then_some(deviation),
    })
}

/// A value for each channel: a number, or one for each.
fn channels(file: &ConfigFile, field: &str, default: [f64; 3]) -> Result<[f64; 3], TaskError> {
    let values = match file.optional::<Value>(field)? {
        None => default,
        Some(Value::Number(number)) => [number.as_f64().unwrap_or(f64::NAN); 3],
        Some(_) => file.required::<[f64; 3]>(field)?,
    };
    let is_valid = values.iter().all(|value| value.is_finite() && value.abs() < 1e6);
    is_valid.then_some(values).ok_or_else(|| file.error(field, "expected finite numbers below a million"))
}

fn flag(file: &ConfigFile, field: &str, default: bool) -> Result<bool, TaskError> {
    Ok(file.optional(field)?.unwrap_or(default))
}

/// The longer side of DETR's images, if the file does not give it.
const DEFAULT_LONGEST: u32 = 1333;
const MIN_CROP_PCT: f64 = 0.1;
/// The level of ultralytics' padding.
const LETTERBOX_GREY: u8 = 114;

/// The fields that this processor reads, and those without effect on pixels.
const KNOWN_FIELDS: &[&str] = &[
    // MaskFormer writes its default; when it is read, only `size` and `max_size` count.
    "_max_size",
    "_valid_processor_keys",
    "auto_map",
    "crop_pct",
    "crop_size",
    "data_format",
    "device",
    "disable_grouping",
    "default_to_square",
    "do_center_crop",
    "do_convert_annotations",
    "do_convert_rgb",
    "do_flip_channel_order",
    "do_normalize",
    "do_pad",
    "do_reduce_labels",
    "do_rescale",
    "do_resize",
    "ensure_multiple_of",
    "feature_extractor_type",
    "format",
    "ignore_index",
    "image_mean",
    "image_processor_type",
    "image_std",
    "include_top",
    "input_data_format",
    "keep_aspect_ratio",
    "max_size",
    "num_labels",
    "pad_and_return_pixel_mask",
    "pad_size",
    "processor_class",
    "reduce_labels",
    "resample",
    "rescale_factor",
    "rescale_offset",
    "return_tensors",
    "size",
    "size_divisibility",
    "size_divisor",
];

#[cfg(test)]
mod tests;
