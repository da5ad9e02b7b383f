//! Rewrites a network before it is published, where the exporter's form cannot be served and another form gives the same answers.

use super::files::encode;
use super::read::read;
use super::{NetworkFiles, OnnxError, locale, zip_map};

/// The network in `files`, with matrices in place of the sequences of maps that `ZipMap` makes, and with `StringNormalizer` in a
/// locale that every machine has. A network without these operators keeps its bytes.
///
/// # Errors
/// If the file is not an ONNX file, or a `ZipMap` cannot be removed.
pub fn adapt(files: NetworkFiles) -> Result<NetworkFiles, OnnxError> {
    let (mut model, mut graph) = read(&files.file)?;
    let removed = zip_map::remove(&mut model, &mut graph)?;
    let replaced = locale::replace(&mut model, &mut graph);
    if !removed && !replaced {
        return Ok(files);
    }
    model.graph = Some(graph);
    Ok(NetworkFiles { file: encode(&model)?, ..files })
}
