//! What `amaas publish` prints.

use std::collections::BTreeMap;

use amaas_engine::{Batching, TensorSpec};
use amaas_model::manifest::Blob;
use amaas_model::publish::PublishOutcome;
use amaas_pipelines::folder::InferredPipeline;
use amaas_store::Alias;

use crate::commands::alias;
use crate::error::CliError;
use crate::output;
use crate::settings::{ModelStore, Settings};

/// Prints what was published.
pub(super) fn report(
    settings: &Settings,
    published: &PublishOutcome,
    (pipeline, alias): (&InferredPipeline, &Alias),
    place: &ModelStore,
) -> Result<(), CliError> {
    let manifest = &published.manifest;
    for warning in &published.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    if settings.json {
        return output::json(&serde_json::json!({
            "new": published.is_new, "alias": alias, "moved": alias::is_moved(&published.alias), "from": alias::from(&published.alias),
            "manifest": manifest, "warnings": published.warnings, "store": place.uri, "store_endpoint": place.endpoint,
            "batching_because": published.batching_reason, "networks_because": published.networks_reason,
            "pipeline": pipeline.name(), "pipeline_because": pipeline.evidence(),
        }));
    }
    let word = if published.is_new { "published" } else { "already published:" };
    output::line(format_args!(
        "{word} {} version {}, serial {} ({} bytes, {})",
        manifest.model,
        manifest.version,
        manifest.serial,
        manifest.network.size + manifest.external.values().map(|file| file.size).sum::<u64>(),
        if manifest.sealing.is_some() { "sealed" } else { "not sealed" }
    ))?;
    let at = place.endpoint.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
    output::line(alias::described(&published.alias, (&manifest.model, alias), &manifest.version))?;
    output::line(format_args!("store {}{at}", place.uri))?;
    if manifest.task.as_deref() == pipeline.name() {
        output::line(format_args!("pipeline: {} ({})", pipeline.name().unwrap_or("none"), pipeline.evidence()))?;
    }
    if !manifest.assets.is_empty() {
        let names: Vec<&str> = manifest.assets.keys().map(String::as_str).collect();
        output::line(format_args!("files: {}", names.join(", ")))?;
    }
    output::line("")?;
    let external = |network: Option<&str>, files: &BTreeMap<String, Blob>| -> Vec<[String; 3]> {
        let of = network.map_or_else(|| "the network".to_owned(), |name| format!("network {name}"));
        files.iter().map(|(file, blob)| [file.clone(), of.clone(), blob.size.to_string()]).collect()
    };
    let mut files = external(None, &manifest.external);
    files.extend(manifest.networks.iter().flat_map(|(name, network)| external(Some(name), &network.external)));
    if !files.is_empty() {
        output::line(format_args!("{}\n", output::table(["FILE", "WEIGHTS OF", "BYTES"], files)))?;
    }
    let tensors = |kind: &'static str, specs: &[TensorSpec]| -> Vec<[String; 4]> {
        let row = |spec: &TensorSpec| {
            [kind.to_owned(), spec.name.clone(), spec.datatype.to_string(), format!("{:?}", spec.metadata().shape)]
        };
        specs.iter().map(row).collect()
    };
    let mut rows = [tensors("input", &manifest.inputs), tensors("output", &manifest.outputs)].concat();
    for (name, network) in &manifest.networks {
        let both = [tensors("input", &network.inputs), tensors("output", &network.outputs)].concat();
        rows.extend(
            both.into_iter()
                .map(|[kind, tensor, datatype, shape]| [format!("{kind} of {name}"), tensor, datatype, shape]),
        );
    }
    output::line(output::table(["KIND", "NAME", "DATATYPE", "SHAPE"], rows))?;
    output::line(format_args!("calls share runs: {} ({})", shares(manifest.batching), published.batching_reason))?;
    for (name, because) in &published.networks_reason {
        let batching = manifest.networks.get(name).map_or(Batching::None, |network| network.batching);
        output::line(format_args!("calls share runs of {name}: {} ({because})", shares(batching)))?;
    }
    let prepared = if manifest.prepared.is_some() { "yes" } else { "no" };
    output::line(format_args!("prepared: {prepared} ({})", published.prepared_reason))?;
    Ok(())
}

/// Whether calls share runs, in a word.
fn shares(batching: Batching) -> &'static str {
    match batching {
        Batching::Rows => "yes",
        Batching::SameTenant => "of one tenant",
        Batching::None => "no",
    }
}
