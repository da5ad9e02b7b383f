//! Errors of runs, and who is at fault: parsed from messages of ONNX Runtime 1.32.
//!
//! Shapes and datatypes are validated before, so a kernel's refusal is the client's fault: values out of range, sizes
//! that do not agree, or values that request impossible sizes. The messages may contain values, so the client gets only
//! the operator, the node, and sizes rounded up to a power of two.

use ort::error::ErrorCode;

use crate::error::RunError;

/// The memory that runs may use, at the time of a failure.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryBudget {
    /// The largest number of bytes of all runs.
    pub(super) max_bytes: u64,
    /// Bytes of them in use: by runs of other networks, and by outputs on their way to clients.
    pub(super) others: u64,
    /// Free memory of the machine, if known.
    pub(super) free: Option<u64>,
}

/// The memory request that made a run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemoryRequest {
    /// The number of further bytes; `limited_by_bound` if the bound on runs refused them, not the machine.
    Bytes { bytes: u64, limited_by_bound: bool },
    /// The number of bytes overflows.
    Overflow,
    /// The message has no size.
    Unknown,
}

impl MemoryRequest {
    /// The memory request in `message`, if that is why the run failed.
    pub(super) fn of(message: &str) -> Option<Self> {
        let number = |behind: &str| {
            let digits = message.split_once(behind)?.1;
            let digits = digits.split(|character: char| !character.is_ascii_digit()).next()?;
            Some(digits.parse().unwrap_or(u64::MAX))
        };
        if let Some(bytes) = number("is smaller than requested bytes of ") {
            return Some(Self::Bytes { bytes, limited_by_bound: true });
        }
        if let Some(bytes) = number("memory for requested buffer of size ") {
            return Some(Self::Bytes { bytes, limited_by_bound: false });
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

    /// Whether the client's values are the cause, given the memory `budget`.
    fn is_caused_by_values(self, budget: &MemoryBudget) -> bool {
        match self {
            Self::Overflow => true,
            Self::Bytes { bytes, .. } if bytes > budget.max_bytes => true,
            // With the run's other memory it exceeds the bound, unless other runs use a part of it.
            Self::Bytes { limited_by_bound: true, .. } => budget.others <= budget.max_bytes / 8,
            Self::Bytes { bytes, limited_by_bound: false } => {
                budget.free.is_some_and(|free| bytes > free.saturating_mul(2))
            }
            // A machine with free memory refuses only larger requests.
            Self::Unknown => budget.free.is_some_and(|free| free > AMPLE_BYTES),
        }
    }
}

/// The error of a run, from ONNX Runtime's `code` and `message`.
pub(super) fn run_error(code: ErrorCode, message: &str, budget: &MemoryBudget) -> RunError {
    let internal = message.to_owned();
    let between = |from: &str, to: &str| Some(internal.split_once(from)?.1.split_once(to)?.0.to_owned());
    let node = between("while running ", " node").zip(between("Name:'", "'"));
    let at = node.as_ref().map(|(operator, node)| format!("operator {operator} (node {node:?})"));
    if let Some(request) = MemoryRequest::of(&internal) {
        if !request.is_caused_by_values(budget) {
            return RunError::OutOfMemory { internal };
        }
        let (at, max_bytes) = (at.unwrap_or_else(|| "the network".to_owned()), budget.max_bytes);
        let asks = match request {
            MemoryRequest::Bytes { bytes, .. } if bytes <= max_bytes => "more memory for these inputs".to_owned(),
            MemoryRequest::Bytes { bytes, .. } => format!("some {} bytes for these inputs", next_power(bytes)),
            MemoryRequest::Overflow => "more bytes for these inputs than there are".to_owned(),
            MemoryRequest::Unknown => "more memory for these inputs than there is".to_owned(),
        };
        let public = format!("{at} asked for {asks}; a run may take {max_bytes} bytes here (AMAAS_MAX_RUN_BYTES)");
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

/// The next power of two, since the client may have sent the number itself.
fn next_power(bytes: u64) -> u64 {
    bytes.checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// A machine with this much free memory refuses no smaller request.
const AMPLE_BYTES: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn error(status: &str, others: u64, free: u64) -> RunError {
        let message =
            format!("Non-zero status code returned while running Expand node. Name:'grow' Status Message: {status}");
        run_error(ErrorCode::GenericFailure, &message, &MemoryBudget { max_bytes: GIB, others, free: Some(free) })
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
