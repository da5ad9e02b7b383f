//! The files of a sentence-transformers folder: modules, pooling and prompts.

use std::collections::BTreeMap;

use amaas_model::task::{Assets, TaskError};
use serde::Deserialize;

use super::{ConfigFile, Pooling};

/// How sentence-transformers makes the vector of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentenceModules {
    /// The pooling modes, whose vectors are put one after another; empty if the export states none.
    pub pooling: Vec<Pooling>,
    /// Whether the tokens of a prompt count.
    pub includes_prompt: bool,
    /// Whether vectors are normalised to length 1.
    pub normalizes: bool,
    /// Prompts by name.
    pub prompts: BTreeMap<String, String>,
    /// The name of the prompt that is used if the call names none.
    pub default_prompt: Option<String>,
}

impl SentenceModules {
    /// The list of modules.
    pub const MODULES: &'static str = "modules.json";
    /// Prompts.
    pub const PROMPTS: &'static str = "config_sentence_transformers.json";

    /// Reads the files among `assets`.
    ///
    /// # Errors
    /// If one is malformed, or names a module that is not in the ONNX file and is not known.
    pub fn read(assets: &Assets) -> Result<Self, TaskError> {
        let config = ConfigFile::read_or_empty(assets, Self::PROMPTS)?;
        let read = Self {
            includes_prompt: true,
            prompts: config.optional("prompts")?.unwrap_or_default(),
            default_prompt: config.optional("default_prompt_name")?,
            ..Self::default()
        };
        let Ok(modules) = assets.bytes(Self::MODULES) else { return Ok(read) };
        let failed = |error: serde_json::Error| TaskError::new(format!("{}: {error}", Self::MODULES));
        let modules: Vec<Module> = serde_json::from_slice(modules).map_err(failed)?;
        modules.iter().try_fold(read, |read, module| read.with(module, assets))
    }

    fn with(self, module: &Module, assets: &Assets) -> Result<Self, TaskError> {
        match module.kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => Ok(self),
            "Normalize" => Ok(Self { normalizes: true, ..self }),
            "Pooling" => {
                let config = ConfigFile::read(assets, &format!("{}/config.json", module.path))?;
                let includes_prompt = config.optional("include_prompt")?.unwrap_or(true);
                Ok(Self { pooling: pooling(&config)?, includes_prompt, ..self })
            }
            _ => Err(TaskError::new(format!(
                "{}: module {:?} of type {:?} is not served: its weights are not in the ONNX file; export it as part of the network",
                Self::MODULES,
                module.path,
                module.kind
            ))),
        }
    }
}

/// A module of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The modes that `1_Pooling/config.json` turns on, in the order in which sentence-transformers puts their vectors.
fn pooling(config: &ConfigFile) -> Result<Vec<Pooling>, TaskError> {
    let modes = [
        ("pooling_mode_cls_token", Pooling::Cls),
        ("pooling_mode_max_tokens", Pooling::Max),
        ("pooling_mode_mean_tokens", Pooling::Mean),
        ("pooling_mode_mean_sqrt_len_tokens", Pooling::MeanSqrtLen),
        ("pooling_mode_weightedmean_tokens", Pooling::WeightedMean),
        ("pooling_mode_lasttoken", Pooling::LastToken),
    ];
    let mut pooling = Vec::new();
    for (field, mode) in modes {
        if config.optional::<bool>(field)?.unwrap_or_default() {
            pooling.push(mode);
        }
    }
    if pooling.is_empty() {
        Err(config.error("pooling_mode_mean_tokens", "expected a mode that is true, got none"))
    } else {
        Ok(pooling)
    }
}
