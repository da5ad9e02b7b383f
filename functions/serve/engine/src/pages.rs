//! Huge pages for memory that is about to be filled.

#![allow(unsafe_code)]

/// Requests 2 MiB pages for `buffer`, before its first write. Each page costs a fault when it is first touched. With 4
/// KiB pages those faults are most of the cost of filling fresh memory: 48 ms instead of 11 for 90 MB.
#[cfg_attr(not(target_os = "linux"), allow(unused_variables))]
pub fn advise_huge_pages(buffer: &mut [u8]) {
    #[cfg(target_os = "linux")]
    {
        let start = buffer.as_ptr().align_offset(HUGE_PAGE_BYTES);
        let whole = buffer.len().saturating_sub(start) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        if whole == 0 {
            return;
        }
        // SAFETY: the range is whole pages inside of `buffer`, which is borrowed exclusively, and the advice changes no
        // byte. A kernel without huge pages ignores it.
        unsafe { libc::madvise(buffer[start..].as_mut_ptr().cast(), whole, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(target_os = "linux")]
const HUGE_PAGE_BYTES: usize = 2 << 20;
