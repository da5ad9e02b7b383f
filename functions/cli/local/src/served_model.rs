//! One model behind the whole stack, in this process: published, sealed and signed, into an object store over S3, loaded from there,
//! served over HTTP, and called through the SDK with sealing. Tests and benchmarks of functions use it.

use std::error::Error;
use std::path::Path;

use amaas::{Client, Model};
use amaas_engine::RuntimeConfig;
use amaas_model::publish::{Publication, PublishOutcome};
use amaas_model::task::Tasks;

use crate::local_stack::LocalStack;

/// A model that is served. It ends when this is dropped.
pub struct ServedModel {
    stack: LocalStack,
    published: PublishOutcome,
    model: Model,
}

impl ServedModel {
    /// Publishes `publication` into `folder`, which must be empty, and serves it with `tasks` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The error of the part that does not start.
    pub async fn start(
        folder: &Path,
        publication: Publication,
        tasks: &Tasks,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let stack = LocalStack::start(folder, tasks, RuntimeConfig::default()).await?;
        let (published, model) = stack.publish(publication).await?;
        Ok(Self { stack, published, model })
    }

    /// A client with a key.
    pub fn client(&self) -> &Client {
        self.stack.client()
    }

    /// What publishing found out.
    pub fn published(&self) -> &PublishOutcome {
        &self.published
    }

    /// The model, for a client with a key.
    pub fn model(&self) -> Model {
        self.model.clone()
    }
}
