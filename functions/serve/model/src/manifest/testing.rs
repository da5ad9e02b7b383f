//! A manifest for tests.

use std::collections::BTreeMap;

use amaas_engine::Batching;

use super::{Blob, FORMAT, Manifest};

impl Manifest {
    /// A manifest with required members only.
    #[allow(clippy::missing_panics_doc)] // the names are valid
    pub fn bare() -> Self {
        Self {
            format: FORMAT.to_owned(),
            model: "m".parse().expect("a name"),
            version: "1".parse().expect("a name"),
            serial: 1,
            sealing: None,
            task: None,
            network: Blob::of(b""),
            external: BTreeMap::new(),
            prepared: None,
            assets: BTreeMap::new(),
            networks: BTreeMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            metadata: BTreeMap::new(),
            batching: Batching::None,
            rows_proof: None,
            golden: None,
        }
    }
}
