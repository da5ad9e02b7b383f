//! Which version of ONNX Runtime was loaded: another than the pinned one may read other files, and answer otherwise in the last digits.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use ort::sys::OrtApiBase;

use super::library::VERSION;

static LOADED: OnceLock<String> = OnceLock::new();

/// The version of the library that was loaded; the pinned one where none was yet.
pub fn loaded() -> &'static str {
    LOADED.get().map_or(VERSION, String::as_str)
}

/// Learns the version of `library`, which is loaded, and warns where it is not the pinned one.
pub(super) fn learn(library: &Path) {
    let Some(found) = of(library) else {
        tracing::warn!(path = %library.display(), "the version of the ONNX Runtime library cannot be told");
        return;
    };
    if found != VERSION {
        tracing::warn!(
            found,
            wanted = VERSION,
            path = %library.display(),
            "the ONNX Runtime library is of another version than the pinned one: networks may be refused, or answer otherwise"
        );
    }
    let _ = LOADED.set(found);
}

/// What the library itself says.
fn of(library: &Path) -> Option<String> {
    let path = CString::new(library.as_os_str().as_bytes()).ok()?;
    // SAFETY: both strings end with a zero byte. `RTLD_NOLOAD` loads nothing, and gives a handle of what is loaded, which is not closed: the
    // library stays. The symbol is what every ONNX Runtime exports under this name, a function of this type, whose result lives as long as
    // the library, and so does the text.
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
