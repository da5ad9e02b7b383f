//! Pipelines that read images.
