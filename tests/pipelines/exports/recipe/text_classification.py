"""Exports of `text-classification`."""

from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

from . import answers, finish, sizes, tokenizer
from .export import Case, Export
from .sizes import labels
from .weights import encoded, randomize, spread

SENTENCES = ["A wonderful film.", "The service was slow and the food was cold.", "Nothing is better than a good book!"]
ODD = ["Zoë liked the café in São Paulo.", "東京は日本の首都です。", "I love pizza 🍕", "  spaces \t and\nlines  ", "?"]
LONG = "The river flows from the mountains to the sea. " * 12

CASES = [
    Case("one", [SENTENCES[0]]),
    Case("several", SENTENCES),
    Case("odd characters", ODD),
    Case("top_k 1", SENTENCES, {"top_k": 1}),
    Case("function none", SENTENCES[:2], {"function_to_apply": "none"}),
    Case("function sigmoid", SENTENCES[:2], {"function_to_apply": "sigmoid"}),
    Case("truncated", [LONG, "Short."], {"truncation": True}, "cut at the tokenizer's model_max_length of 64"),
]
PAIRS = [
    {"text": "The cat sleeps on the roof.", "text_pair": "An animal is sleeping."},
    {"text": "John lives in Berlin.", "text_pair": "John lives in Paris."},
    {"text": "The food was cold.", "text_pair": "Who wrote the letter?"},
]
PAIR_CASES = [
    Case("one pair", PAIRS[:1]),
    Case("pairs", PAIRS),
    Case("without pair", ["The cat sleeps on the roof."]),
    Case("pair truncated", [{"text": LONG, "text_pair": LONG}], {"truncation": True}, "longest first"),
]


def _export(name, network, config, tokens, cases=CASES, **options):
    def build():
        pieces = tokens()
        samples = SENTENCES + ODD + [(pair["text"], pair["text_pair"]) for pair in PAIRS]
        return spread(randomize(network(config(len(pieces)))), encoded(pieces, samples)), pieces

    answer = answers.text_classification
    return Export(name, "text-classification", "text-classification", build, answer, cases, **options)


def _bert(*names, **more):
    return lambda size: BertConfig(vocab_size=size, **sizes.BERT, **labels(*names), **more)


def _roberta(config, *names):
    return lambda size: config(vocab_size=size, **sizes.ROBERTA, **labels(*names))


EXPORTS = [
    _export(
        "bert-text-classification", BertForSequenceClassification, _bert("no", "yes", "maybe"), tokenizer.wordpiece
    ),
    _export(
        "bert-cased-multi-label",
        BertForSequenceClassification,
        _bert("toxic", "obscene", "threat", "insult", problem_type="multi_label_classification"),
        lambda: tokenizer.wordpiece(lowercase=False),
        in_onnx_folder=True,
    ),
    _export("bert-single-label", BertForSequenceClassification, _bert("score"), tokenizer.wordpiece),
    _export(
        "bert-nli-pairs",
        BertForSequenceClassification,
        _bert("entailment", "neutral", "contradiction"),
        tokenizer.wordpiece,
        PAIR_CASES,
    ),
    _export(
        "distilbert-sst2",
        DistilBertForSequenceClassification,
        lambda size: DistilBertConfig(vocab_size=size, **sizes.DISTILBERT, **labels("NEGATIVE", "POSITIVE")),
        tokenizer.distilbert,
        in_onnx_folder=True,
        finish=(finish.fp16_variant, finish.quantized_variant),
    ),
    _export(
        "roberta-text-classification",
        RobertaForSequenceClassification,
        _roberta(RobertaConfig, "negative", "neutral", "positive"),
        tokenizer.byte_level,
        CASES + PAIR_CASES,
    ),
    _export(
        "xlm-roberta-text-classification",
        XLMRobertaForSequenceClassification,
        _roberta(XLMRobertaConfig, "ja", "de", "fr", "en"),
        tokenizer.xlm_roberta,
        CASES + PAIR_CASES,
        in_onnx_folder=True,
    ),
    _export(
        "albert-text-classification",
        AlbertForSequenceClassification,
        lambda size: AlbertConfig(
            vocab_size=size, embedding_size=8, **sizes.BERT, bos_token_id=2, eos_token_id=3, **labels("false", "true")
        ),
        tokenizer.albert,
    ),
    _export(
        "electra-text-classification",
        ElectraForSequenceClassification,
        lambda size: ElectraConfig(vocab_size=size, embedding_size=8, **sizes.BERT, **labels("calm", "angry", "sad")),
        tokenizer.electra,
    ),
    _export(
        "deberta-v2-text-classification",
        DebertaV2ForSequenceClassification,
        lambda size: DebertaV2Config(
            vocab_size=size,
            **sizes.BERT,
            relative_attention=True,
            position_buckets=16,
            norm_rel_ebd="layer_norm",
            share_att_key=True,
            pos_att_type="p2c|c2p",
            position_biased_input=False,
            type_vocab_size=0,
            **labels("contradiction", "entailment", "neutral"),
        ),
        tokenizer.deberta_v2,
        CASES + PAIR_CASES,
    ),
    _export(
        "mpnet-text-classification",
        MPNetForSequenceClassification,
        lambda size: MPNetConfig(vocab_size=size, **sizes.ROBERTA, **labels("question", "statement")),
        tokenizer.mpnet,
    ),
]
