//! Errors of a ledger.

/// Why an operation of a ledger failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum LedgerError {
    /// The ledger did not answer in time or is throttled: a retry may help.
    #[error("{ledger} cannot be reached: {cause}")]
    Unreachable { ledger: String, cause: String },
    /// The ledger does not exist, or this process may not use it: an operator has to change something.
    #[error("{ledger} cannot be used: {cause}")]
    Denied { ledger: String, cause: String },
    /// The content was written by another program or by another version of this one.
    #[error("{ledger} has an unexpected format: {cause}")]
    Format { ledger: String, cause: String },
    /// The value is too large for an entry.
    #[error("an entry holds at most {MAX_VALUE_BYTES} bytes, got {got}")]
    TooLarge { got: usize },
    /// The program was built without this back end.
    #[error(
        "this program was built without the ledger's back end {feature:?}: build it with the Cargo feature {feature:?}"
    )]
    NotBuilt { feature: &'static str },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
}

/// Bounds an entry's value: an item of DynamoDB has at most 400 KB, attribute names included.
pub const MAX_VALUE_BYTES: usize = 256 << 10;
