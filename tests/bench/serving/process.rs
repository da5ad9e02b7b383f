//! What a process and those that it started use, as Linux counts it (proc(5)).

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A process and all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tree(i32);

impl Tree {
    /// The process `pid` and all below it.
    pub(crate) fn of(pid: u32) -> Self {
        Self(i32::try_from(pid).expect("a process id"))
    }

    /// The processor time that it has used, with that of children who have gone.
    pub(crate) fn cpu(self) -> Duration {
        let ticks = self.pids().into_iter().filter_map(|pid| {
            // utime, stime, cutime and cstime: fields 14 to 17, which are 11 to 14 behind the name.
            let fields = stat(pid)?;
            Some(fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum::<u64>())
        });
        Duration::from_millis(ticks.sum::<u64>() * 1000 / TICKS_A_SECOND)
    }

    /// The memory that it has now, bytes.
    pub(crate) fn memory(self) -> u64 {
        self.sum("VmRSS:")
    }

    /// The most memory that it ever had, bytes; of several processes, the sum of each one's most.
    pub(crate) fn peak(self) -> u64 {
        self.sum("VmHWM:")
    }

    /// Stops it, until [`Self::go_on`].
    pub(crate) fn stop(self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn go_on(self) {
        self.signal(Signal::CONT);
    }

    /// Ends it.
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
    }

    fn signal(self, signal: Signal) {
        for pid in self.pids().into_iter().filter_map(Pid::from_raw) {
            // Whoever has gone meanwhile needs no signal.
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

/// The fields of `/proc/PID/stat` from the third on: the name before them can have anything in it.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

/// The processor time of the calling thread.
pub(crate) fn own_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default())
}

/// `USER_HZ`, which Linux never changes (time(7)).
const TICKS_A_SECOND: u64 = 100;
