"""Exports of `fill-mask`."""

from transformers import (
    AlbertConfig,
    AlbertForMaskedLM,
    BertConfig,
    BertForMaskedLM,
    DistilBertConfig,
    DistilBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
)

from . import answers, sizes, tokenizer
from .export import Case, Export
from .weights import randomize


def _cases(mask, targets):
    texts = [
        f"The cat {mask} on the roof.",
        f"{mask} York is a city.",
        f"Zoë visited São {mask} 🍕.",
    ]
    return [
        Case("one", texts[:1]),
        Case("several", texts),
        Case("top_k 2", texts, {"top_k": 2}),
        Case("two masks", [f"The {mask} sleeps on the {mask}."], {"top_k": 3}, "one list for each mask"),
        Case("targets", texts, {"targets": targets}),
        Case("targets and top_k", texts, {"targets": targets, "top_k": 1}),
    ]


def _export(name, network, config, tokens, mask, targets, **options):
    def build():
        pieces = tokens()
        return randomize(network(config(len(pieces))), head_gain=1.2), pieces

    cases = _cases(mask, targets)
    return Export(name, "fill-mask", "fill-mask", build, answers.fill_mask, cases, **options)


EXPORTS = [
    _export(
        "bert-fill-mask",
        BertForMaskedLM,
        lambda size: BertConfig(vocab_size=size, **sizes.BERT),
        tokenizer.wordpiece,
        "[MASK]",
        ["cat", "city", "york"],
    ),
    _export(
        "distilbert-fill-mask",
        DistilBertForMaskedLM,
        lambda size: DistilBertConfig(vocab_size=size, **sizes.DISTILBERT),
        tokenizer.distilbert,
        "[MASK]",
        ["the", "of"],
        in_onnx_folder=True,
    ),
    _export(
        "roberta-fill-mask",
        RobertaForMaskedLM,
        lambda size: RobertaConfig(vocab_size=size, **sizes.ROBERTA),
        tokenizer.byte_level,
        "<mask>",
        ["Ġthe", "Ġa", "ing"],
    ),
    _export(
        "albert-fill-mask",
        AlbertForMaskedLM,
        lambda size: AlbertConfig(vocab_size=size, embedding_size=8, **sizes.BERT, bos_token_id=2, eos_token_id=3),
        tokenizer.albert,
        "[MASK]",
        ["▁the", "▁a"],
    ),
]
