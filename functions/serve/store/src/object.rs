//! Objects of a store, and the conditions of a write.

use std::time::SystemTime;

use bytes::Bytes;

/// The largest document: whoever can write the bucket must not fill a function's memory. A manifest with the tags of 100 GB has 1 MB.
pub const DOCUMENT_BYTES: usize = 16 << 20;

/// An object's bytes and the tag of this state of it.
#[derive(Clone, Debug)]
pub struct Object {
    /// The bytes.
    pub bytes: Bytes,
    /// Changes whenever the bytes do; opaque.
    pub tag: String,
}

/// What a store says of an object without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

/// When a put may go ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    Any,
    /// Only where there is no such object yet.
    Absent,
    /// Only where the object is still in the state of this tag.
    Unchanged(String),
}
