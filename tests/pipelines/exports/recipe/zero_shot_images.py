"""Exports of `zero-shot-image-classification`: CLIP by optimum, SigLIP by PyTorch's exporter."""

import os

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipTokenizer,
)

from . import answers, inputs, sizes, tokenizer
from .export import Case, Export
from .trace import copy_settings, trace
from .weights import randomize

LABELS = ["a cat", "a dog on a roof", "the sea", "New York", "a book"]
TEMPLATE = {"hypothesis_template": "A picture of {}, Zoë!"}
CASES = [
    Case("one", inputs.IMAGES[:1], {"candidate_labels": LABELS}),
    Case("several", inputs.IMAGES, {"candidate_labels": LABELS}),
    Case("template", inputs.IMAGES[1:4], {"candidate_labels": LABELS[:3], **TEMPLATE}),
    Case("not resized", [inputs.exact(32)], {"candidate_labels": LABELS}),
    Case("one label", inputs.IMAGES[2:4], {"candidate_labels": LABELS[:1]}),
]
VISION = dict(sizes.VIT)
TEXT = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)


def _clip():
    pieces = tokenizer.clip()
    text = dict(
        TEXT,
        vocab_size=len(pieces),
        max_position_embeddings=32,
        bos_token_id=pieces.bos_token_id,
        eos_token_id=pieces.eos_token_id,
        pad_token_id=pieces.pad_token_id,
    )
    network = randomize(CLIPModel(CLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)))
    network.logit_scale.data.fill_(1.5)
    size = {"height": 32, "width": 32}
    return network, pieces, CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=size)


SIGLIP_LENGTH = 64


def _siglip():
    pieces = tokenizer.siglip(SIGLIP_LENGTH)
    text = dict(TEXT, vocab_size=pieces.vocab_size, max_position_embeddings=SIGLIP_LENGTH)
    text.update(pad_token_id=1, bos_token_id=1, eos_token_id=1)
    network = randomize(SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)))
    network.logit_scale.data.fill_(1.5)
    network.logit_bias.data.fill_(-0.5)
    processor = SiglipImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5]
    )
    return network, pieces, processor


def _trace_siglip(export, checkpoint, folder):
    copy_settings(checkpoint, folder)
    _write_fast_tokenizer(checkpoint, folder)
    example = {
        "input_ids": torch.ones(2, SIGLIP_LENGTH, dtype=torch.int64),
        "pixel_values": torch.zeros(3, 3, 32, 32),
    }
    outputs = ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"]
    text, image = {0: "text_batch_size"}, {0: "image_batch_size"}
    axes = {
        "input_ids": {0: "text_batch_size", 1: "sequence_length"},
        "pixel_values": image,
        "logits_per_image": {0: "image_batch_size", 1: "text_batch_size"},
        "logits_per_text": {0: "text_batch_size", 1: "image_batch_size"},
        "text_embeds": text,
        "image_embeds": image,
    }
    network = SiglipModel.from_pretrained(checkpoint)
    network.vision_model.embeddings.patch_embedding.padding = (0, 0)  # "valid", which PyTorch 1.13 cannot export
    trace(network, example, outputs, folder, axes=axes)


def _write_fast_tokenizer(checkpoint, folder):
    """`transformers` 4.41 has only the slow tokenizer of SigLIP; repositories also hold this tokenizer.json."""
    slow = SiglipTokenizer.from_pretrained(checkpoint)
    pieces = [(slow.sp_model.id_to_piece(i), slow.sp_model.get_score(i)) for i in range(slow.sp_model.get_piece_size())]
    fast = Tokenizer(models.Unigram(pieces, unk_id=slow.unk_token_id))
    fast.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]\^_`{|}~]"""), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    fast.pre_tokenizer = pre_tokenizers.Metaspace()
    fast.decoder = decoders.Metaspace()
    fast.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", slow.eos_token_id)]
    )
    fast.add_special_tokens(["</s>", "<unk>"])
    for text in [*LABELS, "A picture of the sea, Zoë!", "This is a photo of a cat."]:
        assert fast.encode(text).ids == slow(text)["input_ids"], text
    fast.save(os.path.join(folder, "tokenizer.json"))


def _export(name, build, **options):
    pipeline = "zero-shot-image-classification"
    return Export(name, pipeline, pipeline, build, answers.zero_shot_image_classification, CASES, **options)


EXPORTS = [
    _export("clip-zero-shot", _clip, in_onnx_folder=True),
    _export("siglip-zero-shot", _siglip, export=_trace_siglip, in_onnx_folder=True),
]
