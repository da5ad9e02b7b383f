//! The loaded version of ONNX Runtime. Another version than the pinned one may read other files, and differ in the last
//! digits of answers.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use ort::sys::OrtApiBase;

use super::library::VERSION;

static LOADED: OnceLock<String> = OnceLock::new();

/// The version of the loaded library; the pinned version if none is loaded yet.
pub fn loaded_version() -> &'static str {
    LOADED.get().map_or(VERSION, String::as_str)
}

/// Records the version of the loaded `library`, and warns if it is not the pinned one.
pub(super) fn record_loaded(library: &Path) {
    let Some(found) = version_of(library) else {
        tracing::warn!(path = %library.display(), "cannot determine version of ONNX Runtime library");
        return;
    };
    if found != VERSION {
        tracing::warn!(
            found,
            wanted = VERSION,
            path = %library.display(),
            "ONNX Runtime library is not the pinned version: networks may be refused or answers may differ"
        );
    }
    let _ = LOADED.set(found);
}

/// The version that the library itself reports.
fn version_of(library: &Path) -> Option<String> {
    let path = CString::new(library.as_os_str().as_bytes()).ok()?;
    // SAFETY: both strings end with a zero byte. `RTLD_NOLOAD` loads nothing, and returns a handle of the loaded
    // library, which is not closed, so the library stays. Every ONNX Runtime exports the symbol under this name as a
    // function of this type. Its result and the text live as long as the library.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_NOW);
        let symbol = if handle.is_null() { handle } else { libc::dlsym(handle, c"OrtGetApiBase".as_ptr()) };
        if symbol.is_null() {
            return None;
        }
        let base = std::mem::transmute::<*mut libc::c_void, unsafe extern "system" fn() -> *const OrtApiBase>(symbol)();
        let version = (base.as_ref()?.GetVersionString)();
        if version.is_null() { None } else { CStr::from_ptr(version).to_str().ok().map(str::to_owned) }
    }
}
