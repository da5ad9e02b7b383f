//! `amaas store`.

use amaas_model::publish::{BlobTotals, prune};

use crate::arguments::{PruneArguments, StoreCommand};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, command: StoreCommand) -> Result<(), CliError> {
    let StoreCommand::Prune(PruneArguments { older_than, dry_run, store }) = command;
    let place = settings.store(store.store.as_deref()).await?;
    let pruned = prune(&place.store, older_than, dry_run).await?;
    if settings.json {
        let blobs = |BlobTotals { count, bytes }: BlobTotals| serde_json::json!({ "count": count, "bytes": bytes });
        return output::json(&serde_json::json!({
            "deleted": blobs(pruned.deleted), "young": blobs(pruned.young), "referenced": blobs(pruned.referenced), "dry_run": dry_run,
            "store": place.uri, "store_endpoint": place.endpoint,
        }));
    }
    let line = |what: &str, BlobTotals { count, bytes }: BlobTotals| {
        output::line(format_args!("{what}: {count} blobs, {bytes} bytes"))
    };
    line(if dry_run { "would delete" } else { "deleted" }, pruned.deleted)?;
    line("kept, no manifest refers to them yet (--older-than)", pruned.young)?;
    line("kept, manifests refer to them", pruned.referenced)
}
