"""Exports of `question-answering`."""

from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    RobertaConfig,
    RobertaForQuestionAnswering,
)

from . import answers, corpus, sizes, tokenizer
from .export import Case, Export
from .weights import randomize


def _ask(question, context):
    return {"question": question, "context": context}


PAIRS = [
    _ask("Where does John live?", "John lives in Berlin and works for Siemens."),
    _ask("What is New York?", "New York is a city in America, and Paris is a city in France."),
    _ask("Who visited Zürich?", "Zoë visited São Paulo and Zürich 🍕. 東京は日本の首都です。"),
]
LONG = _ask("Where do rivers flow?", " ".join(corpus.ENGLISH + corpus.ACCENTED))
CASES = [
    Case("one", PAIRS[:1]),
    Case("several", PAIRS),
    Case("top_k 3", PAIRS, {"top_k": 3}),
    Case("max_answer_len 2", PAIRS, {"top_k": 3, "max_answer_len": 2}),
    Case("tokens, not words", PAIRS, {"align_to_words": False, "top_k": 2}),
    Case("impossible answer", PAIRS, {"handle_impossible_answer": True, "top_k": 3}),
    Case("long context", [LONG], {}, "several windows of model_max_length 64"),
    Case("windows", [LONG, PAIRS[0]], {"max_seq_len": 40, "doc_stride": 12, "top_k": 4}),
]


def _export(name, network, config, tokens, **options):
    def build():
        pieces = tokens()
        net = randomize(network(config(len(pieces))), head_gain=6.0)
        return net, pieces

    answer = answers.question_answering
    return Export(name, "question-answering", "question-answering", build, answer, CASES, **options)


EXPORTS = [
    _export(
        "bert-question-answering",
        BertForQuestionAnswering,
        lambda size: BertConfig(vocab_size=size, **sizes.BERT),
        tokenizer.wordpiece,
    ),
    _export(
        "distilbert-question-answering",
        DistilBertForQuestionAnswering,
        lambda size: DistilBertConfig(vocab_size=size, **sizes.DISTILBERT),
        lambda: tokenizer.distilbert(lowercase=False),
        in_onnx_folder=True,
    ),
    _export(
        "roberta-question-answering",
        RobertaForQuestionAnswering,
        lambda size: RobertaConfig(vocab_size=size, **sizes.ROBERTA),
        tokenizer.byte_level,
    ),
]
