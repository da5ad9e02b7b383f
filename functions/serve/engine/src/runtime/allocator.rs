//! The C library's allocator, told to give the memory of large blocks back.
//!
//! glibc takes blocks from 128 KiB up straight from the system at first, but each that is freed raises that threshold up to 32 MiB, and
//! what is freed at the top of an arena is kept up to twice as much. There are eight arenas a processor. So a server that once
//! had a dozen bodies of 16 MiB kept hundreds of megabytes for good: the peak of an attack, not the bound of what is in use.

#![allow(unsafe_code)]

/// Has blocks of 2 MiB and more returned to the system when they are freed. A fresh one costs some 0.2 ms a MiB to fill, which is why
/// smaller ones are kept.
pub(super) fn return_large_blocks() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` takes any two numbers and changes settings of the allocator alone, under the allocator's own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * LARGE);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: i32 = 2 << 20;
