//! The end of a process that may still have ONNX Runtime at work on other threads. It, `allocator.rs`, `arena.rs`, `heap.rs` and
//! `load/pages.rs` are the places with unsafe code.

#![allow(unsafe_code)]

use std::io::Write;

/// Ends the process with `code` at once.
///
/// An ordinary exit runs the destructors of ONNX Runtime's library while a thread of ours may still be starting it or
/// building a session, which cannot be interrupted; that ends in a segmentation fault (seen in one of six stops during a
/// load). Nothing is left to be saved by then: calls are drained and logs are written as they come.
pub fn leave(code: u8) -> ! {
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    // SAFETY: `_exit` takes any number, touches no memory of this program and does not come back.
    unsafe { libc::_exit(code.into()) }
}
