//! An export folder, read: the network and the files to publish, and the pipeline that serves them.

use std::collections::BTreeMap;
use std::path::Path;

use amaas_model::publish::Publication;
use amaas_model::task::{Assets, TaskContext, TaskError};
use bytes::Bytes;

use super::assets::{read_assets, read_file};
use super::inference::{FolderEvidence, InferredPipeline, TEXT_RECOGNITION};
use super::pipeline_kind::PipelineKind;
use super::{ExportNetwork, ExportNetworks, ExportOptions, FolderError};
use crate::export::{ConfigFile, PipelineSettings};

/// What is published of an export folder.
#[derive(Clone, Debug)]
pub struct Export {
    /// The network.
    pub network: ExportNetwork,
    /// The pipeline, and why it is that one.
    pub pipeline: InferredPipeline,
    /// The networks that the pipeline runs beside it, by name.
    pub networks: BTreeMap<String, ExportNetwork>,
    /// The files that the pipeline reads, by name.
    pub assets: BTreeMap<String, Bytes>,
    /// The ONNX files of the folder that are not published.
    pub unused_networks: Vec<String>,
}

impl Export {
    /// Reads the export at `path`, an ONNX file or a folder.
    ///
    /// # Errors
    /// [`FolderError`] names the file, the field or the option that does not fit.
    pub fn read(path: &Path, options: &ExportOptions) -> Result<Self, FolderError> {
        let networks = ExportNetworks::open(path)?;
        let network = networks.read_chosen(options.variant.as_deref())?;
        Self::of_network(&networks, network, options)
    }

    /// The same, if `network` is already read.
    ///
    /// # Errors
    /// See [`read`](Self::read).
    pub fn of_network(
        networks: &ExportNetworks,
        network: ExportNetwork,
        options: &ExportOptions,
    ) -> Result<Self, FolderError> {
        let pipeline = match options.pipeline.as_deref() {
            Some(ExportOptions::TENSORS) => InferredPipeline::none("--pipeline"),
            Some(name) => InferredPipeline::of(PipelineKind::named(name)?.name, "--pipeline"),
            None => FolderEvidence::read(networks, &network)?.infer()?,
        };
        let kind = pipeline.name().map(PipelineKind::named).transpose()?;
        options.check(kind)?;
        let mut assets = match kind {
            Some(kind) => read_assets(networks.folder(), kind)?,
            None => BTreeMap::new(),
        };
        let settings = options.merged(PipelineSettings::read(&Assets::new(assets.clone()))?);
        if settings != PipelineSettings::default() {
            assets.insert(PipelineSettings::FILE.to_owned(), settings.to_json());
        }
        let named = if pipeline.name() == Some(TEXT_RECOGNITION) { networks.read_ocr()? } else { None };
        let named = named.unwrap_or_default();
        let is_used = |name: &String| {
            std::iter::once(&network).chain(named.values()).any(|network| network.path.ends_with(name.as_str()))
        };
        let unused_networks = networks.file_names().filter(|name| !is_used(name)).collect();
        Ok(Self { network, pipeline, networks: named, assets, unused_networks })
    }

    /// The next version of the model `name`, under the alias `live`.
    ///
    /// # Errors
    /// If `name` is not the name of a model.
    pub fn publication(self, name: &str) -> Result<Publication, TaskError> {
        let model = name.parse().map_err(|error| TaskError::new(format!("{name:?}: {error}")))?;
        let task = self.pipeline.name().map(str::to_owned);
        let networks = self.networks.into_iter().map(|(name, network)| (name, network.files)).collect();
        Ok(Publication { task, assets: self.assets, networks, ..Publication::of_network(model, self.network.files) })
    }

    /// What the pipeline is loaded from.
    pub fn context(&self) -> TaskContext {
        TaskContext {
            assets: Assets::new(self.assets.clone()),
            network: self.network.info(),
            networks: self.networks.iter().map(|(name, network)| (name.clone(), network.info())).collect(),
        }
    }
}

impl FolderEvidence {
    fn read(networks: &ExportNetworks, network: &ExportNetwork) -> Result<Self, FolderError> {
        let folder = networks.folder();
        let config = |name: &str| -> Result<Option<ConfigFile>, FolderError> {
            let bytes = read_file(folder, name)?;
            Ok(bytes.map(|bytes| ConfigFile::parse(name, &bytes)).transpose()?)
        };
        Ok(Self {
            config: config("config.json")?,
            has_sentence_modules: read_file(folder, "modules.json")?.is_some(),
            card: read_file(folder, "README.md")?,
            has_ocr_networks: networks.has_ocr(),
            network: network.clone(),
        })
    }
}
