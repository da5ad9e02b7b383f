//! ONNX Runtime sessions: the only place where one is made, and every run on it.

mod decoder;
mod growth;
mod ort_session;
mod reclaim;
mod refusal;
mod run_error;
mod value;

pub use self::decoder::OnnxDecoder;
pub use self::ort_session::Onnx;
#[cfg(feature = "publish")]
pub use self::ort_session::write_prepared;
pub use self::reclaim::Freed;
pub use self::refusal::{SessionError, in_words};
