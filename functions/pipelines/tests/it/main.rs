//! Pipelines on real exports, with ONNX Runtime.

mod tabular;
mod text_recognition;
