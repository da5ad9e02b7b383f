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

    /// The words of the file's name.
    fn words(&self) -> impl Iterator<Item = String> {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        stem.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>().into_iter()
    }

    /// The name of the file.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The networks of text recognition, by the names that PP-OCR's converters give them: `ch_PP-OCRv4_det_infer.onnx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OcrNetworks<'f> {
    pub(super) detection: &'f NetworkFile,
    pub(super) recognition: &'f NetworkFile,
    pub(super) direction: Option<&'f NetworkFile>,
}

impl<'f> OcrNetworks<'f> {
    /// The networks among `files`; `None` if there is not one for detection and one for recognition.
    pub(super) fn of(files: &[&'f NetworkFile]) -> Option<Self> {
        let only = |words: [&str; 2]| {
            let mut named =
                files.iter().copied().filter(|file| file.words().any(|word| words.contains(&word.as_str())));
            named.next().filter(|_| named.next().is_none())
        };
        let (detection, recognition) = (only(["det", "detection"])?, only(["rec", "recognition"])?);
        Some(Self { detection, recognition, direction: only(["cls", "direction"]) })
            .filter(|_| detection != recognition)
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

    #[test]
    fn the_networks_of_text_recognition_are_told_apart_by_their_names() {
        let files = |names: &[&str]| names.iter().map(|name| NetworkFile::of(name.into())).collect::<Option<Vec<_>>>();
        let all =
            files(&["ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx"]);
        let all = all.expect("networks");
        let all: Vec<&NetworkFile> = all.iter().collect();
        let found = OcrNetworks::of(&all).expect("three networks");
        assert_eq!((found.detection, found.recognition, found.direction), (all[0], all[1], Some(all[2])));
        assert_eq!(OcrNetworks::of(&all[..2]).and_then(|found| found.direction), None);
        for others in [&["det.onnx", "det_v2.onnx", "rec.onnx"][..], &["detector.onnx", "rec.onnx"], &["det_rec.onnx"]]
        {
            let files = files(others).expect("networks");
            assert_eq!(OcrNetworks::of(&files.iter().collect::<Vec<_>>()), None, "{others:?}");
        }
    }
}
