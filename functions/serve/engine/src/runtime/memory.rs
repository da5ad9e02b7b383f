//! Memory of the process, the machine and the container.

use std::fs;
use std::path::Path;

/// Free bytes for this process, in its container too; `None` if unknown.
///
/// A Lambda function has a machine of its own, with the configured memory.
pub fn free() -> Option<u64> {
    let container = Path::new("/sys/fs/cgroup");
    [available_of_machine("/proc/meminfo".as_ref()), available_of_group(container)].into_iter().flatten().min()
}

/// Total bytes of the machine or the container; `None` if unknown.
pub fn total() -> Option<u64> {
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|max| max.trim().parse().ok());
    [field("/proc/meminfo".as_ref(), "MemTotal:"), container].into_iter().flatten().min()
}

/// Resident bytes of this process (proc(5)).
pub fn resident() -> Option<u64> {
    field("/proc/self/status".as_ref(), "VmRSS:")
}

/// `MemAvailable` of `meminfo` (proc(5)).
fn available_of_machine(meminfo: &Path) -> Option<u64> {
    field(meminfo, "MemAvailable:")
}

/// The value of `name` in `file`, which is in kB there.
fn field(file: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()?.saturating_mul(1024))
}

/// The free bytes of a control group (cgroups(7), version 2). Cached file pages count as free.
fn available_of_group(folder: &Path) -> Option<u64> {
    let number = |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
    let (max, used) = (number("memory.max")?, number("memory.current")?);
    let files = fs::read_to_string(folder.join("memory.stat")).ok();
    let files = files
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse::<u64>().ok()));
    Some(max.saturating_sub(used.saturating_sub(files.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_bound_counts_and_none_is_no_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).expect("written");
        write("meminfo", "MemTotal: 9 kB\nMemAvailable:       3 kB\n");
        assert_eq!(available_of_machine(&folder.path().join("meminfo")), Some(3072));
        let (all, mine) = (total().expect("of this machine"), resident().expect("of this process"));
        assert!(mine > 1 << 20 && mine < all, "{mine} of {all}");
        assert_eq!(available_of_group(folder.path()), None);
        write("memory.current", "70\n");
        write("memory.max", "max\n");
        assert_eq!(available_of_group(folder.path()), None);
        write("memory.max", "100\n");
        assert_eq!(available_of_group(folder.path()), Some(30));
        write("memory.stat", "anon 50\ninactive_file 20\n");
        assert_eq!(available_of_group(folder.path()), Some(50));
    }
}
