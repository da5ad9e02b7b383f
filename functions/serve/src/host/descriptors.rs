//! The limit of file descriptors, and the share of it for connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of descriptors to the hard one. Returns how many of `wanted` connections may be open, so that descriptors are left
/// for the store, the ledger and the journal.
pub(super) fn max_connections(wanted: usize) -> usize {
    let files = raise_soft_limit();
    let most = available_for_connections(files);
    if most < wanted {
        tracing::warn!(wanted, most, files, "connection limit lowered: too few file descriptors");
    }
    most.min(wanted)
}

/// Raises the soft limit to the hard one, and returns the result.
fn raise_soft_limit() -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let (soft, hard) =
        (limits.current.unwrap_or(MAX_DESCRIPTORS), limits.maximum.unwrap_or(MAX_DESCRIPTORS).min(MAX_DESCRIPTORS));
    let raised = Rlimit { current: Some(hard), ..limits };
    if soft < hard && setrlimit(Resource::Nofile, raised).is_ok() { hard } else { soft }
}

/// The descriptors that connections may take, out of `files`.
fn available_for_connections(files: u64) -> usize {
    let left = files.saturating_sub((files / 4).clamp(32, MAX_RESERVED_DESCRIPTORS)).max(1);
    usize::try_from(left).unwrap_or(usize::MAX)
}

/// Descriptors for everything else: a model is downloaded over dozens of connections at once.
const MAX_RESERVED_DESCRIPTORS: u64 = 256;
/// More descriptors than any host needs.
const MAX_DESCRIPTORS: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_left_for_everything_else() {
        for (files, connections) in [(0, 1), (32, 1), (64, 32), (256, 192), (300, 225), (1024, 768), (65_536, 65_280)] {
            assert_eq!(available_for_connections(files), connections, "{files}");
        }
        assert!(max_connections(7) <= 7);
        assert!(max_connections(usize::MAX) < usize::try_from(raise_soft_limit()).expect("64 bits"));
    }
}
