//! The networks of an export folder, and which of them is published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use amaas_engine::onnx::{
    DescribedTensor, ModelFolder, NetworkDescription, NetworkFiles, NetworkSummary, OnnxError, adapt, describe,
    metadata, summarize,
};
use amaas_engine::{Dim, TensorSpec};
use amaas_model::task::NetworkInfo;
use amaas_wire::Datatype;

use super::FolderError;
use super::network_file::{MODEL, NetworkFile, OcrNetworks};

/// The networks of an export folder.
pub struct ExportNetworks {
    path: PathBuf,
    folder: ModelFolder,
    files: Vec<NetworkFile>,
    /// Whether the publisher named the file, and not the folder.
    is_named: bool,
}

/// A network of an export, read.
#[derive(Clone, Debug)]
pub struct ExportNetwork {
    /// The path of its ONNX file.
    pub path: PathBuf,
    /// The variant in the file's name, such as `fp16`.
    pub variant: Option<String>,
    /// Its files, as they are published.
    pub files: NetworkFiles,
    /// Its tensors and operator sets.
    pub description: NetworkDescription,
    /// Its operators and parameters.
    pub summary: NetworkSummary,
}

impl ExportNetworks {
    /// The networks at `path`: an ONNX file, or a folder with ONNX files in it or in its folder `onnx`.
    ///
    /// # Errors
    /// If there is none, or the folder cannot be read.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |error: std::io::Error| FolderError::Io { path: shown(path), cause: error.to_string() };
        if path.metadata().map_err(failed)?.is_dir() {
            let folder = ModelFolder::open(path).map_err(failed)?;
            let mut files = onnx_files(path)?;
            if files.is_empty() && path.join(SUBFOLDER).is_dir() {
                files = onnx_files(&path.join(SUBFOLDER))?;
            }
            if files.is_empty() {
                return Err(FolderError::NoNetwork { path: shown(path), advice: weights_advice(path) });
            }
            return Ok(Self { path: path.to_owned(), folder, files, is_named: false });
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The files of an export are beside the folder `onnx`.
        let is_below = parent.file_name().is_some_and(|name| name == SUBFOLDER) && !parent.join(CONFIG).exists();
        let root = match parent.parent().filter(|_| is_below) {
            Some(root) if root.as_os_str().is_empty() => Path::new("."),
            Some(root) => root,
            None => parent,
        };
        let folder = ModelFolder::open(root).map_err(failed)?;
        let file = NetworkFile::of(path.to_owned()).unwrap_or_else(|| NetworkFile {
            base: MODEL.to_owned(),
            variant: None,
            path: path.to_owned(),
        });
        Ok(Self { path: path.to_owned(), folder, files: vec![file], is_named: true })
    }

    /// The folder with the export's other files.
    pub fn folder(&self) -> &ModelFolder {
        &self.folder
    }

    /// The names of the ONNX files.
    pub fn file_names(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(NetworkFile::name)
    }

    /// Every network, read.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn read_all(&self) -> Result<Vec<ExportNetwork>, FolderError> {
        self.files.iter().map(ExportNetwork::read).collect()
    }

    /// The network that is published: the one of `variant`, named `model`, or the only one.
    ///
    /// # Errors
    /// If there is none of that variant, or several could be meant; and if it cannot be read.
    pub fn read_chosen(&self, variant: Option<&str>) -> Result<ExportNetwork, FolderError> {
        ExportNetwork::read(self.chosen(variant)?)
    }

    /// Whether the files are those of text recognition.
    pub(super) fn has_ocr(&self) -> bool {
        OcrNetworks::of(&self.files.iter().collect::<Vec<_>>()).is_some()
    }

    /// The networks of text recognition beside the one for detection, by the names that the pipeline gives them; `None` if the
    /// files are not those of text recognition.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(super) fn read_ocr(&self) -> Result<Option<BTreeMap<String, ExportNetwork>>, FolderError> {
        let Some(OcrNetworks { recognition, direction, .. }) = OcrNetworks::of(&self.files.iter().collect::<Vec<_>>())
        else {
            return Ok(None);
        };
        let named = [("recognition", Some(recognition)), ("direction", direction)];
        let named = named.into_iter().filter_map(|(name, file)| Some((name, file?)));
        let read = named.map(|(name, file)| Ok((name.to_owned(), ExportNetwork::read(file)?)));
        read.collect::<Result<_, FolderError>>().map(Some)
    }

    fn chosen(&self, variant: Option<&str>) -> Result<&NetworkFile, FolderError> {
        if let ([file], true) = (self.files.as_slice(), self.is_named)
            && variant.is_none()
        {
            return Ok(file);
        }
        let of_variant = |variant: Option<&str>| -> Vec<&NetworkFile> {
            self.files.iter().filter(|file| file.variant.as_deref() == variant).collect()
        };
        let mut files = of_variant(variant);
        if files.is_empty() {
            if let (None, [file]) = (variant, self.files.as_slice()) {
                return Ok(file);
            }
            let name = |file: &NetworkFile| file.variant.clone().unwrap_or_else(|| "none (no suffix)".to_owned());
            let mut known: Vec<String> = self.files.iter().map(name).collect();
            known.sort();
            known.dedup();
            let variant = variant.unwrap_or("none").to_owned();
            return Err(FolderError::NoVariant { path: shown(&self.path), variant, known });
        }
        if let Some(model) = files.iter().position(|file| file.base == MODEL) {
            return Ok(files[model]);
        }
        if files.iter().any(|file| file.base == "encoder_model") {
            return Err(FolderError::NotServed {
                evidence: files.iter().map(|file| file.name()).collect::<Vec<_>>().join(", "),
                what: "networks of an encoder and a decoder".to_owned(),
                advice: "each file can be published as a network of tensors",
            });
        }
        if let Some(roles) = OcrNetworks::of(&files) {
            return Ok(roles.detection);
        }
        match files.pop() {
            Some(file) if files.is_empty() => Ok(file),
            last => {
                let names = files.into_iter().chain(last).map(NetworkFile::name).collect();
                Err(FolderError::SeveralNetworks { path: shown(&self.path), files: names })
            }
        }
    }
}

impl ExportNetwork {
    fn read(file: &NetworkFile) -> Result<Self, FolderError> {
        let failed = |error: OnnxError| FolderError::Network { file: shown(&file.path), error };
        let files = adapt(NetworkFiles::read(&file.path).map_err(failed)?).map_err(failed)?;
        let description = describe(&files).map_err(failed)?;
        let summary = summarize(&files).map_err(failed)?;
        let (path, variant) = (file.path.clone(), file.variant.clone());
        Ok(Self { path, variant, files, description, summary })
    }

    /// The tensors and metadata that a task is loaded from, as the file declares them. A tensor whose datatype the protocol
    /// does not have is left out.
    pub fn info(&self) -> NetworkInfo {
        let specs = |tensors: &[DescribedTensor]| -> Vec<TensorSpec> {
            let spec = |tensor: &DescribedTensor| {
                let datatype = Datatype::ALL.into_iter().find(|datatype| datatype.name() == tensor.datatype)?;
                let (unranked, shape) = (tensor.shape.is_none(), tensor.shape.clone().unwrap_or_default());
                let spec = TensorSpec::new(tensor.name.as_str(), datatype, shape);
                Some(TensorSpec { optional: tensor.optional, unranked, ..spec })
            };
            tensors.iter().filter_map(spec).collect()
        };
        NetworkInfo {
            inputs: specs(&self.description.inputs),
            outputs: specs(&self.description.outputs),
            metadata: metadata(&self.files).unwrap_or_default(),
        }
    }

    /// Whether an input is named `name`.
    pub(super) fn has_input(&self, name: &str) -> bool {
        self.description.inputs.iter().any(|input| input.name == name)
    }

    /// The fixed size of the last dimension of the output `name`.
    pub(super) fn output_width(&self, name: &str) -> Option<usize> {
        let output = self.description.outputs.iter().find(|output| output.name == name)?;
        output.shape.as_ref()?.last().and_then(Dim::fixed)
    }
}

/// The ONNX files in `folder`, by name.
fn onnx_files(folder: &Path) -> Result<Vec<NetworkFile>, FolderError> {
    let failed = |error: std::io::Error| FolderError::Io { path: shown(folder), cause: error.to_string() };
    let entries = std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut files: Vec<_> = entries.into_iter().filter_map(|entry| NetworkFile::of(entry.path())).collect();
    files.sort();
    Ok(files)
}

/// What to do about a folder with weights in another form.
fn weights_advice(folder: &Path) -> Option<&'static str> {
    let has = |name: &str| folder.join(name).exists();
    (has("model.safetensors") || has("pytorch_model.bin") || has("model.safetensors.index.json")).then_some(
        "; it has weights of PyTorch: `optimum-cli export onnx --model FOLDER OUTPUT` writes the folder to publish",
    )
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The folder of the networks, in the exports of onnx-community and of sentence-transformers.
const SUBFOLDER: &str = "onnx";
const CONFIG: &str = "config.json";
