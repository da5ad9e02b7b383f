//! The description of an export: its networks, and what `amaas publish` would publish of it.

use std::path::Path;

use amaas_pipelines::folder::{Export, ExportNetworks, ExportOptions, FolderError};
use serde_json::{Value, json};

use super::network::NetworkReport;
use crate::arguments::PipelineArguments;
use crate::commands::dev::tasks;
use crate::commands::publish::export::{folder_error, options};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

/// The networks of an export, and its pipeline.
pub(super) struct ExportReport {
    is_folder: bool,
    networks: Vec<NetworkReport>,
    /// The export; the error says why it cannot be published.
    export: Result<Export, String>,
    warnings: Vec<String>,
}

impl ExportReport {
    pub(super) fn read(path: &Path, arguments: &PipelineArguments) -> Result<Self, CliError> {
        let options = options(arguments)?;
        let networks = ExportNetworks::open(path).map_err(|error| folder_error(path, error))?;
        let read = networks.read_all().map_err(|error| folder_error(path, error))?;
        let export = chosen(&networks, &options).map_err(|error| error.to_string());
        let mut warnings = Vec::new();
        if let Ok(export) = &export {
            warnings.extend(warning(export));
        }
        let networks = read.into_iter().map(NetworkReport::of).collect::<Result<_, _>>()?;
        Ok(Self { is_folder: path.is_dir(), networks, export, warnings })
    }

    pub(super) fn print(&self, settings: &Settings) -> Result<(), CliError> {
        if settings.json {
            return output::json(&self.json());
        }
        for network in &self.networks {
            network.print()?;
            output::line("")?;
        }
        match &self.export {
            Ok(export) => {
                let name = export.pipeline.name().unwrap_or("none");
                output::line(format_args!("pipeline: {name} ({})", export.pipeline.evidence()))?;
                output::line(format_args!("network: {}", export.network.path.display()))?;
                for (name, network) in &export.networks {
                    output::line(format_args!("network {name}: {}", network.path.display()))?;
                }
                let assets = export.assets.iter().map(|(name, bytes)| format!("{name} ({} bytes)", bytes.len()));
                output::line(format_args!("files: {}", assets.collect::<Vec<_>>().join(", ")))?;
            }
            Err(error) => output::line(format_args!("cannot be published: {error}"))?,
        }
        self.warnings.iter().try_for_each(|warning| output::line(format_args!("warning: {warning}")))
    }

    fn json(&self) -> Value {
        let mut networks: Vec<Value> = self.networks.iter().map(NetworkReport::json).collect();
        let (pipeline, error) = match &self.export {
            Ok(export) => {
                let sizes: serde_json::Map<_, _> =
                    export.assets.iter().map(|(name, bytes)| (name.clone(), bytes.len().into())).collect();
                let (name, because) = (export.pipeline.name(), export.pipeline.evidence());
                let networks: serde_json::Map<_, _> =
                    export.networks.iter().map(|(name, network)| (name.clone(), json!(network.path))).collect();
                let path = &export.network.path;
                (
                    json!({ "name": name, "because": because, "network": path, "networks": networks, "files": sizes }),
                    None,
                )
            }
            Err(error) => (Value::Null, Some(error)),
        };
        let mut report = json!({ "pipeline": pipeline, "error": error, "warnings": self.warnings });
        match (self.is_folder, networks.pop()) {
            (false, Some(Value::Object(network))) => {
                report.as_object_mut().expect("an object").extend(network);
            }
            (_, last) => report["networks"] = networks.into_iter().chain(last).collect(),
        }
        report
    }
}

fn chosen(networks: &ExportNetworks, options: &ExportOptions) -> Result<Export, FolderError> {
    let network = networks.read_chosen(options.variant.as_deref())?;
    Export::of_network(networks, network, options)
}

/// Why the pipeline cannot serve the export, if it cannot.
fn warning(export: &Export) -> Option<String> {
    let name = export.pipeline.name()?;
    let error = tasks().load(name, &export.context()).err()?;
    Some(format!("{name} does not serve this export: {error}"))
}
