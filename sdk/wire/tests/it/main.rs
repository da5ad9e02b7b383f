//! The formats against published vectors, against other people's implementations, and against broken input.

#![expect(clippy::similar_names, reason = "sealed and sealer, opened and opener are the words")]

mod bhttp;
mod corpus;
mod cross;
mod damage;
mod hpke;
mod keys;
mod ohttp;
mod receipt;
mod schema;
mod vectors;
