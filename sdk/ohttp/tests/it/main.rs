//! The formats against published vectors, against implementations by others, and against broken input.

#![expect(clippy::similar_names, reason = "sealed and sealer, opened and opener are the words")]

mod bhttp;
mod corpus;
mod damage;
mod hpke;
mod interop;
mod key_list;
mod ohttp;
mod vectors;
