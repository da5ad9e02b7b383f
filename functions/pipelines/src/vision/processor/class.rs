//! The classes of image processors of `transformers`: their defaults, and how each resizes.

use crate::vision::ResampleFilter::{self, Bicubic, Bilinear, Nearest};

/// How a class resizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResizeKind {
    /// To a height and a width.
    Exact,
    /// The shorter side to a length, or to a height and a width.
    ShortestEdge,
    /// The same, with the shorter side 256/224 longer.
    Levit,
    /// To a longer side, by `crop_pct`, and then the centre is cropped; from 384 pixels on to a square.
    ConvNext,
    /// The shorter side to a length divided by `crop_pct`.
    PoolFormer,
    /// The shorter side to a length, unless the longer side gets too long.
    Detr,
    /// The same, and then both sides down to a multiple of 16.
    Yolos,
    /// As `Detr`, with other rounding, and then both sides up to a multiple of `size_divisor`.
    MaskFormer,
    /// To a height and a width, or near them by `keep_aspect_ratio` and `ensure_multiple_of`.
    Dpt,
    /// Into a height and a width, with the image's proportions.
    Letterbox,
}

/// A class of image processors, with the values of fields that its file does not give.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessorClass {
    /// The name, without `ImageProcessor`.
    name: &'static str,
    pub(super) resize: ResizeKind,
    pub(super) size: u32,
    pub(super) filter: ResampleFilter,
    /// The side of the cropped centre, and whether it is cropped by default; `None` if the class does not crop.
    pub(super) crop: Option<(u32, bool)>,
    /// Mean and deviation; `None` if the class does not normalise by default.
    pub(super) normalisation: Normalisation,
}

/// The mean and the deviation of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Normalisation {
    /// 0.5 for each channel.
    Standard,
    /// Those of `ImageNet`.
    ImageNet,
    /// Those of CLIP.
    Clip,
    /// Those of `ImageNet`, if the file says `do_normalize`.
    Optional,
    /// The class does not normalise; its channels are blue, green, red, unless the file says otherwise.
    Bgr,
}

impl Normalisation {
    pub(super) fn values(self) -> ([f64; 3], [f64; 3]) {
        match self {
            Self::Standard | Self::Bgr => ([0.5; 3], [0.5; 3]),
            Self::ImageNet | Self::Optional => ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            Self::Clip => ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11]),
        }
    }
}

impl ProcessorClass {
    /// The class with the name of `image_processor_type` or `feature_extractor_type`. The fast variant of a class does the same.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        let name = name.strip_suffix("Fast").unwrap_or(name);
        let name = name.strip_suffix("ImageProcessor").or_else(|| name.strip_suffix("FeatureExtractor"))?;
        CLASSES.iter().find(|class| class.name == name)
    }

    /// The class of a `model_type`, for files without a class.
    pub(super) fn of_model(model_type: &str) -> Option<&'static Self> {
        let (_, name) = MODELS.iter().find(|(models, _)| models.contains(&model_type))?;
        CLASSES.iter().find(|class| class.name == *name)
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    pub(super) fn names() -> String {
        CLASSES.iter().map(|class| class.name).collect::<Vec<_>>().join(", ")
    }
}

const fn class(
    name: &'static str,
    (resize, size, filter): (ResizeKind, u32, ResampleFilter),
    crop: Option<(u32, bool)>,
    normalisation: Normalisation,
) -> ProcessorClass {
    ProcessorClass { name, resize, size, filter, crop, normalisation }
}

const CLASSES: [ProcessorClass; 25] = [
    class("Beit", (ResizeKind::Exact, 256, Bicubic), Some((224, true)), Normalisation::Standard),
    class("Bit", (ResizeKind::ShortestEdge, 224, Bicubic), Some((224, true)), Normalisation::Clip),
    class("Blip", (ResizeKind::Exact, 384, Bicubic), None, Normalisation::Clip),
    class("CLIP", (ResizeKind::ShortestEdge, 224, Bicubic), Some((224, true)), Normalisation::Clip),
    class("ConditionalDetr", (ResizeKind::Detr, 800, Bilinear), None, Normalisation::ImageNet),
    class("ConvNext", (ResizeKind::ConvNext, 384, Bilinear), None, Normalisation::Standard),
    class("DPT", (ResizeKind::Dpt, 384, Bicubic), None, Normalisation::Standard),
    class("DeformableDetr", (ResizeKind::Detr, 800, Bilinear), None, Normalisation::ImageNet),
    class("DeiT", (ResizeKind::Exact, 256, Bicubic), Some((224, true)), Normalisation::Standard),
    class("Deta", (ResizeKind::Detr, 800, Bilinear), None, Normalisation::ImageNet),
    class("Detr", (ResizeKind::Detr, 800, Bilinear), None, Normalisation::ImageNet),
    class("EfficientNet", (ResizeKind::Exact, 346, Nearest), Some((289, false)), Normalisation::Standard),
    class("Levit", (ResizeKind::Levit, 224, Bicubic), Some((224, true)), Normalisation::ImageNet),
    class("Mask2Former", (ResizeKind::MaskFormer, 800, Bilinear), None, Normalisation::ImageNet),
    class("MaskFormer", (ResizeKind::MaskFormer, 800, Bilinear), None, Normalisation::ImageNet),
    class("MobileNetV1", (ResizeKind::ShortestEdge, 256, Bilinear), Some((224, true)), Normalisation::Standard),
    class("MobileNetV2", (ResizeKind::ShortestEdge, 256, Bilinear), Some((224, true)), Normalisation::Standard),
    class("MobileViT", (ResizeKind::ShortestEdge, 224, Bilinear), Some((256, true)), Normalisation::Bgr),
    class("PoolFormer", (ResizeKind::PoolFormer, 224, Bicubic), Some((224, true)), Normalisation::ImageNet),
    class("Pvt", (ResizeKind::Exact, 224, Bilinear), None, Normalisation::ImageNet),
    class("RTDetr", (ResizeKind::Exact, 640, Bilinear), None, Normalisation::Optional),
    class("Segformer", (ResizeKind::Exact, 512, Bilinear), None, Normalisation::ImageNet),
    class("Siglip", (ResizeKind::Exact, 224, Bicubic), None, Normalisation::Standard),
    class("ViT", (ResizeKind::Exact, 224, Bilinear), None, Normalisation::Standard),
    class("Yolos", (ResizeKind::Yolos, 800, Bilinear), None, Normalisation::ImageNet),
];

const MODELS: [(&[&str], &str); 22] = [
    (&["beit", "data2vec-vision"], "Beit"),
    (&["bit", "dinov2", "focalnet"], "Bit"),
    (&["clip", "groupvit"], "CLIP"),
    (&["conditional_detr"], "ConditionalDetr"),
    (&["convnext", "convnextv2", "cvt", "regnet", "resnet", "van"], "ConvNext"),
    (&["dpt", "depth_anything"], "DPT"),
    (&["deformable_detr"], "DeformableDetr"),
    (&["deit"], "DeiT"),
    (&["detr", "table-transformer"], "Detr"),
    (&["efficientnet"], "EfficientNet"),
    (&["levit"], "Levit"),
    (&["mask2former"], "Mask2Former"),
    (&["maskformer"], "MaskFormer"),
    (&["mobilenet_v1"], "MobileNetV1"),
    (&["mobilenet_v2"], "MobileNetV2"),
    (&["mobilevit", "mobilevitv2"], "MobileViT"),
    (&["poolformer"], "PoolFormer"),
    (&["pvt", "pvt_v2"], "Pvt"),
    (&["segformer", "upernet"], "Segformer"),
    (&["siglip"], "Siglip"),
    (&["vit", "vit_mae", "vit_msn", "swin", "swinv2", "swiftformer", "clipseg"], "ViT"),
    (&["yolos"], "Yolos"),
];
