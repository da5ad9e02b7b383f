//! Which calls may share a run of a network.

use serde::{Deserialize, Serialize};

/// How the rows of a network are run, as its publisher signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Batching {
    /// The first dimension of every tensor is the batch. Calls share a run where a proof of that is signed too.
    Rows,
    /// The first dimension of every tensor is the batch, by the word of the network's owner: only calls of one tenant share a run.
    /// Functions older than this value refuse a manifest with it.
    SameTenant,
    /// Each call is run alone.
    None,
}

impl Batching {
    /// Whether the first dimension counts the rows of a call, all of which share a run.
    pub fn has_rows(self) -> bool {
        self != Self::None
    }
}

/// Which calls may share a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// All: no row depends on another one, which was proven.
    All,
    /// Those of one tenant.
    SameTenant,
    /// None.
    None,
}

impl Sharing {
    /// Which calls may share a run of a network with `batching`, of whose rows the analysis `proof` proved that they do not see one
    /// another. Manifests that are older than the proof have `rows` by a trial alone, which proves nothing: their calls run alone.
    pub fn of(batching: Batching, proof: Option<u32>) -> Self {
        match batching {
            Batching::Rows if proof.is_some_and(|proof| proof >= LEAST_ROWS_PROOF) => Self::All,
            Batching::SameTenant => Self::SameTenant,
            Batching::Rows | Batching::None => Self::None,
        }
    }
}

/// The version of the analysis that publishing runs. It rises when the analysis refuses what it took for proven before, and when it
/// proves more, so that publishing a model again looks at it anew.
pub const ROWS_PROOF: u32 = 1;
/// The oldest analysis that is believed. It rises where older ones were wrong.
const LEAST_ROWS_PROOF: u32 = 1;
