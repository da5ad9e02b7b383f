//! The tags of operations.

pub(super) const MODELS: &str = "models";
pub(super) const PROTOCOL: &str = "open-inference-protocol";
pub(super) const OPENAI: &str = "openai";
pub(super) const KEYS: &str = "sealing-keys";
pub(super) const DOCUMENT: &str = "document";

/// All tags, with their descriptions.
pub(super) const TAGS: [(&str, &str); 5] = [
    (MODELS, "Models and their own typed inputs and predictions."),
    (PROTOCOL, "Open Inference Protocol v2 with the binary tensor extension, and what Triton's clients ask beyond it."),
    (OPENAI, "OpenAI's shapes, for models whose task fits."),
    (KEYS, "The public keys that calls are sealed to."),
    (DOCUMENT, "This document."),
];
