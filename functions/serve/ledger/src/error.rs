//! Why a ledger did not do what it was asked.

/// Why a ledger did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum LedgerError {
    /// It did not answer, or cannot at the moment: to try again may help.
    #[error("{ledger} cannot be reached: {cause}")]
    Unreachable { ledger: String, cause: String },
    /// It is not there, or this process may not use it: only somebody who changes something can help.
    #[error("{ledger} cannot be used: {cause}")]
    Denied { ledger: String, cause: String },
    /// What is there was written by another program or another version of this one.
    #[error("{ledger} holds something else than expected: {cause}")]
    Format { ledger: String, cause: String },
    /// A value that no entry can have.
    #[error("a value has {got} bytes, more than the {VALUE_BYTES} that an entry can have")]
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

/// The largest value of an entry: an item of DynamoDB has 400 KB at most, with its names.
pub const VALUE_BYTES: usize = 256 << 10;
