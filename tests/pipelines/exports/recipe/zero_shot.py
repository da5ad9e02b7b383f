"""Exports of `zero-shot-classification`: networks that were trained to infer one sentence from another."""

from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from . import answers, sizes, tokenizer
from .export import Case, Export
from .sizes import labels
from .weights import encoded, randomize, spread

TEXTS = ["The king answered the letters.", "Prices rose by 3.5% in May, said the bank.", "Zoë liked the café 🍕"]
TOPICS = ["politics", "economy", "food", "science"]
CASES = [
    Case("one", TEXTS[:1], {"candidate_labels": TOPICS}),
    Case("several", TEXTS, {"candidate_labels": TOPICS}),
    Case("multi_label", TEXTS, {"candidate_labels": TOPICS, "multi_label": True}),
    Case("one label", TEXTS, {"candidate_labels": ["food"]}, "one label alone is scored against contradiction"),
    Case("template", TEXTS, {"candidate_labels": TOPICS, "hypothesis_template": "The text deals with {}!"}),
    Case(
        "truncated",
        ["The river flows from the mountains to the sea. " * 12],
        {"candidate_labels": TOPICS, "truncation": True},
        "only the text is cut, never the hypothesis",
    ),
]


def _export(name, network, config, tokens, **options):
    def build():
        pieces = tokens()
        pairs = [(text, f"This example is {topic}.") for text in TEXTS for topic in TOPICS]
        settings = config(len(pieces))
        return spread(randomize(network(settings)), encoded(pieces, pairs)), pieces

    answer = answers.zero_shot_classification
    return Export(name, "zero-shot-classification", "text-classification", build, answer, CASES, **options)


EXPORTS = [
    _export(
        "bert-zero-shot",
        BertForSequenceClassification,
        lambda size: BertConfig(vocab_size=size, **sizes.BERT, **labels("entailment", "neutral", "contradiction")),
        tokenizer.wordpiece,
        publish={"pipeline": "zero-shot-classification"},
    ),
    _export(
        "distilbert-zero-shot",
        DistilBertForSequenceClassification,
        lambda size: DistilBertConfig(
            vocab_size=size, **sizes.DISTILBERT, **labels("contradiction", "neutral", "entailment")
        ),
        tokenizer.distilbert,
        publish={"pipeline": "zero-shot-classification"},
        in_onnx_folder=True,
    ),
    _export(
        "roberta-zero-shot",
        RobertaForSequenceClassification,
        lambda size: RobertaConfig(vocab_size=size, **sizes.ROBERTA, **labels("not_entailment", "entailment")),
        tokenizer.byte_level,
        publish={"pipeline": "zero-shot-classification"},
    ),
]
