//! Pipelines that read tables.
