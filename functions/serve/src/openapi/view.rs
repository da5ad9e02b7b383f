//! The inputs of a document: the configuration of the host, and the models that the reader may see.

use std::sync::Arc;

use crate::limits::Limits;
use crate::sealing::SealingPolicy;
use amaas_model::load::Model;

/// The inputs of a document.
pub(crate) struct DocumentView {
    pub(crate) limits: Limits,
    /// The sealing policy; `None` if the host has no sealing keys.
    pub(crate) sealing: Option<SealingPolicy>,
    pub(crate) models: ServedModels,
}

/// The loaded models, as far as the reader may see them.
pub(crate) enum ServedModels {
    /// For a reader without a key: which routes of `OpenAI` some model supports.
    Unnamed(RouteSupport),
    /// The models that the reader's key may use.
    Named(Vec<Arc<Model>>),
}

/// The routes of `OpenAI` that models support.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteSupport {
    pub(crate) embeddings: bool,
    pub(crate) ranking: bool,
    pub(crate) completions: bool,
}

impl RouteSupport {
    /// The routes that `model` supports.
    pub(crate) fn of(model: &Model) -> Self {
        Self {
            embeddings: model.embeddings().is_ok(),
            ranking: model.ranking().is_ok(),
            completions: model.completions().is_ok(),
        }
    }

    /// The routes that either supports.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            embeddings: self.embeddings || other.embeddings,
            ranking: self.ranking || other.ranking,
            completions: self.completions || other.completions,
        }
    }
}
