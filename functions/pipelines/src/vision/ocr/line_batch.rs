//! The lines of a page, in batches of similar length.

use amaas_model::PredictError;
use amaas_model::task::{InvalidInput, checkpoint};
use amaas_wire::Tensor;
use image::{RgbImage, imageops};

use super::crop::{CropSize, crop};
use super::geometry::Corners;
use super::line::{BATCH_LINES, ratio};
use super::networks::OcrNetworks;
use super::page::Page;

/// A line of text on a page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// Its place on the page; `None` if it is the whole page.
    corners: Option<Corners>,
    /// The width and height of its image.
    size: (u32, u32),
}

impl Line {
    /// The line that is all of `page`.
    pub(super) fn whole(page: &Page) -> Self {
        Self { corners: None, size: page.image().dimensions() }
    }

    /// The lines in boxes of a page.
    ///
    /// # Errors
    /// If the boxes overlap so much that their images exceed [`MAX_PIXELS`].
    pub(super) fn in_boxes(boxes: Vec<Corners>) -> Result<Vec<Self>, InvalidInput> {
        let pixels: u64 = boxes.iter().map(|corners| CropSize::of(corners).pixels()).sum();
        if pixels > MAX_PIXELS {
            return Err(InvalidInput::new(format!(
                "expected lines of text with at most {MAX_PIXELS} pixels in all, got {pixels}: they overlap"
            )));
        }
        let line = |corners: Corners| Self { corners: Some(corners), size: CropSize::of(&corners).upright() };
        Ok(boxes.into_iter().map(line).collect())
    }

    /// The corners of its box in the image that `page` is of.
    pub(super) fn corners_in_image(&self, page: &Page) -> Corners {
        self.corners.map_or_else(|| page.outline(), |corners| corners.map(|corner| page.original_point(corner)))
    }

    fn image(&self, page: &Page) -> RgbImage {
        self.corners.map_or_else(|| page.image().clone(), |corners| crop(page.image(), &corners))
    }
}

/// Batches `lines` by their ratio of width and height, by index.
pub(super) fn batches(lines: &[Line]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|a, b| ratio(lines[*a].size).total_cmp(&ratio(lines[*b].size)));
    order.chunks(BATCH_LINES).map(<[usize]>::to_vec).collect()
}

/// The images of some lines, in the sizes of the networks.
#[derive(Debug)]
pub(super) struct LineBatch {
    width: u32,
    images: Vec<RgbImage>,
    /// The input of the direction classifier, if there is one.
    direction: Option<Tensor>,
}

impl LineBatch {
    /// Cuts `lines` out of `page`.
    ///
    /// # Errors
    /// If the caller is gone.
    pub(super) fn cut(networks: &OcrNetworks, page: &Page, lines: &[Line]) -> Result<Self, PredictError> {
        let width = networks.recognizer.width(lines.iter().map(|line| line.size));
        let (mut images, mut for_direction) = (Vec::with_capacity(lines.len()), Vec::new());
        for line in lines {
            let image = line.image(page);
            for_direction.extend(networks.direction.as_ref().map(|direction| direction.fit(&image)));
            images.push(networks.recognizer.fit(&image, width));
            checkpoint()?;
        }
        let direction = networks.direction.as_ref().map(|direction| direction.tensor(&for_direction)).transpose()?;
        Ok(Self { width, images, direction })
    }

    /// The memory that cutting `lines` out takes, in bytes.
    pub(super) fn memory(lines: &[Line]) -> usize {
        let largest =
            lines.iter().map(|line| u64::from(line.size.0) * u64::from(line.size.1)).max().unwrap_or_default();
        // An image of three levels, and a copy that is rotated.
        usize::try_from(6 * largest).unwrap_or(usize::MAX)
    }

    /// Takes the input of the direction classifier.
    pub(super) fn take_direction(&mut self) -> Option<Tensor> {
        self.direction.take()
    }

    /// The input of the recognizer, in which the lines that are `upside_down` are turned around.
    ///
    /// # Errors
    /// If there is no such tensor.
    pub(super) fn tensor(mut self, networks: &OcrNetworks, upside_down: &[bool]) -> Result<Tensor, PredictError> {
        for (image, _) in self.images.iter_mut().zip(upside_down).filter(|(_, upside_down)| **upside_down) {
            imageops::rotate180_in_place(image);
        }
        networks.recognizer.tensor(&self.images, self.width)
    }
}

/// The most pixels of all lines of a page: eight pages of the largest size.
const MAX_PIXELS: u64 = 8 * 2000 * 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_similar_length_are_together() {
        let at = |width: f32| [[0.0, 0.0], [width, 0.0], [width, 10.0], [0.0, 10.0]];
        let lines = Line::in_boxes([50.0, 10.0, 40.0, 60.0, 20.0, 30.0, 70.0].map(at).to_vec()).expect("lines");
        assert_eq!(batches(&lines), [vec![1, 4, 5, 2, 0, 3], vec![6]]);
        assert_eq!(batches(&[]), [[0_usize; 0]; 0]);
    }

    #[test]
    fn lines_that_overlap_are_bounded() {
        let whole = [[0.0, 0.0], [1999.0, 0.0], [1999.0, 1999.0], [0.0, 1999.0]];
        assert!(Line::in_boxes(vec![whole; 8]).is_ok());
        let error = Line::in_boxes(vec![whole; 9]).expect_err("too many pixels").to_string();
        assert!(
            error.starts_with("expected lines of text with at most 32000000 pixels in all, got 35964009"),
            "{error}"
        );
    }
}
