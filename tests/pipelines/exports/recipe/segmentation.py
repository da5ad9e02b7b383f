"""Exports of `image-segmentation`: semantic and panoptic."""

import torch
from transformers import (
    BeitConfig,
    BeitForSemanticSegmentation,
    BeitImageProcessor,
    DetrConfig,
    MaskFormerConfig,
    MaskFormerForInstanceSegmentation,
    MaskFormerImageProcessor,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessor,
)

from . import answers, detection, inputs, sizes
from .export import Case, Export
from .sizes import labels
from .trace import copy_settings, trace
from .weights import randomize, spread

SEMANTIC = [
    Case("one", inputs.IMAGES[1:2]),
    Case("several", inputs.IMAGES[1:6]),
    Case("not resized", [inputs.exact(64), inputs.exact(32)]),
    Case("wide", [inputs.IMAGES[0], inputs.IMAGES[6]], {"subtask": "semantic"}),
]
PANOPTIC = [
    Case("one", inputs.IMAGES[1:2], {"threshold": 0.3}),
    Case("several", inputs.IMAGES[1:6], {"threshold": 0.3}),
    Case("not resized", [inputs.exact(64), inputs.exact(96, 64)], {"threshold": 0.3}),
    Case("mask threshold", inputs.IMAGES[:3], {"threshold": 0.2, "mask_threshold": 0.4, "subtask": "panoptic"}),
    Case("overlap", inputs.IMAGES[:5], {"threshold": 0.2, "overlap_mask_area_threshold": 0.02}),
    Case("high mask threshold", inputs.IMAGES[:5], {"threshold": 0.2, "mask_threshold": 0.8}),
    Case("default threshold", inputs.IMAGES[:2], {}, "transformers' default is 0.9"),
]
PLACES = labels("wall", "sky", "floor", "tree", "road")


def _semantic(name, network, config, processor, **options):
    def build():
        batches = [processor(image, return_tensors="pt") for image in inputs.load_images()]
        return spread(randomize(network(config)), batches, 2.5), processor

    return _export(name, build, SEMANTIC, **options)


def _panoptic(name, network, config, processor, classes, masks, mask_layer, **options):
    def build():
        batches = [processor(image, return_tensors="pt") for image in inputs.load_images()]
        net = randomize(network(config))
        spread(net, batches, 2.5, classes, last=-4.0)
        return _sharpen(net, batches, masks, mask_layer(net)), processor

    return _export(name, build, PANOPTIC, **options)


@torch.no_grad()
def _sharpen(network, batches, output, layer):
    """Scales the masks' last layer, so that masks have edges and do not all cover the whole image."""
    logits = torch.cat([getattr(network(**batch), output).flatten() for batch in batches])
    scale = 4 / logits.std()
    layer.weight.mul_(scale)
    layer.bias.mul_(scale)
    return network


def _export(name, build, cases, **options):
    return Export(name, "image-segmentation", "image-segmentation", build, answers.image_segmentation, cases, **options)


def _trace(network_class, outputs, height, width):
    def write(export, checkpoint, folder):
        copy_settings(checkpoint, folder)
        example = {"pixel_values": torch.rand(1, 3, height, width)}
        trace(network_class.from_pretrained(checkpoint), example, outputs, folder, 16)

    return write


EXPORTS = [
    _semantic(
        "segformer-semantic-segmentation",
        SegformerForSemanticSegmentation,
        SegformerConfig(
            num_encoder_blocks=2,
            depths=[1, 1],
            sr_ratios=[2, 1],
            hidden_sizes=[8, 16],
            patch_sizes=[7, 3],
            strides=[4, 2],
            num_attention_heads=[1, 2],
            mlp_ratios=[2, 2],
            decoder_hidden_size=16,
            **PLACES,
        ),
        SegformerImageProcessor(size={"height": 64, "width": 64}),
        in_onnx_folder=True,
    ),
    _semantic(
        "beit-semantic-segmentation",
        BeitForSemanticSegmentation,
        BeitConfig(
            vocab_size=16,
            use_mask_token=False,
            use_relative_position_bias=True,
            out_indices=[1, 2, 3, 4],
            pool_scales=[1],
            use_auxiliary_head=False,
            **dict(sizes.VIT, num_hidden_layers=4),
            **PLACES,
        ),
        BeitImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False, do_reduce_labels=True),
        export=_trace(BeitForSemanticSegmentation, ["logits"], 32, 32),
    ),
    _panoptic(
        "maskformer-panoptic-segmentation",
        MaskFormerForInstanceSegmentation,
        MaskFormerConfig(
            fpn_feature_size=32,
            mask_feature_size=32,
            backbone_config=detection.backbone(1, 2, 3, 4)["backbone_config"],
            decoder_config=DetrConfig(**detection.SMALL, **detection.backbone(4)),
            **PLACES,
        ),
        MaskFormerImageProcessor(size={"height": 64, "width": 64}, size_divisor=32),
        "class_queries_logits",
        "masks_queries_logits",
        lambda network: [layer for layer in network.mask_embedder.modules() if isinstance(layer, torch.nn.Linear)][-1],
        export=_trace(MaskFormerForInstanceSegmentation, ["class_queries_logits", "masks_queries_logits"], 64, 64),
        in_onnx_folder=True,
    ),
]
