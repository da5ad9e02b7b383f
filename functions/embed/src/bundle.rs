//! The small encoder of `model/`, ready to be published.

use std::collections::BTreeMap;

use amaas_serve::manifest::{GoldenCases, ManifestError};
use amaas_serve::publish::{BatchingPolicy, Publication};
use amaas_serve::task::TextEncoder;
use amaas_store::Alias;
use bytes::Bytes;

use crate::Embed;

/// The network, its tokenizer and its golden cases, under the alias `alias`.
///
/// # Errors
/// Never with the files that were committed; the golden cases are parsed here.
pub fn bundle(alias: Alias) -> Result<Publication, ManifestError> {
    Ok(Publication {
        model: NAME.parse().map_err(|error| ManifestError::Json(format!("{NAME}: {error}")))?,
        version: None,
        alias,
        network: Bytes::from_static(include_bytes!("../model/embed.onnx")).into(),
        task: Some(Embed::NAME.to_owned()),
        assets: BTreeMap::from([(
            Embed::TOKENIZER.to_owned(),
            Bytes::from_static(include_bytes!("../model/tokenizer.json")),
        )]),
        networks: BTreeMap::new(),
        golden: Some(GoldenCases::from_json(include_bytes!("../model/golden.json"))?),
        batching: BatchingPolicy::default(),
    })
}

const NAME: &str = "embed";
