//! Optical character recognition with the networks of PP-OCR: text detection, direction classification, text recognition.
//!
//! Images are processed as the Python package `rapidocr` does, because the networks' accuracy depends on it: the same sizes, thresholds,
//! order of the lines, and batches of six lines of similar length. Geometry and resampling are written by hand: crates for computer vision
//! bring linear algebra and drawing, and their resampling is not that of `OpenCV`.
//!
//! Three things differ. A transparent image has a white background. An image that was made smaller and then larger keeps the places of
//! both steps. The sizes that a long image leads to are bounded.

mod bilinear;
mod boxes;
mod characters;
mod components;
mod crop;
mod detector;
mod geometry;
mod line;
mod line_batch;
mod networks;
mod page;
mod pixel_input;
mod probability_map;
mod rectangle;
mod text_recognition;
mod unclip;

pub use self::text_recognition::TextRecognition;
