//! The proof of row independence (`amaas_model::publish::prove_rows`), against adversarial networks, networks that it has to accept,
//! exporters' networks, ONNX's operator cases, and random graphs. ONNX Runtime is the reference: rows alone equal rows together, or not.

mod corpus;
mod exports;
mod operators;
mod proven;
mod random;
mod refused;
mod trial;
mod values;

use amaas_model::publish::{NetworkFiles, NotProven, prove_rows};

/// The proof's result for the ONNX file `file`.
fn prove(file: Vec<u8>) -> Result<(), NotProven> {
    prove_rows(&NetworkFiles::from(file)).expect("an ONNX file")
}

/// The data folder of these tests.
const ROWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rows");
