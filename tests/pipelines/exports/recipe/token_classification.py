"""Exports of `token-classification`."""

from transformers import (
    BertConfig,
    BertForTokenClassification,
    DistilBertConfig,
    DistilBertForTokenClassification,
    RobertaConfig,
    RobertaForTokenClassification,
    XLMRobertaConfig,
    XLMRobertaForTokenClassification,
)

from . import answers, corpus, sizes, tokenizer
from .export import Case, Export
from .sizes import labels
from .weights import encoded, randomize, spread

ENTITIES = labels("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
PLAIN = labels("LABEL_0", "LABEL_1", "LABEL_2")
TEXTS = ["John lives in Berlin and works for Siemens.", "New York is a city in America.", "Who wrote the letters?"]
ODD = [
    "Zoë visited São Paulo and Zürich.",
    "東京は日本の首都です。",
    "I love pizza 🍕 and 👩‍👩‍👧 music 🎵!",
    "  two  spaces,\ttab and e\u0301 combined ",
]
CASES = [Case("default", TEXTS)]
for strategy in ("none", "simple", "first", "average", "max"):
    CASES.append(Case(f"aggregation {strategy}", TEXTS, {"aggregation_strategy": strategy}))
    CASES.append(Case(f"aggregation {strategy}, odd characters", ODD, {"aggregation_strategy": strategy}))
CASES += [
    Case("ignore nothing", TEXTS[:2], {"aggregation_strategy": "simple", "ignore_labels": []}),
    Case("ignore two labels", TEXTS[:2], {"aggregation_strategy": "none", "ignore_labels": ["O", "B-PER"]}),
    Case(
        "stride",
        ["John lives in Berlin, and Zoë lives in New York. " * 8],
        {"aggregation_strategy": "simple", "stride": 8},
        "windows of model_max_length tokens that overlap by 8",
    ),
]


def _export(name, network, config, tokens, entities=ENTITIES, **options):
    def build():
        pieces = tokens()
        settings = config(vocab_size=len(pieces), **entities)
        return spread(randomize(network(settings)), encoded(pieces, corpus.ALL), 2.0), pieces

    answer = answers.token_classification
    return Export(name, "token-classification", "token-classification", build, answer, CASES, **options)


EXPORTS = [
    _export(
        "bert-token-classification",
        BertForTokenClassification,
        lambda **more: BertConfig(**sizes.BERT, **more),
        lambda: tokenizer.wordpiece(lowercase=False),
    ),
    _export(
        "distilbert-token-classification",
        DistilBertForTokenClassification,
        lambda **more: DistilBertConfig(**sizes.DISTILBERT, **more),
        tokenizer.distilbert,
        PLAIN,
        in_onnx_folder=True,
    ),
    _export(
        "roberta-token-classification",
        RobertaForTokenClassification,
        lambda **more: RobertaConfig(**sizes.ROBERTA, **more),
        lambda: tokenizer.byte_level(add_prefix_space=True),
    ),
    _export(
        "xlm-roberta-token-classification",
        XLMRobertaForTokenClassification,
        lambda **more: XLMRobertaConfig(**sizes.ROBERTA, **more),
        tokenizer.xlm_roberta,
        in_onnx_folder=True,
    ),
]
