//! A processed image.

use image::RgbImage;

/// A resized and cropped image, on a canvas of the size that the network takes.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessedImage {
    pub(super) image: RgbImage,
    /// The place of the image's upper left corner on the canvas.
    pub(super) offset: (u32, u32),
    pub(super) canvas: (u32, u32),
    pub(super) original: (u32, u32),
}

impl ProcessedImage {
    /// Width and height of the network's input, in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.canvas
    }

    /// Width and height of the part of the canvas that shows the image.
    pub fn image_size(&self) -> (u32, u32) {
        self.image.dimensions()
    }

    /// Width and height of the image before it was processed, upright.
    pub fn original_size(&self) -> (u32, u32) {
        self.original
    }

    /// Left and upper side of that part, on the canvas.
    pub fn offset(&self) -> (u32, u32) {
        self.offset
    }

    /// The pixels that show the image are 1, the others 0, in rows.
    pub fn mask(&self) -> Vec<i64> {
        let ((left, top), (width, height)) = (self.offset, self.image.dimensions());
        let inside = |x: u32, y: u32| (left..left + width).contains(&x) && (top..top + height).contains(&y);
        let (columns, rows) = self.canvas;
        (0..rows).flat_map(|y| (0..columns).map(move |x| i64::from(inside(x, y)))).collect()
    }
}
