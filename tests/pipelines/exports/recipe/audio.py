"""Exports of `audio-classification` and of speech recognition by CTC."""

import json
import os
import shutil

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    HubertConfig,
    HubertForCTC,
    HubertForSequenceClassification,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
    WavLMConfig,
    WavLMForSequenceClassification,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
)

from . import answers, inputs
from .export import Case, Export, with_optimum
from .sizes import labels
from .weights import randomize, spread

KEYWORDS = labels("yes", "no", "up", "down", "left", "_unknown_")
CLASSES = [
    Case("one", inputs.SOUNDS[:1]),
    Case("several", inputs.SOUNDS),
    Case("top_k 2", inputs.SOUNDS, {"top_k": 2}),
    Case("other rates", inputs.OTHER_RATES, {}, "8 kHz, and 44.1 kHz with two channels"),
    Case("other WAV encodings", inputs.OTHER_WAV, {}, "FP32, 24 bits, 8 bits"),
    Case("compressed", inputs.CODED, {}, "FLAC, Vorbis, MP3"),
]
SPEECH = [
    Case("one", inputs.SOUNDS[1:2]),
    Case("several", inputs.SOUNDS),
    Case("other rates", inputs.OTHER_RATES, {}, "8 kHz, and 44.1 kHz with two channels"),
    Case("other WAV encodings", inputs.OTHER_WAV),
    Case("compressed", inputs.CODED),
    Case("words with times", inputs.SOUNDS[1:], {"return_timestamps": "word"}),
    Case("characters with times", inputs.SOUNDS[1:], {"return_timestamps": "char"}),
]
CONVOLUTIONS = dict(conv_dim=(8,) * 7, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2)
SMALL = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, **CONVOLUTIONS)
LARGE_FORM = dict(feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)
# What is added to the logits of the first letters: blanks and spaces are frequent, special tokens rare.
LIKELIHOOD = [2.0, -9.0, -9.0, -2.0, 1.5]
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]


class CtcTokenizer:
    """The files of a CTC tokenizer: vocab.json as `transformers` has it, and tokenizer.json as onnx-community adds."""

    def save_pretrained(self, folder):
        path = os.path.join(folder, "vocab.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({letter: i for i, letter in enumerate(LETTERS)}, file)
        Wav2Vec2CTCTokenizer(path).save_pretrained(folder)
        fast = Tokenizer(models.WordLevel({letter: i for i, letter in enumerate(LETTERS)}, unk_token="<unk>"))
        fast.normalizer = normalizers.Replace(" ", "|")
        fast.pre_tokenizer = pre_tokenizers.Split(Regex(""), behavior="isolated")
        fast.decoder = decoders.CTC(pad_token="<pad>", word_delimiter_token="|", cleanup=True)
        fast.add_special_tokens(["<pad>", "<s>", "</s>", "<unk>"])
        fast.save(os.path.join(folder, "tokenizer.json"))


def _batches(extractor):
    sounds = [inputs.read_sound(value)[0] for value in inputs.SOUNDS]
    return [extractor(sound, sampling_rate=16000, return_tensors="pt") for sound in sounds]


def _classifier(name, network, config, extractor, **options):
    def build():
        return spread(randomize(network(config)), _batches(extractor)), extractor

    return Export(
        name, "audio-classification", "audio-classification", build, answers.audio_classification, CLASSES, **options
    )


def _recognizer(name, network, config, extractor, **options):
    def build():
        net = spread(randomize(network(config)), _batches(extractor), 2.0)
        net.lm_head.bias.data[: len(LIKELIHOOD)] += torch.tensor(LIKELIHOOD)
        return net, extractor, CtcTokenizer()

    pipeline = "automatic-speech-recognition"
    return Export(
        name, pipeline, pipeline, build, answers.speech_recognition, SPEECH, export=_with_tokenizer_json, **options
    )


def _with_tokenizer_json(export, checkpoint, folder):
    with_optimum(export, checkpoint, folder)
    shutil.copy(os.path.join(checkpoint, "tokenizer.json"), folder)


CTC = dict(vocab_size=len(LETTERS), pad_token_id=0, bos_token_id=1, eos_token_id=2)

EXPORTS = [
    _classifier(
        "wav2vec2-audio-classification",
        Wav2Vec2ForSequenceClassification,
        Wav2Vec2Config(**SMALL, **KEYWORDS, classifier_proj_size=16),
        Wav2Vec2FeatureExtractor(return_attention_mask=False),
    ),
    _classifier(
        "hubert-audio-classification",
        HubertForSequenceClassification,
        HubertConfig(**SMALL, **LARGE_FORM, **labels("neu", "hap", "ang", "sad"), classifier_proj_size=16),
        Wav2Vec2FeatureExtractor(return_attention_mask=True),
        in_onnx_folder=True,
    ),
    _classifier(
        "wavlm-audio-classification",
        WavLMForSequenceClassification,
        WavLMConfig(**SMALL, **labels("male", "female"), classifier_proj_size=16),
        Wav2Vec2FeatureExtractor(do_normalize=False),
    ),
    _classifier(
        "ast-audio-classification",
        ASTForAudioClassification,
        ASTConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_length=96,
            num_mel_bins=32,
            **labels("Speech", "Music", "Silence", "Dog"),
        ),
        ASTFeatureExtractor(max_length=96, num_mel_bins=32),
        in_onnx_folder=True,
    ),
    _classifier(
        "whisper-audio-classification",
        WhisperForAudioClassification,
        WhisperConfig(
            vocab_size=32,
            d_model=16,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            num_mel_bins=16,
            max_source_positions=1500,
            classifier_proj_size=16,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=1,
            suppress_tokens=None,
            begin_suppress_tokens=None,
            **labels("en", "de", "fr"),
        ),
        WhisperFeatureExtractor(feature_size=16),
    ),
    _recognizer(
        "wav2vec2-speech-recognition",
        Wav2Vec2ForCTC,
        Wav2Vec2Config(**SMALL, **CTC),
        Wav2Vec2FeatureExtractor(return_attention_mask=False),
    ),
    _recognizer(
        "wav2vec2-large-form-speech-recognition",
        Wav2Vec2ForCTC,
        Wav2Vec2Config(**SMALL, **LARGE_FORM, **CTC),
        Wav2Vec2FeatureExtractor(return_attention_mask=True),
        in_onnx_folder=True,
    ),
    _recognizer(
        "hubert-speech-recognition",
        HubertForCTC,
        HubertConfig(**SMALL, **LARGE_FORM, **CTC),
        Wav2Vec2FeatureExtractor(return_attention_mask=True),
        in_onnx_folder=True,
    ),
]
