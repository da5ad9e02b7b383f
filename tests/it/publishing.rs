//! Models that `publish` refuses because no call could be answered, and models published by an older program.

mod encoders;
mod limits;
mod memory;

use amaas_e2e::{TestEnv, library};
use amaas_embed::Embed;
use amaas_model::publish::{Publication, PublishError, PublishOutcome, publish};
use amaas_model::task::{Tasks, TextEmbedding};
use amaas_store::live;

/// Publishes `publication` in `env`.
async fn published(env: &TestEnv, publication: Publication, tasks: &Tasks) -> Result<PublishOutcome, PublishError> {
    publish(&env.store().await, publication, tasks, library().await, env.publisher()).await
}

/// The publication of the bundled `embed`, with another network and without golden cases.
fn embed(network: Vec<u8>) -> Publication {
    let bundle = amaas_embed::bundle(live()).expect("committed");
    Publication { network: network.into(), golden: None, ..bundle }
}

fn tasks() -> Tasks {
    Tasks::default().with::<TextEmbedding<Embed>>()
}
