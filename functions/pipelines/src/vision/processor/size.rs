//! The size of an image after resizing: the spellings of `size`, and how each class reads them.

use amaas_image::MAX_PIXELS;
use amaas_model::task::{InvalidInput, TaskError};
use serde_json::Value;

use super::class::ResizeKind;
use crate::export::ConfigFile;

/// A width and a height, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

/// The value of `size` in a `preprocessor_config.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetSize {
    Exact(Size),
    /// The length of the shorter side, and the largest one of the longer side.
    Shortest(u32, Option<u32>),
}

impl TargetSize {
    /// The value of `field`. A number is a side of a square if `number_is_square`, else the length of the shorter side.
    pub(super) fn of(
        config: &ConfigFile,
        field: &str,
        number_is_square: bool,
        longest: Option<u32>,
    ) -> Result<Option<Self>, TaskError> {
        let Some(value) = config.optional::<Value>(field)? else { return Ok(None) };
        let side = |value: &Value| {
            let side = value.as_u64().and_then(|side| u32::try_from(side).ok());
            side.filter(|side| (1..=MAX_SIDE).contains(side))
                .ok_or_else(|| config.error(field, format!("expected sides of 1 to {MAX_SIDE} pixels, got {value}")))
        };
        let target = match &value {
            Value::Object(sides) => {
                let of = |name: &str| sides.get(name).filter(|side| !side.is_null()).map(side).transpose();
                let known = ["height", "width", "shortest_edge", "longest_edge"];
                if let Some(name) = sides.iter().find(|(name, side)| !side.is_null() && !known.contains(&name.as_str()))
                {
                    return Err(config.error(field, format!("{:?} is not supported", name.0)));
                }
                match (of("height")?, of("width")?, of("shortest_edge")?, of("longest_edge")?) {
                    (Some(height), Some(width), None, None) => Self::Exact(Size { width, height }),
                    (None, None, Some(shortest), longest) => Self::Shortest(shortest, longest),
                    _ => {
                        let expected = "expected \"height\" and \"width\", or \"shortest_edge\"";
                        return Err(config.error(field, format!("{expected}, got {value}")));
                    }
                }
            }
            Value::Array(sides) => match sides.as_slice() {
                [height, width] => Self::Exact(Size { width: side(width)?, height: side(height)? }),
                _ => return Err(config.error(field, format!("expected 2 sides, got {}", sides.len()))),
            },
            value if number_is_square => Self::Exact(Size { width: side(value)?, height: side(value)? }),
            value => Self::Shortest(side(value)?, longest),
        };
        Ok(Some(target))
    }
}

/// How an image is resized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ResizeRule {
    pub(super) kind: ResizeKind,
    pub(super) target: TargetSize,
    /// `crop_pct`.
    pub(super) crop_pct: Option<f64>,
    /// `size_divisor`, of `MaskFormer`.
    pub(super) divisor: u32,
    /// `ensure_multiple_of`, of DPT.
    pub(super) multiple: u32,
    /// `keep_aspect_ratio`, of DPT.
    pub(super) keep_aspect_ratio: bool,
}

impl ResizeRule {
    /// The rule `kind`, with the height and width of `size`.
    pub(super) fn exact(kind: ResizeKind, size: Size) -> Self {
        let target = TargetSize::Exact(size);
        Self { kind, target, crop_pct: None, divisor: 0, multiple: 1, keep_aspect_ratio: false }
    }

    /// The size of every image; `None` if it depends on the image.
    pub(super) fn fixed(&self) -> Option<Size> {
        let (one, other) = (Size { width: 64, height: 64 }, Size { width: 97, height: 31 });
        (self.new_size(one) == self.new_size(other)).then(|| self.new_size(one))
    }

    /// The size of an image of the size `old`; 0 or beyond the bounds if the image cannot be resized.
    pub(super) fn new_size(&self, old: Size) -> Size {
        match (self.kind, self.target) {
            (ResizeKind::Dpt, TargetSize::Exact(new)) => self.dpt(old, new),
            (ResizeKind::Letterbox, TargetSize::Exact(new)) => letterbox(old, new),
            (ResizeKind::ConvNext, TargetSize::Shortest(side, _)) => match self.crop_pct {
                Some(share) if side < CONVNEXT_SQUARE => shortest(old, divided(side, share), None),
                _ => Size { width: side, height: side },
            },
            (ResizeKind::PoolFormer, target) => match (target, self.crop_pct) {
                (TargetSize::Exact(new), Some(share)) if new.width == new.height => {
                    shortest(old, divided(new.width, share), None)
                }
                (TargetSize::Exact(new), Some(share)) => {
                    Size { width: divided(new.width, share), height: divided(new.height, share) }
                }
                (TargetSize::Shortest(side, _), share) => {
                    shortest(old, share.map_or(side, |share| divided(side, share)), None)
                }
                (TargetSize::Exact(new), None) => new,
            },
            (ResizeKind::MaskFormer, target) => {
                let new = match target {
                    TargetSize::Exact(new) => new,
                    TargetSize::Shortest(side, longest) => shortest(old, side, longest),
                };
                let up = |side: u32| if self.divisor == 0 { side } else { side.next_multiple_of(self.divisor) };
                Size { width: up(new.width), height: up(new.height) }
            }
            (_, TargetSize::Exact(new)) => new,
            (ResizeKind::Levit, TargetSize::Shortest(side, _)) => {
                shortest(old, truncated(256.0 / 224.0 * f64::from(side)), None)
            }
            (ResizeKind::Detr, TargetSize::Shortest(side, longest)) => aspect_ratio(old, side, longest),
            (ResizeKind::Yolos, TargetSize::Shortest(side, longest)) => {
                let new = aspect_ratio(old, side, longest);
                Size { width: new.width - new.width % 16, height: new.height - new.height % 16 }
            }
            (_, TargetSize::Shortest(side, _)) => shortest(old, side, None),
        }
    }

    fn dpt(&self, old: Size, new: Size) -> Size {
        let (mut down, mut across) =
            (f64::from(new.height) / f64::from(old.height), f64::from(new.width) / f64::from(old.width));
        if self.keep_aspect_ratio {
            // Scale as little as possible.
            if (1.0 - across).abs() < (1.0 - down).abs() { down = across } else { across = down }
        }
        let multiple = f64::from(self.multiple);
        let rounded = |side: f64| truncated((side / multiple).round_ties_even() * multiple);
        Size { width: rounded(across * f64::from(old.width)), height: rounded(down * f64::from(old.height)) }
    }
}

/// The shorter side gets `side` pixels, or fewer, so that the longer one gets `longest` at most.
fn shortest(old: Size, side: u32, longest: Option<u32>) -> Size {
    let (short, long) = (old.width.min(old.height), old.width.max(old.height));
    let (mut new_short, mut new_long) = (side, truncated(f64::from(side) * f64::from(long) / f64::from(short)));
    if let Some(longest) = longest.filter(|longest| new_long > *longest) {
        new_short = truncated(f64::from(longest) * f64::from(new_short) / f64::from(new_long));
        new_long = longest;
    }
    if old.width <= old.height {
        Size { width: new_short, height: new_long }
    } else {
        Size { width: new_long, height: new_short }
    }
}

/// The same with the rounding of DETR.
fn aspect_ratio(old: Size, mut side: u32, longest: Option<u32>) -> Size {
    let (short, long) = (f64::from(old.width.min(old.height)), f64::from(old.width.max(old.height)));
    if let Some(longest) = longest.filter(|longest| long / short * f64::from(side) > f64::from(*longest)) {
        side = truncated((f64::from(longest) * short / long).round_ties_even());
    }
    if old.width.min(old.height) == side {
        return old;
    }
    let scaled = |other: u32, by: u32| truncated(f64::from(side) * f64::from(other) / f64::from(by));
    if old.width < old.height {
        Size { width: side, height: scaled(old.height, old.width) }
    } else {
        Size { width: scaled(old.width, old.height), height: side }
    }
}

/// The largest size with the proportions of `old` that fits into `new`, with the rounding of ultralytics.
fn letterbox(old: Size, new: Size) -> Size {
    let gain = letterbox_gain((old.width, old.height), (new.width, new.height));
    let scaled = |side: u32| truncated((f64::from(side) * gain).round_ties_even());
    Size { width: scaled(old.width), height: scaled(old.height) }
}

/// The factor that makes an image of the size `old`, width and height, fit into the size `new`.
pub(in crate::vision) fn letterbox_gain(old: (u32, u32), new: (u32, u32)) -> f64 {
    (f64::from(new.0) / f64::from(old.0)).min(f64::from(new.1) / f64::from(old.1))
}

/// Refuses an image that gets too large, or vanishes, when it is resized from `old` to `new`.
pub(super) fn check_bounds(old: Size, new: Size) -> Result<(), InvalidInput> {
    let area = |width: u32, height: u32| u64::from(width) * u64::from(height);
    let between = area(old.width, new.height).max(area(new.width, old.height));
    let is_bounded = (1..=MAX_SIDE).contains(&new.width)
        && (1..=MAX_SIDE).contains(&new.height)
        && area(new.width, new.height) <= MAX_PIXELS
        && between <= 2 * MAX_PIXELS;
    if is_bounded {
        return Ok(());
    }
    Err(InvalidInput::new(format!(
        "expected an image that resizes to 1 to {MAX_SIDE} pixels a side and {MAX_PIXELS} in all, got one of {} x {} that resizes to {} x {}",
        old.width, old.height, new.width, new.height
    )))
}

fn divided(side: u32, share: f64) -> u32 {
    truncated(f64::from(side) / share)
}

/// The whole part of a length.
// A cast saturates.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn truncated(length: f64) -> u32 {
    length as u32
}

/// The longest side of an image that a network is fed with.
pub(super) const MAX_SIDE: u32 = 8192;
/// `ConvNeXT` stretches images to squares of this size and more.
pub(super) const CONVNEXT_SQUARE: u32 = 384;
