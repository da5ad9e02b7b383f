//! The formats against published vectors, against implementations by others, and against broken input.

mod corpus;
mod damage;
mod keys;
mod receipt;
mod schema;
mod vectors;
