//! `amaas inspect`.

mod export;
mod network;

use amaas_engine::{Batching, Dim, TensorSpec};
use amaas_model::manifest::Manifest;
use amaas_model::publish::published_manifest;
use amaas_store::live;
use amaas_store::{ModelName, VersionSelector};

use self::export::ExportReport;
use crate::arguments::{InspectArguments, PipelineArguments};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: &InspectArguments) -> Result<(), CliError> {
    let (what, store) = (&arguments.what, arguments.store.store.as_deref());
    // An argument that looks like a path is one; if it does not exist, the error says so.
    if what.exists() || what.components().count() > 1 || what.extension().is_some_and(|end| end == "onnx") {
        return ExportReport::read(what, &arguments.pipeline)?.print(settings);
    }
    if arguments.pipeline != PipelineArguments::default() {
        return Err(CliError::usage(
            "the options of a pipeline are for files and folders; a published model has its pipeline",
        ));
    }
    let text = what.to_string_lossy();
    let (name, version) = text.split_once(':').map_or((&*text, None), |(name, version)| (name, Some(version)));
    let unknown =
        |error| CliError::usage(format!("{text}: neither a file, nor a folder, nor the name of a model: {error}"));
    let name: ModelName = name.parse().map_err(unknown)?;
    let selector =
        version.map(str::parse).transpose().map_err(unknown)?.unwrap_or_else(|| VersionSelector::Alias(live()));
    let publishers = settings.publishers(store)?;
    let place = settings.store(store).await?;
    model(settings, &published_manifest(&place.store, &name, &selector, &publishers).await?)
}

/// The published version of a model.
fn model(settings: &Settings, manifest: &Manifest) -> Result<(), CliError> {
    if settings.json {
        return output::json(manifest);
    }
    let task = manifest.task.as_deref().unwrap_or("none");
    let (name, version, serial) = (&manifest.model, &manifest.version, manifest.serial);
    output::line(format_args!("{name} version {version}, serial {serial}, task {task}\n"))?;
    let rows = |kind: &str, specs: &[TensorSpec]| -> Vec<[String; 4]> {
        let row = |spec: &TensorSpec| {
            let shape = if spec.unranked { "any".to_owned() } else { shape(&spec.shape) };
            [kind_of(kind, spec.optional), spec.name.clone(), spec.datatype.to_string(), shape]
        };
        specs.iter().map(row).collect()
    };
    let mut all = [rows("input", &manifest.inputs), rows("output", &manifest.outputs)].concat();
    for (name, network) in &manifest.networks {
        all.extend(rows(&format!("input of {name}"), &network.inputs));
        all.extend(rows(&format!("output of {name}"), &network.outputs));
    }
    output::line(output::table(TABLE_HEADINGS, all))?;
    output::line(format_args!("calls share runs: {}", shares(manifest.batching, manifest.rows_proof)))?;
    for (name, network) in &manifest.networks {
        let shares = shares(network.batching, network.rows_proof);
        output::line(format_args!("calls share runs of {name}: {shares}"))?;
    }
    Ok(())
}

/// Which calls share runs, by the signed manifest.
fn shares(batching: Batching, proof: Option<u32>) -> String {
    match (batching, proof) {
        (Batching::Rows, Some(proof)) => format!("yes (rows are proven independent, by analysis {proof})"),
        (Batching::Rows, None) => "no (published before there was a proof; publish it again)".to_owned(),
        (Batching::SameTenant, _) => "of one tenant (by the publisher's word)".to_owned(),
        (Batching::None, _) => "no".to_owned(),
    }
}

fn kind_of(kind: &str, optional: bool) -> String {
    if optional { format!("{kind}, may be left out") } else { kind.to_owned() }
}

fn shape(dims: &[Dim]) -> String {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => size.to_string(),
        Dim::Symbol(symbol) if symbol.is_empty() => "?".to_owned(),
        Dim::Symbol(symbol) => symbol.clone(),
    };
    format!("[{}]", dims.iter().map(dim).collect::<Vec<_>>().join(", "))
}

const TABLE_HEADINGS: [&str; 4] = ["KIND", "NAME", "DATATYPE", "SHAPE"];
