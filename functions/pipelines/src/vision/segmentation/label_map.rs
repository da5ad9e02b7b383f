//! A label for each pixel of an image, and the mask of each label as PNG.

use amaas_model::PredictError;
use amaas_wire::task::Image;
use png::{BitDepth, ColorType, Compression, Filter};

/// The label of each pixel of an image, in rows. A pixel may have none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LabelMap {
    labels: Vec<u16>,
    width: u32,
    height: u32,
}

impl LabelMap {
    /// The maximum number of labels in a map.
    pub(super) const MAX_LABELS: usize = u16::MAX as usize;

    /// An empty map for an image of `width` x `height` pixels, which gets its pixels in rows.
    pub(super) fn with_size((width, height): (u32, u32)) -> Self {
        Self { labels: Vec::with_capacity(width as usize * height as usize), width, height }
    }

    /// Adds the next pixel; labels from [`MAX_LABELS`](Self::MAX_LABELS) on are none.
    pub(super) fn push(&mut self, label: Option<usize>) {
        self.labels.push(label.and_then(|label| u16::try_from(label).ok()).unwrap_or(NO_LABEL));
    }

    /// The number of pixels of each of `count` labels.
    pub(super) fn areas(&self, count: usize) -> Vec<usize> {
        let mut areas = vec![0; count];
        for label in &self.labels {
            if let Some(area) = areas.get_mut(usize::from(*label)) {
                *area += 1;
            }
        }
        areas
    }

    /// A PNG whose pixels with `label` are white, and others black.
    ///
    /// # Errors
    /// If the map has not all its pixels.
    pub(super) fn mask(&self, label: usize) -> Result<Image, PredictError> {
        let width = self.width as usize;
        let (expected, got) = (width * self.height as usize, self.labels.len());
        if got != expected {
            return Err(PredictError::internal(format!("expected a map of {expected} pixels, got {got}")));
        }
        let mut bits = Vec::with_capacity(width.div_ceil(8) * self.height as usize);
        for row in self.labels.chunks(width.max(1)) {
            let is_label = |pixel: &u16| u8::from(usize::from(*pixel) == label);
            bits.extend(row.chunks(8).map(|pixels| {
                let byte = pixels.iter().fold(0, |byte, pixel| byte << 1 | is_label(pixel));
                byte << (8 - pixels.len())
            }));
        }
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::One);
        encoder.set_compression(Compression::Fast);
        // Rows are mostly equal to the row above.
        encoder.set_filter(Filter::Up);
        let mut writer = encoder.write_header().map_err(PredictError::internal)?;
        writer.write_image_data(&bits).map_err(PredictError::internal)?;
        writer.finish().map_err(PredictError::internal)?;
        Ok(Image::from(file))
    }
}

const NO_LABEL: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_white_where_the_label_is() {
        let size = (11, 3);
        let label = |x: u32, y: u32| (x != 5).then_some(((x + y) % 3) as usize);
        let mut map = LabelMap::with_size(size);
        (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y))).for_each(|(x, y)| map.push(label(x, y)));
        assert_eq!(map.areas(3).iter().sum::<usize>(), 30);
        for wanted in 0..4 {
            let mask = map.mask(wanted).expect("a mask");
            let pixels = amaas_image::grey(mask.as_bytes()).expect("an image");
            assert_eq!(pixels.dimensions(), size);
            for (x, y, pixel) in pixels.enumerate_pixels() {
                let expected = if label(x, y) == Some(wanted) { 255 } else { 0 };
                assert_eq!(pixel.0[0], expected, "{x}, {y}, label {wanted}");
            }
        }
    }

    #[test]
    fn a_map_without_all_pixels_is_an_error() {
        let mut map = LabelMap::with_size((2, 1));
        map.push(Some(0));
        assert!(map.mask(0).is_err());
    }
}
