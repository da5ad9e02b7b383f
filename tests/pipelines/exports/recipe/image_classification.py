"""Exports of `image-classification`: one for each kind of preprocessor."""

import json
import os

from transformers import (
    BeitConfig,
    BeitForImageClassification,
    BeitImageProcessor,
    ConvNextConfig,
    ConvNextForImageClassification,
    ConvNextImageProcessor,
    DeiTConfig,
    DeiTForImageClassification,
    DeiTImageProcessor,
    MobileViTConfig,
    MobileViTForImageClassification,
    MobileViTImageProcessor,
    PoolFormerConfig,
    PoolFormerForImageClassification,
    PoolFormerImageProcessor,
    RegNetConfig,
    RegNetForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
    SwinConfig,
    SwinForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
)

from . import answers, inputs, sizes
from .export import Case, Export
from .sizes import labels
from .weights import randomize, spread

CASES = [
    Case("one", inputs.IMAGES[:1]),
    Case("several", inputs.IMAGES),
    Case("top_k 1", inputs.IMAGES[1:4], {"top_k": 1}),
    Case("function sigmoid", inputs.IMAGES[1:3], {"function_to_apply": "sigmoid", "top_k": 3}),
    Case("other decoders", inputs.ODD_IMAGES, {}, "chroma subsampling, EXIF orientation, lossy WebP"),
]
COLOURS = labels("red", "green", "blue", "grey", "black", "white", "pink")
ANIMALS = labels("tabby, tabby cat", "dog")
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class OldSettings:
    """A preprocessor_config.json of the years before 2022: other keys, and `size` as a number."""

    def __init__(self, processor, **settings):
        self.processor, self.settings = processor, settings

    def __call__(self, *arguments, **options):
        return self.processor(*arguments, **options)

    def save_pretrained(self, folder):
        with open(os.path.join(folder, "preprocessor_config.json"), "w", encoding="utf-8") as file:
            json.dump(self.settings, file, indent=2)


def _export(name, network, config, processor, size=32, gain=1.0, **options):
    def build():
        batches = [processor(image, return_tensors="pt") for image in inputs.load_images()]
        return spread(randomize(network(config), gain), batches), processor

    cases = CASES + ([Case("not resized", [inputs.exact(size)])] if size else [])
    answer = answers.image_classification
    return Export(name, "image-classification", "image-classification", build, answer, cases, **options)


EXPORTS = [
    _export(
        "vit-image-classification",
        ViTForImageClassification,
        ViTConfig(**sizes.VIT, **COLOURS),
        ViTImageProcessor(size={"height": 32, "width": 32}),
    ),
    _export(
        "vit-old-preprocessor",
        ViTForImageClassification,
        ViTConfig(**sizes.VIT, **COLOURS),
        OldSettings(
            ViTImageProcessor(size={"height": 32, "width": 32}),
            do_normalize=True,
            do_resize=True,
            feature_extractor_type="ViTFeatureExtractor",
            image_mean=[0.5, 0.5, 0.5],
            image_std=[0.5, 0.5, 0.5],
            resample=2,
            size=32,
        ),
        in_onnx_folder=True,
    ),
    _export(
        "deit-image-classification",
        DeiTForImageClassification,
        DeiTConfig(**sizes.VIT, **COLOURS),
        DeiTImageProcessor(size={"height": 40, "width": 40}, crop_size={"height": 32, "width": 32}),
        size=40,
    ),
    _export(
        "swin-image-classification",
        SwinForImageClassification,
        SwinConfig(image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4, **COLOURS),
        ViTImageProcessor(size={"height": 32, "width": 32}, resample=3, image_mean=MEAN, image_std=DEVIATION),
        in_onnx_folder=True,
    ),
    _export(
        "convnext-image-classification",
        ConvNextForImageClassification,
        ConvNextConfig(num_stages=2, hidden_sizes=[8, 16], depths=[1, 1], patch_size=4, image_size=32, **COLOURS),
        ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=0.875, resample=3),
        size=36,
    ),
    _export(
        "convnext-384",
        ConvNextForImageClassification,
        ConvNextConfig(num_stages=2, hidden_sizes=[8, 8], depths=[1, 1], patch_size=16, image_size=384, **ANIMALS),
        ConvNextImageProcessor(size={"shortest_edge": 384}, resample=3),
        in_onnx_folder=True,
        size=None,
    ),
    _export(
        "resnet-image-classification",
        ResNetForImageClassification,
        ResNetConfig(embedding_size=8, hidden_sizes=[16, 16], depths=[1, 1], **COLOURS),
        OldSettings(
            ConvNextImageProcessor(size={"shortest_edge": 48}, crop_pct=0.875, resample=3),
            crop_pct=0.875,
            do_normalize=True,
            do_resize=True,
            feature_extractor_type="ConvNextFeatureExtractor",
            image_mean=MEAN,
            image_std=DEVIATION,
            resample=3,
            size=48,
        ),
        size=54,
    ),
    _export(
        "regnet-image-classification",
        RegNetForImageClassification,
        RegNetConfig(embedding_size=8, hidden_sizes=[16, 16], depths=[1, 1], groups_width=8, **ANIMALS),
        ConvNextImageProcessor(size={"shortest_edge": 40}, crop_pct=0.9, resample=2),
        size=44,
    ),
    _export(
        "beit-image-classification",
        BeitForImageClassification,
        BeitConfig(
            vocab_size=16,
            use_mask_token=False,
            use_relative_position_bias=True,
            use_mean_pooling=True,
            **sizes.VIT,
            **COLOURS,
        ),
        BeitImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False, resample=2),
    ),
    _export(
        "mobilevit-image-classification",
        MobileViTForImageClassification,
        MobileViTConfig(
            image_size=32,
            hidden_sizes=[8, 8, 8],
            neck_hidden_sizes=[4, 4, 8, 8, 8, 8, 16],
            num_attention_heads=2,
            mlp_ratio=1.0,
            expand_ratio=1.0,
            **COLOURS,
        ),
        MobileViTImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}),
        size=36,
        gain=2.0,
    ),
    _export(
        "poolformer-image-classification",
        PoolFormerForImageClassification,
        PoolFormerConfig(
            hidden_sizes=[8, 16],
            depths=[1, 1],
            num_encoder_blocks=2,
            patch_sizes=[7, 3],
            strides=[4, 2],
            padding=[2, 1],
            mlp_ratio=1.0,
            **ANIMALS,
        ),
        PoolFormerImageProcessor(size={"shortest_edge": 32}, crop_pct=0.9, crop_size={"height": 32, "width": 32}),
        in_onnx_folder=True,
        size=35,
    ),
]
