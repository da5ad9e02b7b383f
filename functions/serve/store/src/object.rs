//! Objects of a store, and the conditions of a write.

use std::time::SystemTime;

use bytes::Bytes;

/// Bounds a document, so that a bucket writer cannot exhaust a function's memory. A manifest with the tags of 100 GB has 1 MB.
pub const MAX_DOCUMENT_BYTES: usize = 16 << 20;

/// An object's bytes and its entity tag.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// The bytes.
    pub bytes: Bytes,
    /// The opaque entity tag, which changes with the bytes.
    pub tag: String,
}

/// An object's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectStat {
    /// The size in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    /// Always.
    Any,
    /// Only if the object does not exist.
    Absent,
    /// Only if the object still has this entity tag.
    Unchanged(String),
}
