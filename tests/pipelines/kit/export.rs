//! The exports of `exports/`.

use std::path::{Path, PathBuf};

use amaas_model::publish::Publication;

use crate::case::CaseFile;

/// A folder of `exports/`.
pub(crate) struct Export {
    name: String,
    folder: PathBuf,
}

/// The folder `tests/pipelines`.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines")
}

impl Export {
    /// Every export that has cases, by name.
    pub(crate) fn all() -> Vec<Self> {
        let folder = root().join("exports");
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| name != "recipe").collect();
        names.sort();
        names.into_iter().map(|name| Self { folder: folder.join(&name), name }).collect()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The model that `amaas publish` would publish of the folder.
    pub(crate) fn publication(&self, cases: &CaseFile) -> Result<Publication, String> {
        let network = self.network()?;
        let name = self.name.parse().map_err(|error| format!("{error}"))?;
        let mut publication = Publication::of_file(name, &network).map_err(|error| error.to_string())?;
        publication.task = Some(cases.pipeline.clone());
        read_assets(&self.folder, "", &mut publication.assets)?;
        if let Some(pooling) = cases.publish.get("pooling") {
            let settings = serde_json::json!({ "pooling": pooling }).to_string();
            publication.assets.insert("pipeline.json".to_owned(), settings.into());
        }
        Ok(publication)
    }

    /// The token ids of a text of `words`, if the export has a `vocab.txt` with all of them, as BERT has, and no prompt goes before them.
    pub(crate) fn token_ids(&self, words: &[&str]) -> Option<Vec<u64>> {
        let prompts = std::fs::read(self.folder.join("config_sentence_transformers.json")).unwrap_or_default();
        let prompts: serde_json::Value = serde_json::from_slice(&prompts).unwrap_or_default();
        if prompts["default_prompt_name"].is_string() {
            return None;
        }
        let vocabulary = std::fs::read_to_string(self.folder.join("vocab.txt")).ok()?;
        let id = |token: &str| Some(vocabulary.lines().position(|line| line == token)? as u64);
        std::iter::once("[CLS]").chain(words.iter().copied()).chain(["[SEP]"]).map(id).collect()
    }

    fn network(&self) -> Result<PathBuf, String> {
        let candidates = ["model.onnx", "onnx/model.onnx", "best.onnx"];
        let found = candidates.iter().map(|file| self.folder.join(file)).find(|path| path.exists());
        found.ok_or_else(|| "the folder has no ONNX file".to_owned())
    }
}

/// Reads the files of `folder` that are not networks.
fn read_assets(
    folder: &Path,
    prefix: &str,
    assets: &mut std::collections::BTreeMap<String, bytes::Bytes>,
) -> Result<(), String> {
    for entry in std::fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            read_assets(&path, &format!("{name}/"), assets)?;
        } else if matches!(path.extension().and_then(|it| it.to_str()), Some("json" | "txt")) {
            assets.insert(name, std::fs::read(&path).map_err(|error| error.to_string())?.into());
        }
    }
    Ok(())
}
