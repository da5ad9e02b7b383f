//! What a document is of: how a host is set up, and the models that its reader may know of.

use std::sync::Arc;

use crate::limits::Limits;
use crate::sealing::SealingPolicy;
use amaas_model::load::Model;

/// What a document is of.
pub(crate) struct DocumentView {
    pub(crate) limits: Limits,
    /// Which calls are taken; `None` where there are no keys to open sealed ones with.
    pub(crate) sealing: Option<SealingPolicy>,
    pub(crate) models: ServedModels,
}

/// What is told of the models that are loaded.
pub(crate) enum ServedModels {
    /// Whether one of them has a task that a route of `OpenAI`'s takes: all that anyone may know.
    Unnamed(RouteSupport),
    /// Those that the reader's key may use.
    Named(Vec<Arc<Model>>),
}

/// Which of `OpenAI`'s routes models have a task for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RouteSupport {
    pub(crate) embeddings: bool,
    pub(crate) completions: bool,
}

impl RouteSupport {
    /// Of one model.
    pub(crate) fn of(model: &Model) -> Self {
        Self { embeddings: model.embeddings().is_ok(), completions: model.completions().is_ok() }
    }

    /// Of this or another.
    pub(crate) fn or(self, other: Self) -> Self {
        let embeddings = self.embeddings || other.embeddings;
        Self { embeddings, completions: self.completions || other.completions }
    }
}
