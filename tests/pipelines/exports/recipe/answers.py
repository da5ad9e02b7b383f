"""Answers of `transformers.pipeline`, in the shape of Hugging Face's task specification."""

from functools import lru_cache

import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer, models
from transformers import AutoModel, AutoTokenizer
from transformers import pipeline as transformers_pipeline

from . import inputs

transformers.logging.set_verbosity_error()


@lru_cache(maxsize=2)
def load(task, checkpoint):
    """The pipeline of a checkpoint, in PyTorch on the CPU."""
    return transformers_pipeline(task, model=checkpoint, framework="pt", device="cpu")


def each(predict):
    """Turns a function of one input into a function of a case."""
    return lambda checkpoint, case: [predict(checkpoint, value, dict(case.parameters)) for value in case.inputs]


@each
def text_classification(checkpoint, value, parameters):
    """All labels, highest score first, unless the case names `top_k`."""
    parameters.setdefault("top_k", None)
    answer = load("text-classification", checkpoint)(value, **parameters)
    return answer[0] if isinstance(answer[0], list) else answer


@each
def zero_shot_classification(checkpoint, value, parameters):
    """Labels with scores, highest first."""
    answer = load("zero-shot-classification", checkpoint)(value, **parameters)
    return [{"label": label, "score": score} for label, score in zip(answer["labels"], answer["scores"])]


@each
def token_classification(checkpoint, value, parameters):
    """Entities, in order of position; `index` is not in the specification."""
    answer = load("token-classification", checkpoint)(value, **parameters)
    return [{key: item for key, item in entity.items() if key != "index"} for entity in answer]


@each
def question_answering(checkpoint, value, parameters):
    """Answers, highest score first; a list also for one answer."""
    answer = load("question-answering", checkpoint)(**value, **parameters)
    return answer if isinstance(answer, list) else [answer]


@each
def fill_mask(checkpoint, value, parameters):
    """Replacements, highest score first; for several masks one list for each mask."""
    return load("fill-mask", checkpoint)(value, **parameters)


def sentence_embedding(checkpoint, case):
    """Vectors of sentence-transformers; `dimensions` cuts the vector before it is normalised."""
    parameters = dict(case.parameters)
    parameters.pop("truncate", None)
    dimensions, normalize = parameters.pop("dimensions", None), parameters.pop("normalize", False)
    encoder = SentenceTransformer(checkpoint, device="cpu", truncate_dim=dimensions)
    vectors = [encoder.encode(text, normalize_embeddings=normalize, **parameters) for text in case.inputs]
    return [vector.tolist() for vector in vectors]


def pooled(mode):
    """Hidden states of `transformers`, pooled by sentence-transformers' own module (`none`: every token's vector)."""

    def answer(checkpoint, case):
        tokens = AutoTokenizer.from_pretrained(checkpoint)
        encoder = AutoModel.from_pretrained(checkpoint).eval()
        return [_pool(encoder, tokens, text, mode, case.parameters.get("normalize", False)) for text in case.inputs]

    return answer


@torch.no_grad()
def _pool(encoder, tokens, text, mode, normalize):
    batch = tokens(text, return_tensors="pt", truncation=True)
    hidden = encoder(**batch).last_hidden_state
    if mode == "none":
        vectors = hidden[0]
    else:
        pooling = models.Pooling(hidden.shape[-1], pooling_mode=mode)
        features = {"token_embeddings": hidden, "attention_mask": batch["attention_mask"]}
        vectors = pooling(features)["sentence_embedding"][0]
    return (torch.nn.functional.normalize(vectors, dim=-1) if normalize else vectors).tolist()


def text_ranking(checkpoint, case):
    """`rank` of sentence-transformers' CrossEncoder: the documents' indices and scores, highest first."""
    encoder = CrossEncoder(checkpoint, device="cpu")
    top = case.parameters.get("top_n")
    rankings = [encoder.rank(item["query"], item["documents"], top_k=top, batch_size=1) for item in case.inputs]
    return [[{"index": r["corpus_id"], "score": float(r["score"])} for r in ranking] for ranking in rankings]


def pictures(task, shape=lambda answer: answer):
    """A pipeline whose inputs are image files; `shape` turns its answer into the specification's form."""

    def answer(checkpoint, case):
        run = load(task, checkpoint)
        return [shape(run(inputs.path(value), **case.parameters)) for value in case.inputs]

    return answer


image_classification = pictures("image-classification")
