"""Exports of `feature-extraction`: sentence-transformers folders, and plain encoders."""

import os
import shutil

import torch
from optimum.exporters.onnx import main_export
from sentence_transformers import SentenceTransformer, models
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from . import answers, finish, sizes, tokenizer
from .export import Case, Export
from .trace import copy_settings, trace
from .weights import randomize

TEXTS = ["The cat sleeps on the warm roof.", "Prices rose by 3.5% in May.", "Zoë liked the café in São Paulo 🍕"]
LONG = "The river flows from the mountains to the sea. " * 12
PROMPTS = {"query": "query: ", "passage": "Represent the sentence: "}

ONE, SEVERAL = Case("one", TEXTS[:1]), Case("several", TEXTS)
CASES = [
    ONE,
    SEVERAL,
    Case("odd characters", ["東京は日本の首都です。", "", "  a \t b ", "?"]),
    Case("normalize", TEXTS, {"normalize": True}),
    Case("truncated", [LONG, "Short."], {"truncate": True}, "cut at the tokens the folder names"),
]
PROMPT_CASES = [
    Case("prompt query", TEXTS, {"prompt_name": "query"}),
    Case("prompt passage", TEXTS, {"prompt_name": "passage"}),
]
DIMENSION_CASES = [
    Case("dimensions 8", TEXTS, {"dimensions": 8}),
    Case("dimensions 4", TEXTS[:1], {"dimensions": 4, "normalize": True}),
]


def bert(pooler=False):
    """A BERT encoder and its tokenizer."""
    pieces = tokenizer.wordpiece()
    return randomize(BertModel(BertConfig(vocab_size=len(pieces), **sizes.BERT), add_pooling_layer=pooler)), pieces


def distilbert():
    """A DistilBERT encoder and its tokenizer: no `token_type_ids`."""
    pieces = tokenizer.distilbert()
    return randomize(DistilBertModel(DistilBertConfig(vocab_size=len(pieces), **sizes.DISTILBERT))), pieces


def mpnet():
    """An MPNet encoder and its tokenizer, as all-mpnet-base-v2 has."""
    pieces = tokenizer.mpnet()
    settings = MPNetConfig(vocab_size=len(pieces), **sizes.ROBERTA)
    return randomize(MPNetModel(settings, add_pooling_layer=False)), pieces


def xlm_roberta():
    """An XLM-RoBERTa encoder and its tokenizer, as multilingual-e5 has."""
    pieces = tokenizer.xlm_roberta()
    settings = XLMRobertaConfig(vocab_size=len(pieces), **sizes.ROBERTA)
    return randomize(XLMRobertaModel(settings, add_pooling_layer=False)), pieces


class _SentenceFolder:
    """Saves an encoder with sentence-transformers' own files."""

    def __init__(self, encoder, pooling, normalize=False, max_length=None, **options):
        self.encoder, self.pooling, self.normalize = encoder, pooling, normalize
        self.max_length, self.options = max_length, options

    def save_pretrained(self, folder):
        for part in self.encoder:
            part.save_pretrained(folder)
        transformer = models.Transformer(folder, max_seq_length=self.max_length)
        modules = [transformer, models.Pooling(transformer.get_word_embedding_dimension(), **self.pooling)]
        if self.normalize:
            modules.append(models.Normalize())
        SentenceTransformer(modules=modules, device="cpu", **self.options).save(folder, create_model_card=False)


def _copy_sentence_files(checkpoint, folder):
    for name in (
        "modules.json",
        "1_Pooling",
        "2_Normalize",
        "config_sentence_transformers.json",
        "sentence_bert_config.json",
    ):
        source = os.path.join(checkpoint, name)
        if os.path.isdir(source) and os.listdir(source):
            shutil.copytree(source, os.path.join(folder, name), dirs_exist_ok=True)
        elif os.path.isfile(source):
            shutil.copy(source, folder)


def _encoder_only(export, checkpoint, folder):
    """Hidden states only, beside the files of sentence-transformers, as most repositories have it."""
    main_export(checkpoint, output=folder, task="feature-extraction", library_name="transformers", do_validation=False)
    _copy_sentence_files(checkpoint, folder)


def _with_pooling(export, checkpoint, folder):
    """The exporter's own form for sentence-transformers: `token_embeddings` and `sentence_embedding`."""
    main_export(
        checkpoint, output=folder, task="feature-extraction", library_name="sentence_transformers", do_validation=False
    )
    _copy_sentence_files(checkpoint, folder)


def _int32(export, checkpoint, folder):
    """INT32 ids, as networks for accelerators have."""
    _encoder_only(export, checkpoint, folder)
    _trace_encoder(checkpoint, folder, ["last_hidden_state"], torch.int32)


def _with_pooler(export, checkpoint, folder):
    """`last_hidden_state` and `pooler_output`, as PyTorch's exporter and older versions of optimum write."""
    copy_settings(checkpoint, folder)
    _trace_encoder(checkpoint, folder, ["last_hidden_state", "pooler_output"], torch.int64)


def _trace_encoder(checkpoint, folder, outputs, element):
    ids = torch.ones(2, 8, dtype=element)
    inputs = {"input_ids": ids, "attention_mask": ids, "token_type_ids": torch.zeros_like(ids)}
    axes = {name: {0: "batch_size", 1: "sequence_length"} for name in [*inputs, "last_hidden_state"]}
    trace(BertModel.from_pretrained(checkpoint), inputs, outputs, folder, axes=axes)


def _sentence(
    name, encoder, pooling, cases=(), export=_encoder_only, finish=(), in_onnx_folder=False, publish=None, **folder
):
    def build():
        return [_SentenceFolder(encoder(), pooling, **folder)]

    return Export(
        name,
        "feature-extraction",
        "feature-extraction",
        build,
        answers.sentence_embedding,
        CASES + list(cases),
        export=export,
        finish=finish,
        in_onnx_folder=in_onnx_folder,
        publish=publish or {},
        oracle="sentence-transformers",
    )


def _plain(name, encoder, pooling, **options):
    def build():
        return encoder()

    return Export(
        name,
        "feature-extraction",
        "feature-extraction",
        build,
        answers.pooled(pooling),
        CASES,
        publish={"pooling": pooling},
        oracle="transformers, pooled as sentence-transformers does" if pooling != "none" else "transformers",
        **options,
    )


EXPORTS = [
    _sentence("sentence-bert-mean", bert, {"pooling_mode": "mean"}, normalize=True),
    _sentence("sentence-bert-cls", bert, {"pooling_mode": "cls"}, PROMPT_CASES, prompts=PROMPTS, in_onnx_folder=True),
    _sentence("sentence-distilbert-max", distilbert, {"pooling_mode": "max"}),
    _sentence("sentence-bert-mean-sqrt-len", bert, {"pooling_mode": "mean_sqrt_len_tokens"}),
    _sentence("sentence-bert-weightedmean", bert, {"pooling_mode": "weightedmean"}),
    _sentence(
        "sentence-xlm-roberta-lasttoken",
        xlm_roberta,
        {"pooling_mode": "lasttoken"},
        normalize=True,
        in_onnx_folder=True,
    ),
    _sentence(
        "sentence-distilbert-mean-without-prompt",
        distilbert,
        {"pooling_mode": "mean", "include_prompt": False},
        PROMPT_CASES,
        prompts=PROMPTS,
        default_prompt_name="query",
    ),
    _sentence("sentence-bert-cls-and-mean", bert, {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}),
    _sentence(
        "sentence-mpnet-both-outputs",
        mpnet,
        {"pooling_mode": "mean"},
        normalize=True,
        export=_with_pooling,
        max_length=24,
    ),
    _sentence("sentence-bert-int32", bert, {"pooling_mode": "mean"}, export=_int32),
    _sentence(
        "sentence-bert-fp16-output",
        bert,
        {"pooling_mode": "mean"},
        finish=(finish.fp16,),
        publish={"tolerance": 0.01},
    ),
    _sentence(
        "sentence-bert-matryoshka",
        bert,
        {"pooling_mode": "mean"},
        DIMENSION_CASES,
        finish=(finish.external_data,),
    ),
    _plain("distilbert-hidden-states", distilbert, "mean"),
    _plain("bert-pooler-output", lambda: bert(pooler=True), "cls", export=_with_pooler, in_onnx_folder=True),
    _plain("distilbert-tokens", distilbert, "none"),
]
