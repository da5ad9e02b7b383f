//! Configures the C library's allocator to return large blocks to the system.
//!
//! glibc maps blocks of 128 KiB and more directly at first, but each freed block raises that threshold, up to 32 MiB.
//! Free memory at the top of an arena is kept up to twice as much, and there are eight arenas for each processor. So a
//! server that once held a dozen bodies of 16 MiB kept hundreds of megabytes: the peak of an attack, not the memory in
//! use.

#![allow(unsafe_code)]

/// Returns blocks of 2 MiB and more to the system when they are freed. A fresh block costs some 0.2 ms for each MiB to
/// fill, so smaller ones are kept.
pub(super) fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` accepts any two numbers, and changes settings of the allocator under the allocator's own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * LARGE_BLOCK_BYTES);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BLOCK_BYTES: i32 = 2 << 20;
