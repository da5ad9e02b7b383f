//! ONNX Runtime: where its library comes from, and the one environment of the process.
//!
//! Invariant: the library is not touched unless `ORT_DISABLE_TELEMETRY=1` stands in the environment: official builds from
//! 1.29 on report usage, and the first report goes out before the API's own switch can be reached.

mod allocator;
pub mod arena;
mod environment;
#[cfg(feature = "publish")]
mod fetch;
pub mod heap;
mod leave;
mod library;
pub mod memory;
mod private;
#[cfg(feature = "publish")]
mod python;
mod quiet;
mod version;

pub use ort::environment::Environment;

pub use self::environment::{RuntimeError, environment};
#[cfg(feature = "publish")]
pub use self::fetch::{find_or_fetch, find_or_fetch_for};
pub use self::leave::leave;
pub use self::library::{LibraryError, VERSION, find};
pub use self::private::private;
#[cfg(feature = "publish")]
pub use self::python::PythonError;
pub use self::quiet::quiet;
pub use self::version::loaded;

/// Starts ONNX Runtime, so that it is there when it is needed. What goes wrong is said then.
pub fn start(configured: Option<&std::path::Path>) {
    if let Ok(library) = find(configured) {
        let _ = environment(&library);
    }
}
