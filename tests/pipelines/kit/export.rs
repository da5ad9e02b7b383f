//! The exports of `exports/`.

use std::path::{Path, PathBuf};

use amaas_model::publish::Publication;
use amaas_pipelines::export::PipelineSettings;
use amaas_pipelines::folder::{Export as ExportFolder, ExportOptions};

use crate::case::CaseFile;

/// A folder of `exports/`, or of a real network.
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

    /// The exports of real networks, which `real/build.py` makes in the folder that `AMAAS_TEST_EXPORTS` names.
    pub(crate) fn all_real() -> Vec<Self> {
        let folder = std::env::var_os("AMAAS_TEST_EXPORTS").map(PathBuf::from).unwrap_or_default();
        REAL.iter().map(|name| Self { folder: folder.join(name), name: (*name).to_owned() }).collect()
    }

    /// Whether its folder exists.
    pub(crate) fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The model that `amaas publish` publishes of the folder, given what its files do not say.
    pub(crate) fn publication(&self, cases: &CaseFile) -> Result<Publication, String> {
        let settings = match cases.publish.get("pooling") {
            Some(pooling) => serde_json::from_value(serde_json::json!({ "pooling": pooling })),
            None => Ok(PipelineSettings::default()),
        };
        let pipeline = cases.publish.get("pipeline").and_then(|name| name.as_str()).map(str::to_owned);
        let settings = settings.map_err(|error| error.to_string())?;
        let options = ExportOptions { pipeline, variant: None, settings };
        let export = ExportFolder::read(&self.folder, &options).map_err(|error| error.to_string())?;
        if export.pipeline.name() != Some(cases.pipeline.as_str()) {
            let (got, evidence) = (export.pipeline.name().unwrap_or("none"), export.pipeline.evidence());
            return Err(format!("expected the pipeline {}, got {got} ({evidence})", cases.pipeline));
        }
        export.publication(&self.name).map_err(|error| error.to_string())
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
}

/// The real networks that have cases.
const REAL: [&str; 1] = ["real-minilm"];
