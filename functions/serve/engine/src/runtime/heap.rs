//! glibc's heap: limits its arenas, and returns free memory to the system.
//!
//! glibc creates up to eight arenas for each core, and returns only the free end of each, so most memory of a peak
//! stays.

#![allow(unsafe_code)]

/// Limits the heap to one arena for each core. Call it before there are threads.
pub(super) fn limit_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let arenas = i32::try_from(cores).unwrap_or(i32::MAX).max(2);
        // SAFETY: `mallopt` accepts any two numbers, and ignores invalid ones.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
    }
}

/// Returns whole free pages to the system.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` locks one arena after the other, and returns only pages without allocations.
    unsafe {
        libc::malloc_trim(0)
    };
}
