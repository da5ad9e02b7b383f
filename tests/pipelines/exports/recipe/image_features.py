"""Exports of `image-feature-extraction`."""

import torch
from transformers import (
    BitImageProcessor,
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Dinov2Config,
    Dinov2Model,
    ViTConfig,
    ViTImageProcessor,
    ViTModel,
)

from . import answers, inputs, sizes
from .export import Case, Export
from .trace import copy_settings, trace
from .weights import randomize

CASES = [
    Case("one", inputs.IMAGES[:1]),
    Case("several", inputs.IMAGES),
    Case("not resized", [inputs.exact(32), inputs.exact(40)]),
]
POOL = [Case("pool", inputs.IMAGES[:3], {"pool": True})]
SIZE = {"height": 32, "width": 32}


def _trace(network_class, outputs):
    def write(export, checkpoint, folder):
        copy_settings(checkpoint, folder)
        example = {"pixel_values": torch.rand(2, 3, 32, 32)}
        trace(network_class.from_pretrained(checkpoint), example, outputs, folder)

    return write


def _export(name, network, config, processor, cases=CASES, answer=answers.image_features, **options):
    def build():
        return randomize(network(config)), processor

    pipeline = "image-feature-extraction"
    return Export(name, pipeline, "feature-extraction", build, answer, cases, **options)


EXPORTS = [
    _export("vit-image-features", ViTModel, ViTConfig(**sizes.VIT), ViTImageProcessor(size=SIZE)),
    _export(
        "vit-pooler-output",
        ViTModel,
        ViTConfig(**sizes.VIT),
        ViTImageProcessor(size=SIZE),
        CASES + POOL,
        export=_trace(ViTModel, ["last_hidden_state", "pooler_output"]),
        in_onnx_folder=True,
    ),
    _export(
        "dinov2-image-features",
        Dinov2Model,
        Dinov2Config(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, mlp_ratio=2, image_size=32, patch_size=8
        ),
        BitImageProcessor(
            size={"shortest_edge": 40},
            crop_size=SIZE,
            image_mean=[0.485, 0.456, 0.406],
            image_std=[0.229, 0.224, 0.225],
        ),
        CASES + POOL,
        export=_trace(Dinov2Model, ["last_hidden_state", "pooler_output"]),
        in_onnx_folder=True,
    ),
    _export(
        "clip-vision-with-projection",
        CLIPVisionModelWithProjection,
        CLIPVisionConfig(**sizes.VIT, projection_dim=8),
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=SIZE),
        answer=answers.image_embeds(CLIPVisionModelWithProjection),
        export=_trace(CLIPVisionModelWithProjection, ["image_embeds", "last_hidden_state"]),
        in_onnx_folder=True,
    ),
]
