"""Exports of `object-detection` of the DETR and YOLOS families."""

import torch
from transformers import (
    ConditionalDetrConfig,
    ConditionalDetrForObjectDetection,
    ConditionalDetrImageProcessor,
    DetrConfig,
    DetrForObjectDetection,
    DetrImageProcessor,
    ResNetConfig,
    YolosConfig,
    YolosForObjectDetection,
    YolosImageProcessor,
)

from . import answers, inputs, sizes
from .export import Case, Export
from .sizes import labels
from .trace import copy_settings, trace
from .weights import randomize, spread

CASES = [
    Case("one", inputs.IMAGES[:1], {"threshold": 0.3}),
    Case("several", inputs.IMAGES, {"threshold": 0.3}),
    Case("threshold 0.6", inputs.IMAGES, {"threshold": 0.6}),
    Case("threshold 0", inputs.IMAGES[1:3], {"threshold": 0.0}),
    Case("not resized", [inputs.exact(64), inputs.exact(96, 64)], {"threshold": 0.3}),
    Case("default threshold", inputs.IMAGES[:3], {}, "transformers' default is 0.5"),
]
THINGS = labels("person", "cat", "dog", "N/A", "traffic light")
EDGES = {"shortest_edge": 64, "longest_edge": 96}


def backbone(*stages):
    """A small ResNet that answers the named stages: real checkpoints have one of timm's."""
    resnet = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], out_features=[f"stage{s}" for s in stages]
    )
    return dict(use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=resnet)


SMALL = dict(
    d_model=16,
    encoder_layers=1,
    decoder_layers=1,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    encoder_ffn_dim=32,
    decoder_ffn_dim=32,
    num_queries=8,
    auxiliary_loss=False,
)


def _trace_detector(network_class):
    def write(export, checkpoint, folder):
        copy_settings(checkpoint, folder)
        example = {"pixel_values": torch.rand(1, 3, 64, 96), "pixel_mask": torch.ones(1, 64, 96, dtype=torch.int64)}
        shape = {0: "batch_size", 2: "height", 3: "width"}
        axes = {"pixel_values": shape, "pixel_mask": {0: "batch_size", 1: "height", 2: "width"}}
        axes |= {"logits": {0: "batch_size"}, "pred_boxes": {0: "batch_size"}}
        trace(network_class.from_pretrained(checkpoint), example, ["logits", "pred_boxes"], folder, 16, axes)

    return write


def _export(name, network, config, processor, **options):
    def build():
        batches = [processor(image, return_tensors="pt") for image in inputs.load_images()]
        return spread(randomize(network(config)), batches, 2.5), processor

    return Export(name, "object-detection", "object-detection", build, answers.object_detection, CASES, **options)


EXPORTS = [
    _export(
        "yolos-object-detection",
        YolosForObjectDetection,
        YolosConfig(
            **dict(sizes.VIT, image_size=[64, 96], patch_size=16, num_hidden_layers=2), num_detection_tokens=8, **THINGS
        ),
        YolosImageProcessor(size=EDGES),
    ),
    _export(
        "detr-object-detection",
        DetrForObjectDetection,
        DetrConfig(**SMALL, **backbone(4), **THINGS),
        DetrImageProcessor(size=EDGES),
        in_onnx_folder=True,
    ),
    _export(
        "conditional-detr-object-detection",
        ConditionalDetrForObjectDetection,
        ConditionalDetrConfig(**SMALL, **backbone(4), **THINGS),
        ConditionalDetrImageProcessor(size=EDGES),
        export=_trace_detector(ConditionalDetrForObjectDetection),
    ),
]
