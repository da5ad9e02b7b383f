//! Immediate process exit, while ONNX Runtime may still work on other threads.

#![allow(unsafe_code)]

use std::io::Write;

/// Exits the process with `code` at once.
///
/// A normal exit runs the destructors of ONNX Runtime's library while another thread may be starting it or creating a
/// session, which cannot be interrupted. That caused a segmentation fault in one of six stops during a load. No state
/// is lost: calls are drained, and logs are unbuffered.
pub fn exit_now(code: u8) -> ! {
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    // SAFETY: `_exit` accepts any number, touches no memory of the program and does not return.
    unsafe { libc::_exit(code.into()) }
}
