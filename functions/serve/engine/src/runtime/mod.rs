//! ONNX Runtime: its library, and the one environment of the process.
//!
//! Invariant: the library is not loaded unless `ORT_DISABLE_TELEMETRY=1` is in the environment. Official builds from
//! 1.29 on report usage, and send the first report before the API's own switch can be reached.

mod allocator;
pub mod arena;
mod environment;
mod exit;
#[cfg(feature = "publish")]
mod fetch;
pub mod heap;
mod library;
pub mod memory;
mod process_memory;
#[cfg(feature = "publish")]
mod python;
mod telemetry;
mod version;

pub use ort::environment::Environment;

pub use self::environment::{RuntimeError, environment};
pub use self::exit::exit_now;
#[cfg(feature = "publish")]
pub use self::fetch::{find_or_fetch, find_or_fetch_for};
pub use self::library::{LibraryError, VERSION, find};
pub use self::process_memory::protect_process_memory;
#[cfg(feature = "publish")]
pub use self::python::PythonError;
pub use self::telemetry::disable_telemetry_or_reexec;
pub use self::version::loaded_version;

/// Starts ONNX Runtime ahead of time. Errors are reported when it is used.
pub fn start(configured: Option<&std::path::Path>) {
    if let Ok(library) = find(configured) {
        let _ = environment(&library);
    }
}
