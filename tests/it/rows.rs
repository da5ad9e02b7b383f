//! The proof that rows do not see one another (`amaas_model::publish::prove_rows`), against networks made to deceive it, networks that it has to
//! accept, what exporters write, ONNX's operator cases, and random graphs. ONNX Runtime judges: rows alone give what they give together, or not.

mod corpus;
mod exports;
mod operators;
mod proven;
mod random;
mod refused;
mod trial;
mod values;

use amaas_model::publish::{NetworkFiles, NotProven, prove_rows};

/// What the proof says of the ONNX file `file`.
fn prove(file: Vec<u8>) -> Result<(), NotProven> {
    prove_rows(&NetworkFiles::from(file)).expect("an ONNX file")
}

/// The folder of data for these tests.
const ROWS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rows");
