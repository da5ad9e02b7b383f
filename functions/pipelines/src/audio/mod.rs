//! Pipelines that read sounds.
