"""Writes the vectors beside this file, with Pillow and transformers: `python make.py`. Made with Pillow 13.0.0 and transformers 4.41.2."""

import json
import pathlib

import numpy as np
import transformers
from PIL import Image

HERE = pathlib.Path(__file__).parent


def picture(width, height):
    """The image that the tests compute too."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    levels = (x * x * 3 + y * 7 * (c + 1) + x * y * (c + 2) + (x // 5) * (y // 3) * 91) % 256
    return Image.fromarray(levels.astype(np.uint8))


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return f"{value:016x}"


def resized():
    sizes = [(61, 43), (43, 61), (200, 150), (150, 200), (333, 500), (3, 90)]
    targets = [(32, 32), (61, 20), (20, 43), (100, 90), (24, 24), (97, 7), (1, 1)]
    for old in sizes:
        for new in targets:
            for number in range(6):
                image = picture(*old).resize(new, resample=number)
                yield {"old": old, "new": new, "resample": number, "hash": fnv1a(np.array(image).tobytes())}


def processed():
    small, odd = {"height": 32, "width": 32}, {"height": 30, "width": 26}
    edge, detr = {"shortest_edge": 32}, {"shortest_edge": 48, "longest_edge": 60}
    files = [
        ("ViT", {"size": 32}), ("ViT", {"size": odd, "resample": 3}), ("ViT", {"do_resize": False}),
        ("ViT", {"size": small, "do_rescale": False}), ("ViT", {"size": small, "do_normalize": False}),
        ("ViT", {"size": small, "image_mean": 0.4, "image_std": 0.3, "rescale_factor": 0.01}),
        ("DeiT", {"size": 40, "crop_size": 32}), ("Beit", {"size": [40, 36], "crop_size": odd}),
        ("Beit", {"size": small, "crop_size": {"height": 36, "width": 24}, "do_reduce_labels": True}),
        ("ConvNext", {"size": 32, "crop_pct": 0.875}), ("ConvNext", {"size": edge}),
        ("ConvNext", {"size": {"shortest_edge": 384}}),
        ("CLIP", {"size": 32, "crop_size": 32}), ("CLIP", {"size": edge, "crop_size": small}),
        ("CLIP", {"size": edge, "do_center_crop": False}), ("Siglip", {"size": small}),
        ("MobileNetV1", {"size": edge, "crop_size": {"height": 28, "width": 28}}),
        ("MobileNetV2", {"size": 32, "crop_size": 28}), ("MobileViT", {"size": edge, "crop_size": small}),
        ("MobileViT", {"size": edge, "crop_size": small, "do_flip_channel_order": False}),
        ("EfficientNet", {"size": small}), ("EfficientNet", {"size": small, "resample": 2, "include_top": False}),
        ("EfficientNet", {"size": small, "rescale_offset": True, "rescale_factor": 1 / 127.5, "do_center_crop": True,
                          "crop_size": 24, "do_normalize": False}),
        ("Levit", {"size": edge, "crop_size": small}), ("Bit", {"size": edge, "crop_size": small}),
        ("PoolFormer", {"size": 32, "crop_size": 32}), ("PoolFormer", {"size": odd, "crop_pct": 0.8, "crop_size": odd}),
        ("Pvt", {"size": small}), ("Segformer", {"size": small, "do_reduce_labels": True}), ("Blip", {"size": small}),
        ("Detr", {"size": detr}), ("Detr", {"size": 40, "max_size": 50}), ("Detr", {"size": odd}),
        ("ConditionalDetr", {"size": detr}), ("DeformableDetr", {"size": detr}), ("Deta", {"size": detr}),
        ("Yolos", {"size": detr}), ("Yolos", {"size": {"shortest_edge": 33, "longest_edge": 100}}),
        ("MaskFormer", {"size": detr, "size_divisor": 16}), ("Mask2Former", {"size": detr}),
        ("DPT", {"size": small}), ("DPT", {"size": 40, "keep_aspect_ratio": True, "ensure_multiple_of": 14}),
        ("DPT", {"size": odd, "do_pad": True, "size_divisor": 16}),
    ]
    for name, fields in files:
        for size in [(61, 43), (43, 61)]:
            processor = getattr(transformers, name + "ImageProcessor")(**fields)
            outputs = processor(picture(*size), return_tensors="np")
            pixels = outputs["pixel_values"][0].astype(np.float32)
            file = {"image_processor_type": name + "ImageProcessor", **fields}
            vector = {"file": file, "old": size, "shape": pixels.shape, "hash": fnv1a(pixels.tobytes())}
            flat = pixels.reshape(-1)
            step = max(1, len(flat) // 12)
            yield {**vector, "step": step, "values": [float(value) for value in flat[::step]]}


def write(name, vectors):
    lines = ",\n".join(json.dumps(vector) for vector in vectors)
    (HERE / name).write_text(f"[\n{lines}\n]\n")


write("resized.json", resized())
write("processed.json", processed())
