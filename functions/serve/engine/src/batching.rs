//! Batching: which calls may share a run of a network.

use serde::{Deserialize, Serialize};

/// How the rows of a network are batched, as its publisher signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batching {
    /// The first dimension of every tensor is the batch. Calls share a run if a proof of row independence is signed
    /// too.
    Rows,
    /// The first dimension of every tensor is the batch, by the owner's declaration: only calls of one tenant share a
    /// run. Functions older than this value refuse a manifest with it.
    SameTenant,
    /// Each call runs alone.
    None,
}

impl Batching {
    /// Whether the first dimension counts the rows of a call.
    pub fn has_rows(self) -> bool {
        self != Self::None
    }
}

/// Which calls may share a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunSharing {
    /// All calls: rows are proven independent.
    All,
    /// Calls of one tenant.
    SameTenant,
    /// No calls.
    None,
}

impl RunSharing {
    /// The sharing of a network with this `batching`, whose rows the analysis version `proof` proved independent.
    /// Manifests older than the proof have `rows` from a trial alone, which proves nothing: their calls run alone.
    pub fn of(batching: Batching, proof: Option<u32>) -> Self {
        match batching {
            Batching::Rows if proof.is_some_and(|proof| proof >= MIN_ROWS_PROOF) => Self::All,
            Batching::SameTenant => Self::SameTenant,
            Batching::Rows | Batching::None => Self::None,
        }
    }
}

/// The version of publishing's row analysis. It rises when the analysis refuses more, and when it proves more, so that
/// publishing a model again repeats the analysis.
pub const ROWS_PROOF: u32 = 1;
/// The oldest accepted analysis version. It rises if older ones were wrong.
const MIN_ROWS_PROOF: u32 = 1;
