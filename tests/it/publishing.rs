//! What `publish` refuses because no call to it could be answered, and what a function says of a model that an older program published.

mod encoders;
mod limits;
mod memory;

use amaas_e2e::{Stage, library};
use amaas_embed::Embed;
use amaas_model::publish::{Publication, PublishError, PublishOutcome, publish};
use amaas_model::task::{Tasks, TextEmbedding};
use amaas_store::live;

/// What comes of publishing `publication` on `stage`.
async fn published(stage: &Stage, publication: Publication, tasks: &Tasks) -> Result<PublishOutcome, PublishError> {
    publish(&stage.store().await, publication, tasks, library().await, stage.publisher()).await
}

/// The publication of the bundled `embed`, with another network and without golden cases.
fn embed(network: Vec<u8>) -> Publication {
    let bundle = amaas_embed::bundle(live()).expect("committed");
    Publication { network: network.into(), golden: None, ..bundle }
}

fn tasks() -> Tasks {
    Tasks::default().with::<TextEmbedding<Embed>>()
}
