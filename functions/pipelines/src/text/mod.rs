//! Pipelines that read texts.
