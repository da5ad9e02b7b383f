//! The files of an export that a pipeline reads.

use std::collections::BTreeMap;

use amaas_engine::onnx::{FolderFileError, ModelFolder};
use bytes::Bytes;
use serde_json::Value;

use super::FolderError;
use super::pipeline_kind::PipelineKind;
use crate::export::SentenceModules;

/// Reads the files of `folder` that the pipeline `kind` reads, by name. A file that is missing is left out.
///
/// # Errors
/// If a file cannot be read or is too large, or the export has no tokenizer that the pipeline can use.
pub(super) fn read_assets(folder: &ModelFolder, kind: &PipelineKind) -> Result<BTreeMap<String, Bytes>, FolderError> {
    let mut assets = BTreeMap::new();
    for name in kind.files() {
        read_into(folder, name, &mut assets)?;
    }
    for name in module_files(&assets) {
        read_into(folder, &name, &mut assets)?;
    }
    if kind.reads_text() && !assets.contains_key(TOKENIZER) {
        let exists = |name: &&&str| folder.read_file(name).is_ok();
        let slow = SLOW_TOKENIZERS.iter().find(exists).copied();
        return Err(FolderError::NoTokenizer { slow });
    }
    Ok(assets)
}

/// The file `name` of `folder`; `None` if it is missing.
///
/// # Errors
/// If it cannot be read or is too large.
pub(super) fn read_file(folder: &ModelFolder, name: &str) -> Result<Option<Bytes>, FolderError> {
    let file = || name.to_owned();
    match folder.read_file(name) {
        Ok(bytes) if bytes.len() > MAX_FILE_BYTES => {
            Err(FolderError::Large { file: file(), expected: MAX_FILE_BYTES, got: bytes.len() })
        }
        Ok(bytes) => Ok(Some(Bytes::from_owner(bytes))),
        Err(FolderFileError::Missing) => Ok(None),
        Err(error) => Err(FolderError::File { file: file(), error }),
    }
}

fn read_into(folder: &ModelFolder, name: &str, assets: &mut BTreeMap<String, Bytes>) -> Result<(), FolderError> {
    if let Some(bytes) = read_file(folder, name)? {
        assets.insert(name.to_owned(), bytes);
    }
    Ok(())
}

/// The configuration files of the modules of a sentence-transformers export. A malformed list is refused when the pipeline is
/// loaded.
fn module_files(assets: &BTreeMap<String, Bytes>) -> Vec<String> {
    let modules =
        assets.get(SentenceModules::MODULES).and_then(|bytes| serde_json::from_slice::<Vec<Value>>(bytes).ok());
    let path = |module: &Value| module.get("path")?.as_str().filter(|path| is_plain(path)).map(str::to_owned);
    let paths = modules.iter().flatten().filter_map(path);
    paths.take(MAX_MODULES).map(|path| format!("{path}/config.json")).collect()
}

/// Whether `path` is the name of a folder.
fn is_plain(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('.') && !path.contains(['/', '\\'])
}

const TOKENIZER: &str = "tokenizer.json";
const SLOW_TOKENIZERS: [&str; 5] =
    ["vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model"];
/// More than the largest tokenizer: that of a vocabulary of 256,000 tokens has 35 MB.
const MAX_FILE_BYTES: usize = 128 << 20;
const MAX_MODULES: usize = 16;
