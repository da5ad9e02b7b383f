"""Answers of `transformers.pipeline`, in the shape of Hugging Face's task specification."""

import base64
import io
from functools import lru_cache

import torch
import transformers
from PIL import Image
from sentence_transformers import CrossEncoder, SentenceTransformer, models
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer
from transformers import pipeline as transformers_pipeline
from transformers.image_utils import load_image

from . import inputs
from .resample import resample

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
    """Labels with scores, highest first. The pipeline always cuts a long text; a request has to say so."""
    parameters.pop("truncation", None)
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
zero_shot_image_classification = pictures("zero-shot-image-classification")


def object_detection(checkpoint, case):
    """Labels, scores and boxes in whole pixels, as the pipeline cuts them; `box_exact` holds them before the cut."""
    run = load("object-detection", checkpoint)
    answers = []
    for value in case.inputs:
        image = inputs.path(value)
        detections, exact = run(image, **case.parameters), _exact_boxes(run, image, case.parameters)
        assert len(detections) == len(exact)
        answers.append([dict(found, box_exact=box) for found, box in zip(detections, exact)])
    return answers


@torch.no_grad()
def _exact_boxes(run, image, parameters):
    features = run.preprocess(image)
    size = features.pop("target_size")
    outputs = run.model(**{k: v for k, v in features.items() if k != "labels"})
    threshold = parameters.get("threshold", 0.5)
    return run.image_processor.post_process_object_detection(outputs, threshold, size)[0]["boxes"].tolist()


def _segments(answer):
    return [{**segment, "mask": png(segment["mask"])} for segment in answer]


def png(mask):
    """A mask as a black-and-white PNG in base64."""
    buffer = io.BytesIO()
    mask.convert("1", dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


image_segmentation = pictures("image-segmentation", _segments)
image_features = pictures("image-feature-extraction", lambda answer: answer[0])


def image_embeds(network_class):
    """`image_embeds` of a network that the pipelines of `transformers` cannot load."""

    @torch.no_grad()
    def answer(checkpoint, case):
        processor = AutoImageProcessor.from_pretrained(checkpoint)
        network = network_class.from_pretrained(checkpoint).eval()
        pixels = [processor(load_image(inputs.path(value)), return_tensors="pt") for value in case.inputs]
        return [network(**batch).image_embeds[0].tolist() for batch in pixels]

    return answer


def _samples(value):
    samples, rate = inputs.read_sound(value)
    return {"raw": resample(samples, rate, 16000), "sampling_rate": 16000}


@each
def audio_classification(checkpoint, value, parameters):
    """The five likeliest labels, unless the case names `top_k`."""
    return load("audio-classification", checkpoint)(_samples(value), **parameters)


@each
def speech_recognition(checkpoint, value, parameters):
    """The text, with chunks if the case asks for times."""
    answer = load("automatic-speech-recognition", checkpoint)(_samples(value), **parameters)
    for chunk in answer.get("chunks", []):
        chunk["timestamp"] = list(chunk["timestamp"])
    return answer
