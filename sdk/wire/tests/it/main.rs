//! The formats against published vectors, against other people's implementations, and against broken input.

mod bhttp;
mod vectors;
