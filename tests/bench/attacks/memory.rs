//! A process's resident memory, from Linux's `/proc`.

/// The current resident memory of the process `pid`, in MiB.
pub(crate) fn resident_mib(pid: i32) -> u64 {
    status_mib(pid, "VmRSS:")
}

/// Its peak since [`forget_peak`], in MiB.
pub(crate) fn peak_mib(pid: i32) -> u64 {
    status_mib(pid, "VmHWM:")
}

/// Resets its peak to the current memory.
pub(crate) fn forget_peak(pid: i32) {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process of one's own");
}

fn status_mib(pid: i32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux reports it");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number of KiB") / 1024
}
