//! The file names of networks: `model_fp16.onnx` is the variant `fp16` of the network `model`.

use std::path::PathBuf;

/// An ONNX file of an export.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NetworkFile {
    /// The name without variant and extension, such as `model`.
    pub(super) base: String,
    /// The variant, such as `fp16`.
    pub(super) variant: Option<String>,
    pub(super) path: PathBuf,
}

impl NetworkFile {
    /// The file at `path`; `None` if its name does not end in `.onnx`.
    pub(super) fn of(path: PathBuf) -> Option<Self> {
        let stem = path.file_name()?.to_str()?.strip_suffix(".onnx")?.to_owned();
        let split = |base: &&str| {
            let rest = stem.strip_prefix(base)?;
            if rest.is_empty() { Some(None) } else { rest.strip_prefix('_').map(|variant| Some(variant.to_owned())) }
        };
        let (base, variant) = BASES
            .iter()
            .find_map(|base| Some(((*base).to_owned(), split(base)?)))
            .unwrap_or_else(|| (stem.clone(), None));
        Some(Self { base, variant, path })
    }

    /// The name of the file.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The names that exporters give networks. A name that another one begins with comes after it.
const BASES: [&str; 8] = [
    "decoder_model_merged",
    "decoder_with_past_model",
    "decoder_model",
    "encoder_model",
    "text_model",
    "vision_model",
    "audio_model",
    MODEL,
];
/// The name of the only network of an export.
pub(super) const MODEL: &str = "model";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_follows_the_name_that_exporters_give() {
        for (name, base, variant) in [
            ("model.onnx", "model", None),
            ("model_q4f16.onnx", "model", Some("q4f16")),
            ("model_qint8_avx512_vnni.onnx", "model", Some("qint8_avx512_vnni")),
            ("decoder_model_merged_quantized.onnx", "decoder_model_merged", Some("quantized")),
            ("decoder_model_fp16.onnx", "decoder_model", Some("fp16")),
            ("model2_fp16.onnx", "model2_fp16", None),
            ("best.onnx", "best", None),
        ] {
            let file = NetworkFile::of(name.into()).expect(name);
            assert_eq!((file.base.as_str(), file.variant.as_deref()), (base, variant), "{name}");
        }
        assert_eq!(NetworkFile::of("model.onnx_data".into()), None);
    }
}
