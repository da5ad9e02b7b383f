//! The heap of glibc: how many arenas it may have, and what is free in it given back.
//!
//! glibc makes up to eight arenas a core, and gives back what is free at the end of each only: after a peak most of it stays.

#![allow(unsafe_code)]

/// Has the heap make one arena a core at most. Before there are threads.
pub(super) fn settle() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let arenas = i32::try_from(cores).unwrap_or(i32::MAX).max(2);
        // SAFETY: it takes two numbers, and sets one of the heap's own; a number that it does not take changes nothing.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, arenas) };
    }
}

/// Gives whole pages that are free back to the system.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes the locks of the heap's arenas one after the other, and tells the system of pages in which nothing lies that was
    // allocated.
    unsafe {
        libc::malloc_trim(0)
    };
}
