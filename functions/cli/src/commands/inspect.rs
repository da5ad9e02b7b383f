//! `amaas inspect`.

use std::path::{Path, PathBuf};

use amaas_engine::{Batching, Dim, TensorSpec};
use amaas_model::manifest::Manifest;
use amaas_model::publish::{
    DescribedTensor, NetworkDescription, NotProven, describe, prove_rows, prove_sequences, published_manifest,
};
use amaas_store::live;
use amaas_store::{ModelName, VersionSelector};
use serde_json::{Value, json};

use super::publish::network;
use crate::arguments::InspectArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: &InspectArguments) -> Result<(), CliError> {
    let (what, store) = (&arguments.what, arguments.store.store.as_deref());
    if what.is_dir() {
        return folder(settings, what);
    }
    // An argument that looks like a path is one; if it does not exist, the error says so.
    if what.is_file() || what.components().count() > 1 || what.extension().is_some_and(|end| end == "onnx") {
        let network = NetworkReport::read(what)?;
        return if settings.json { output::json(&network.json()) } else { network.print() };
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

/// Every ONNX file of a folder.
fn folder(settings: &Settings, folder: &Path) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::file(folder, &error);
    let entries = std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let is_onnx = |path: &PathBuf| path.extension().is_some_and(|end| end == "onnx");
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).filter(is_onnx).collect();
    files.sort();
    if files.is_empty() {
        return Err(CliError::file(folder, &"there is no file in it that ends in .onnx"));
    }
    let networks = files.iter().map(|file| NetworkReport::read(file)).collect::<Result<Vec<_>, _>>()?;
    if settings.json {
        return output::json(&networks.iter().map(NetworkReport::json).collect::<Vec<_>>());
    }
    for (place, network) in networks.iter().enumerate() {
        if place > 0 {
            output::line("")?;
        }
        network.print()?;
    }
    Ok(())
}

/// The description of an ONNX file, and what is proven of it.
struct NetworkReport {
    path: PathBuf,
    bytes: u64,
    description: NetworkDescription,
    rows: Result<(), NotProven>,
}

impl NetworkReport {
    fn read(path: &Path) -> Result<Self, CliError> {
        let files = network(path)?;
        let failed = |error| CliError::new(format_args!("{}: {error}", path.display()));
        let description = describe(&files).map_err(failed)?;
        let rows = match prove_sequences(&files).map_err(failed)? {
            Some(sequences) => sequences,
            None => prove_rows(&files).map_err(failed)?,
        };
        Ok(Self { path: path.to_owned(), bytes: files.size(), description, rows })
    }

    fn json(&self) -> Value {
        let (node, because) = match &self.rows {
            Ok(()) => (None, None),
            Err(unproven) => (unproven.node.as_ref(), Some(&unproven.because)),
        };
        let rows = json!({ "independent": self.rows.is_ok(), "node": node, "because": because });
        json!({
            "file": self.path, "bytes": self.bytes, "inputs": self.description.inputs, "outputs": self.description.outputs,
            "operator_sets": self.description.operator_sets, "rows": rows,
        })
    }

    fn print(&self) -> Result<(), CliError> {
        output::line(format_args!("{} ({} bytes)", self.path.display(), self.bytes))?;
        let sets = self.description.operator_sets.iter().map(|(domain, version)| format!("{domain} {version}"));
        output::line(format_args!("operator sets: {}\n", sets.collect::<Vec<_>>().join(", ")))?;
        let row = |kind: &str, tensor: &DescribedTensor| {
            let shape = tensor.shape.as_deref().map_or_else(|| "any".to_owned(), shape);
            [kind_of(kind, tensor.optional), tensor.name.clone(), tensor.datatype.clone(), shape]
        };
        let inputs = self.description.inputs.iter().map(|tensor| row("input", tensor));
        let rows = inputs.chain(self.description.outputs.iter().map(|tensor| row("output", tensor)));
        output::line(output::table(TABLE_HEADINGS, rows))?;
        match &self.rows {
            Ok(()) => output::line("rows are independent: proven"),
            Err(unproven) => output::line(format_args!("rows are independent: not proven ({unproven})")),
        }
    }
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
