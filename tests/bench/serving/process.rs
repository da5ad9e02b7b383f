//! CPU time and memory of a process and its descendants, from Linux's `/proc` (proc(5)).

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A process and its descendants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessTree(i32);

impl ProcessTree {
    /// The process `pid` and its descendants.
    pub(crate) fn of(pid: u32) -> Self {
        Self(i32::try_from(pid).expect("a process id"))
    }

    /// Its CPU time, with that of children that have ended.
    pub(crate) fn cpu(self) -> Duration {
        let ticks = self.pids().into_iter().filter_map(|pid| {
            // utime, stime, cutime and cstime: fields 14 to 17, which are 11 to 14 after the name.
            let fields = stat(pid)?;
            Some(fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum::<u64>())
        });
        Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS_A_SECOND)
    }

    /// Its current memory in bytes.
    pub(crate) fn memory(self) -> u64 {
        self.sum("VmRSS:")
    }

    /// Its peak memory in bytes; for several processes, the sum of their peaks.
    pub(crate) fn peak(self) -> u64 {
        self.sum("VmHWM:")
    }

    /// Stops it, until [`Self::go_on`].
    pub(crate) fn stop(self) {
        self.signal(Signal::STOP);
    }

    /// Continues it.
    pub(crate) fn go_on(self) {
        self.signal(Signal::CONT);
    }

    /// Ends it.
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
    }

    fn signal(self, signal: Signal) {
        for pid in self.pids().into_iter().filter_map(Pid::from_raw) {
            // A process that has ended needs no signal.
            let _ = kill_process(pid, signal);
        }
    }

    fn sum(self, field: &str) -> u64 {
        let kilobytes = self.pids().into_iter().filter_map(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        });
        kilobytes.sum::<u64>() * 1024
    }

    fn pids(self) -> BTreeSet<i32> {
        let entries = std::fs::read_dir("/proc").expect("this is Linux").filter_map(Result::ok);
        let parents: Vec<(i32, i32)> = entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, stat(pid)?.get(1)?.parse().ok()?)))
            .collect();
        let (mut tree, mut size) = (BTreeSet::from([self.0]), 0);
        while tree.len() > size {
            size = tree.len();
            let below: Vec<i32> = parents.iter().filter(|(_, of)| tree.contains(of)).map(|(pid, _)| *pid).collect();
            tree.extend(below);
        }
        tree
    }
}

/// The fields of `/proc/PID/stat` from the third on. The name before them may contain any character.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

/// The CPU time of the calling thread.
pub(crate) fn own_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// `USER_HZ`, which Linux never changes (time(7)).
const TICKS_A_SECOND: u64 = 100;
