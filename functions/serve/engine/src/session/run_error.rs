//! Why a run failed, and whose fault it is: read off the texts of ONNX Runtime, as version 1.32 writes them.
//!
//! Shapes and datatypes were checked before, so what a kernel refuses is the caller's fault: values out of range, sizes that do not
//! agree, or values that stand for sizes which no machine has. The texts can hold values, so the caller is told the operator and the
//! node, and a size as the next power of two.

use ort::error::ErrorCode;

use crate::error::RunError;

/// What is known of the process's memory when a run fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// The most bytes that runs may take.
    pub(super) most: u64,
    /// What others have of them at the moment: runs of other networks, and outputs that are on their way.
    pub(super) others: u64,
    /// What the machine has left, where that is known.
    pub(super) free: Option<u64>,
}

/// Memory that a run asked for and did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// So many bytes more than it had; `bound` where the bound on runs was in the way, and not the machine.
    Bytes { bytes: u64, bound: bool },
    /// More than a number of bytes can be.
    Overflow,
    /// Nobody says how much.
    Unknown,
}

impl Asked {
    /// What the run asked for, where that is why it failed.
    pub(super) fn of(message: &str) -> Option<Self> {
        let number = |behind: &str| {
            let digits = message.split_once(behind)?.1;
            let digits = digits.split(|character: char| !character.is_ascii_digit()).next()?;
            Some(digits.parse().unwrap_or(u64::MAX))
        };
        if let Some(bytes) = number("is smaller than requested bytes of ") {
            return Some(Self::Bytes { bytes, bound: true });
        }
        if let Some(bytes) = number("memory for requested buffer of size ") {
            return Some(Self::Bytes { bytes, bound: false });
        }
        let has = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
        if has(&[
            "Integer overflow",
            "Calculation for Tensor storage size",
            "would overflow",
            "tensor would require more",
        ]) {
            return Some(Self::Overflow);
        }
        let unknown = ["bad_alloc", "bad allocation", "out of memory", "ALLOC_FAILED", "larger than max_size"];
        has(&unknown).then_some(Self::Unknown)
    }

    /// Whether the caller's values are why, where the run has `room`.
    fn is_of_the_values(self, room: &Room) -> bool {
        match self {
            Self::Overflow => true,
            Self::Bytes { bytes, .. } if bytes > room.most => true,
            // With the rest of what the run had it comes to more than the bound, unless others have a part of that.
            Self::Bytes { bound: true, .. } => room.others <= room.most / 8,
            Self::Bytes { bytes, bound: false } => room.free.is_some_and(|free| bytes > free.saturating_mul(2)),
            // A machine that has memory left refuses only what is more than that.
            Self::Unknown => room.free.is_some_and(|free| free > PLENTY),
        }
    }
}

/// The error of a run, of which ONNX Runtime says `code` and `message`.
pub(super) fn run_error(code: ErrorCode, message: &str, room: &Room) -> RunError {
    let internal = message.to_owned();
    let between = |from: &str, to: &str| Some(internal.split_once(from)?.1.split_once(to)?.0.to_owned());
    let node = between("while running ", " node").zip(between("Name:'", "'"));
    let at = node.as_ref().map(|(operator, node)| format!("operator {operator} (node {node:?})"));
    if let Some(asked) = Asked::of(&internal) {
        if !asked.is_of_the_values(room) {
            return RunError::OutOfMemory { internal };
        }
        let (at, most) = (at.unwrap_or_else(|| "the network".to_owned()), room.most);
        let asks = match asked {
            Asked::Bytes { bytes, .. } if bytes <= most => "more memory for these inputs".to_owned(),
            Asked::Bytes { bytes, .. } => format!("some {} bytes for these inputs", power(bytes)),
            Asked::Overflow => "more bytes for these inputs than there are".to_owned(),
            Asked::Unknown => "more memory for these inputs than there is".to_owned(),
        };
        let public = format!("{at} asked for {asks}; a run may take {most} bytes here (AMAAS_MAX_RUN_BYTES)");
        return RunError::TooLarge { public, internal };
    }
    let ours = ["CUDA", "CUBLAS", "CUDNN"].iter().any(|ours| internal.contains(ours));
    match (code, at) {
        (ErrorCode::InvalidArgument | ErrorCode::GenericFailure | ErrorCode::RuntimeException, Some(at)) if !ours => {
            let public = format!(
                "the network refused these values: {at} failed on them; an index may be out of range, or sizes that have to agree \
                 do not"
            );
            RunError::Refused { public, internal }
        }
        (ErrorCode::InvalidArgument, None) => {
            RunError::Refused { public: "the network refused these inputs".to_owned(), internal }
        }
        _ => RunError::failed(internal),
    }
}

/// The power of two at or above `bytes`: the number itself may be one that the caller sent.
fn power(bytes: u64) -> u64 {
    bytes.checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// So much that a machine which has it refuses nothing smaller.
const PLENTY: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn error(status: &str, others: u64, free: u64) -> RunError {
        let message =
            format!("Non-zero status code returned while running Expand node. Name:'grow' Status Message: {status}");
        run_error(ErrorCode::GenericFailure, &message, &Room { most: GIB, others, free: Some(free) })
    }

    #[test]
    fn whose_fault_it_is_that_there_is_too_little_memory() {
        let bound = |bytes: u64| format!("Available memory of 9 is smaller than requested bytes of {bytes}");
        let machine = |bytes: u64| format!("Failed to allocate memory for requested buffer of size {bytes}");
        let storage = "op_kernel.cc:87 OutputMLValue Calculation for Tensor storage size overflowed";
        for (status, others, free, of_the_caller) in [
            (bound(100_000_000_000_000), 0, GIB, true),
            (bound(100_000_000_000_000), GIB, GIB, true),
            (bound(GIB / 2), 0, GIB, true),
            (bound(GIB / 2), GIB / 2, GIB, false),
            (machine(GIB * 4), 0, GIB, true),
            (machine(GIB / 2), 0, GIB / 2, false),
            ("std::bad_alloc".to_owned(), 0, GIB, true),
            ("std::bad_alloc".to_owned(), 0, 1 << 20, false),
            (storage.to_owned(), 0, 1 << 20, true),
            ("safeint.h:17 SafeIntOnOverflow() Integer overflow".to_owned(), 0, 1 << 20, true),
            ("Tile output tensor would require more than 4294967296 bytes".to_owned(), 0, GIB, true),
        ] {
            match error(&status, others, free) {
                RunError::TooLarge { public, .. } => {
                    assert!(of_the_caller, "{status}");
                    assert!(public.starts_with("operator Expand (node \"grow\") asked for "), "{public}");
                    assert!(
                        public.contains("1073741824 bytes here") && !public.contains("100000000000000"),
                        "{public}"
                    );
                }
                RunError::OutOfMemory { .. } => assert!(!of_the_caller, "{status}"),
                other => panic!("{status}: {other}"),
            }
        }
    }

    #[test]
    fn other_failures_are_what_they_were() {
        let refused = error("indices element out of data bounds, idx=7", 0, GIB);
        assert!(matches!(refused, RunError::Refused { public, .. } if !public.contains('7')));
        assert!(matches!(error("CUDA failure 700: an illegal memory access", 0, GIB), RunError::Failed { .. }));
    }
}
