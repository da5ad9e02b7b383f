//! How much memory the process may still take.

use std::fs;
use std::path::Path;

/// Bytes that are free, for this process and for the container that it is in; `None` where the machine does not say.
///
/// A Lambda function is in a machine of its own, of the size that it was given.
pub fn free() -> Option<u64> {
    let container = Path::new("/sys/fs/cgroup");
    [machine("/proc/meminfo".as_ref()), group(container)].into_iter().flatten().min()
}

/// Bytes that this process may have in all, in the container that it is in; `None` where the machine does not say.
pub fn total() -> Option<u64> {
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|most| most.trim().parse().ok());
    [field("/proc/meminfo".as_ref(), "MemTotal:"), container].into_iter().flatten().min()
}

/// Bytes of memory that this process has now (proc(5)).
pub fn resident() -> Option<u64> {
    field("/proc/self/status".as_ref(), "VmRSS:")
}

/// `MemAvailable` of `meminfo` (proc(5)).
fn machine(meminfo: &Path) -> Option<u64> {
    field(meminfo, "MemAvailable:")
}

/// What stands behind `name` in `file`, which is in kB there.
fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024))
}

/// What a control group's bound leaves (cgroups(7), version 2); pages of files count as taken, which they are not for good.
fn group(folder: &Path) -> Option<u64> {
    let number = |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
    let (most, taken) = (number("memory.max")?, number("memory.current")?);
    let files = fs::read_to_string(folder.join("memory.stat")).ok();
    let files = files
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse::<u64>().ok()));
    Some(most.saturating_sub(taken.saturating_sub(files.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_bound_counts_and_none_is_no_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).expect("written");
        write("meminfo", "MemTotal: 9 kB\nMemAvailable:       3 kB\n");
        assert_eq!(machine(&folder.path().join("meminfo")), Some(3072));
        let (all, mine) = (total().expect("of this machine"), resident().expect("of this process"));
        assert!(mine > 1 << 20 && mine < all, "{mine} of {all}");
        assert_eq!(group(folder.path()), None);
        write("memory.current", "70\n");
        write("memory.max", "max\n");
        assert_eq!(group(folder.path()), None);
        write("memory.max", "100\n");
        assert_eq!(group(folder.path()), Some(30));
        write("memory.stat", "anon 50\ninactive_file 20\n");
        assert_eq!(group(folder.path()), Some(50));
    }
}
