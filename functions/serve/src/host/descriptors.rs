//! How many files the process may open, and how many of those are for connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many of `wanted` connections may be open at once, so that descriptors are left for the store, the ledger and the journal. The
/// soft limit of the process is raised to the hard one first.
pub(super) fn for_connections(wanted: usize) -> usize {
    let files = raised();
    let most = beside_everything_else(files);
    if most < wanted {
        tracing::warn!(wanted, most, files, "the process may not open enough files for all connections");
    }
    most.min(wanted)
}

/// The soft limit, after it was raised as far as may be.
fn raised() -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let (soft, hard) = (limits.current.unwrap_or(MOST), limits.maximum.unwrap_or(MOST).min(MOST));
    let raised = Rlimit { current: Some(hard), ..limits };
    if soft < hard && setrlimit(Resource::Nofile, raised).is_ok() { hard } else { soft }
}

/// What is left of `files` for connections.
fn beside_everything_else(files: u64) -> usize {
    let left = files.saturating_sub((files / 4).clamp(32, RESERVE)).max(1);
    usize::try_from(left).unwrap_or(usize::MAX)
}

/// Descriptors that are not for connections: a model is fetched over some dozens of connections at once.
const RESERVE: u64 = 256;
/// More than any host takes connections.
const MOST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_left_for_everything_else() {
        for (files, connections) in [(0, 1), (32, 1), (64, 32), (256, 192), (300, 225), (1024, 768), (65_536, 65_280)] {
            assert_eq!(beside_everything_else(files), connections, "{files}");
        }
        assert!(for_connections(7) <= 7);
        assert!(for_connections(usize::MAX) < usize::try_from(raised()).expect("64 bits"));
    }
}
