use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::vision::picture::{fnv1a, picture};

#[derive(Deserialize)]
struct Vector {
    file: Value,
    old: (u32, u32),
    shape: [u32; 3],
    hash: String,
    step: usize,
    values: Vec<f32>,
}

fn processor(file: &Value) -> Result<ImageProcessor, TaskError> {
    let config = ConfigFile::parse("config.json", b"{}")?;
    ImageProcessor::of(&ConfigFile::parse(ImageProcessor::FILE, file.to_string().as_bytes())?, &config)
}

fn values(processor: &ImageProcessor, image: &ProcessedImage) -> Vec<f32> {
    let mut values = Vec::new();
    processor.append_values(image, false, &mut values);
    values
}

#[test]
fn pixels_are_those_of_transformers() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/processed.json")).expect("vectors");
    assert!(vectors.len() > 80, "{}", vectors.len());
    for Vector { file, old: (width, height), shape, hash, step, values: expected } in vectors {
        let processor = processor(&file).expect("a processor");
        let image = processor.process(picture(width, height)).expect("an image");
        assert_eq!([3, image.size().1, image.size().0], shape, "{file}");
        let values = values(&processor, &image);
        for (place, expected) in expected.into_iter().enumerate() {
            let got = values[place * step];
            assert!((got - expected).abs() < 1e-6, "{file} {width}: value {place}: expected {expected}, got {got}");
        }
        assert_eq!(fnv1a(values.iter().flat_map(|value| value.to_le_bytes())), hash, "{file} {width}");
        let fixed = processor.fixed_size();
        assert!(fixed.is_none_or(|size| size == image.size()), "{file}: {fixed:?}");
    }
}

#[test]
fn what_could_change_pixels_is_refused_by_name() {
    let vit = |field: &str, value: Value| json!({"image_processor_type": "ViTImageProcessor", field: value});
    for (file, expected) in [
        (vit("do_sharpen", true.into()), "do_sharpen: this field is not known"),
        (vit("size", json!({"shortest_edge": 5})), "size: expected \"height\" and \"width\""),
        (vit("size", json!({"max_height": 5, "max_width": 5})), "size: \"max_"),
        (vit("size", 0.into()), "size: expected sides of 1 to 8192 pixels, got 0"),
        (vit("size", json!([1, 2, 3])), "size: expected 2 sides, got 3"),
        (vit("resample", 6.into()), "resample: expected a filter of Pillow, 0 to 5"),
        (vit("image_std", 0.into()), "image_std: expected no 0"),
        (vit("image_mean", json!([1, 2])), "image_mean: "),
        (vit("rescale_factor", "a".into()), "rescale_factor: "),
        (json!({"image_processor_type": "Owlv2ImageProcessor"}), "\"Owlv2ImageProcessor\" is not supported"),
        (json!({"feature_extractor_type": "WhisperFeatureExtractor"}), "\"WhisperFeatureExtractor\" is not supported"),
        (json!({}), "image_processor_type: expected the name of a class"),
        (
            json!({"image_processor_type": "DetrImageProcessor", "size": {"shortest_edge": 9}}),
            "size: expected \"longest_edge\"",
        ),
        (json!({"image_processor_type": "ConvNextImageProcessor", "size": [9, 9]}), "size: expected \"shortest_edge\""),
    ] {
        let error = processor(&file).expect_err(expected).to_string();
        assert!(error.starts_with("preprocessor_config.json: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn old_and_new_names_are_one_class() {
    let of = |file: Value| processor(&file).expect("a processor");
    let new = of(json!({"image_processor_type": "ViTImageProcessor", "size": {"height": 8, "width": 8}}));
    assert_eq!(of(json!({"feature_extractor_type": "ViTFeatureExtractor", "size": 8})), new);
    assert_eq!(of(json!({"image_processor_type": "ViTImageProcessorFast", "size": 8, "do_center_crop": null})), new);
    let config = ConfigFile::parse("config.json", br#"{"model_type":"swin"}"#).expect("a file");
    let file = ConfigFile::parse(ImageProcessor::FILE, br#"{"size":8}"#).expect("a file");
    assert_eq!(ImageProcessor::of(&file, &config).expect("a processor"), new);
}

#[test]
fn an_image_that_gets_too_large_is_refused() {
    let processor = processor(&json!({"image_processor_type": "CLIPImageProcessor"})).expect("a processor");
    let error = processor.process(RgbImage::new(1, 8000)).expect_err("too large").to_string();
    assert!(error.contains("got one of 1 x 8000 that resizes to 224 x 1792000"), "{error}");
    assert_eq!(processor.fixed_size(), Some((224, 224)));
}

#[test]
fn a_letterbox_is_grey_around_the_image() {
    let letterbox = ImageProcessor::letterbox(8, 6).expect("a processor");
    assert_eq!((letterbox.fixed_size(), letterbox.pads()), (Some((8, 6)), true));
    // 16 x 6 pixels become 8 x 3, with one row above and two below.
    let image = letterbox.process(RgbImage::from_pixel(16, 6, Rgb([51, 0, 255]))).expect("an image");
    assert_eq!((image.size(), image.image_size(), image.offset()), ((8, 6), (8, 3), (0, 1)));
    let (red, grey) = (51.0 / 255.0, 114.0 / 255.0);
    let rows = values(&letterbox, &image)[..48].chunks(8).map(|row| (row[0], row[7])).collect::<Vec<_>>();
    assert_eq!(rows, [grey, red, red, red, grey, grey].map(|value| (value, value)));
    let thin = letterbox.process(RgbImage::new(8000, 1)).expect_err("no row is left").to_string();
    assert!(thin.contains("got one of 8000 x 1 that resizes to 8 x 0"), "{thin}");
    assert!(ImageProcessor::letterbox(0, 6).is_err() && ImageProcessor::letterbox(8, 9000).is_err());
}

#[test]
fn padding_is_masked() {
    let file = json!({"image_processor_type": "DetrImageProcessor", "size": {"height": 1, "width": 2},
        "pad_size": {"height": 2, "width": 3}});
    let processor = processor(&file).expect("a processor");
    let image = processor.process(picture(9, 9)).expect("an image");
    assert_eq!((image.size(), image.mask()), ((3, 2), vec![1, 1, 0, 0, 0, 0]));
    let values = values(&processor, &image);
    assert!(values[2] == 0.0 && values[0] != 0.0, "{values:?}");
}

prop_compose! {
    fn any_side()(side in prop_oneof![
        (0_u32..100).prop_map(Value::from), (0_u32..9000).prop_map(Value::from), any::<f64>().prop_map(Value::from),
        Just(Value::Null), any::<i64>().prop_map(Value::from), ".{0,3}".prop_map(Value::from), any::<bool>().prop_map(Value::from),
    ]) -> Value { side }
}

fn any_value() -> impl Strategy<Value = Value> {
    let edges = prop::sample::subsequence(vec!["height", "width", "shortest_edge", "longest_edge"], 0..4);
    prop_oneof![
        any_side(),
        any_side(),
        prop::collection::vec(any_side(), 0..4).prop_map(Value::from),
        (edges, prop::collection::vec(any_side(), 4)).prop_map(|(names, sides)| {
            names.into_iter().map(str::to_owned).zip(sides).collect::<serde_json::Map<_, _>>().into()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_file_and_image_is_answered(
        class in prop::sample::select(vec!["ViT", "CLIP", "ConvNext", "Detr", "Yolos", "MaskFormer", "DPT", "PoolFormer",
            "Levit", "EfficientNet", "MobileViT", "RTDetr", "Segformer"]),
        fields in prop::collection::vec((prop::sample::select(KNOWN_FIELDS), any_value()), 0..6),
        (width, height) in (1_u32..40, 1_u32..40),
    ) {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        let mut file = fields.collect::<serde_json::Map<_, _>>();
        file.insert("image_processor_type".to_owned(), format!("{class}ImageProcessor").into());
        // Large images take seconds without optimisation.
        if let Ok(processor) = processor(&file.into())
            && processor.resize.is_none_or(|(rule, _)| {
                let new = rule.new_size(Size { width, height });
                u64::from(new.width) * u64::from(new.height) < 250_000
            })
            && processor.fixed_size().is_none_or(|(width, height)| u64::from(width) * u64::from(height) < 250_000)
            && let Ok(image) = processor.process(picture(width, height))
            && u64::from(image.size().0) * u64::from(image.size().1) < 1_000_000
        {
            let values = values(&processor, &image);
            prop_assert_eq!(values.len(), 3 * image.size().0 as usize * image.size().1 as usize);
            prop_assert_eq!(image.mask().len() * 3, values.len());
        }
    }
}
