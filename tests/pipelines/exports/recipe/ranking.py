"""Exports of `text-ranking`: cross-encoders."""

from transformers import (
    BertConfig,
    BertForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from . import answers, corpus, sizes, tokenizer
from .export import Case, Export
from .sizes import labels
from .weights import encoded, randomize, spread

QUERIES = ["Where is New York?", "What was written?", "Zoë in Zürich 🍕"]
LONG = "The river flows from the mountains to the sea. " * 12


def _rank(query, documents):
    return {"query": query, "documents": documents}


CASES = [
    Case("one", [_rank(QUERIES[0], corpus.ENGLISH[:4])]),
    Case("several", [_rank(query, corpus.ENGLISH[:6] + corpus.ACCENTED[:2]) for query in QUERIES]),
    Case("top_n 2", [_rank(QUERIES[1], corpus.ALL)], {"top_n": 2}),
    Case("truncated", [_rank(QUERIES[0], [LONG, "Short."])], {"truncation": True}, "cut at 64 tokens"),
]


def _export(name, network, config, tokens, publish=None, **options):
    def build():
        pieces = tokens()
        samples = [(query, document) for query in QUERIES for document in corpus.ALL]
        return spread(randomize(network(config(len(pieces)))), encoded(pieces, samples)), pieces

    return Export(
        name,
        "text-ranking",
        "text-classification",
        build,
        answers.text_ranking,
        CASES,
        publish=publish or {},
        oracle="sentence-transformers",
        **options,
    )


IDENTITY = "torch.nn.modules.linear.Identity"

EXPORTS = [
    _export(
        "bert-cross-encoder",
        BertForSequenceClassification,
        lambda size: BertConfig(
            vocab_size=size, **sizes.BERT, sbert_ce_default_activation_function=IDENTITY, **labels("LABEL_0")
        ),
        tokenizer.wordpiece,
    ),
    _export(
        "xlm-roberta-cross-encoder",
        XLMRobertaForSequenceClassification,
        lambda size: XLMRobertaConfig(vocab_size=size, **sizes.ROBERTA, **labels("LABEL_0")),
        tokenizer.xlm_roberta,
        publish={"pipeline": "text-ranking"},
        in_onnx_folder=True,
    ),
]
