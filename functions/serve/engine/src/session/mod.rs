//! ONNX Runtime sessions: the only module that creates and runs them.

mod decoder;
mod growth;
mod ort_session;
mod reclaim;
mod run_error;
mod session_error;
mod value;

pub use self::decoder::OrtDecoder;
pub use self::ort_session::OrtSession;
#[cfg(feature = "publish")]
pub use self::ort_session::write_prepared;
pub use self::reclaim::ReclaimOnDrop;
pub use self::session_error::{SessionError, strip_source_paths};
