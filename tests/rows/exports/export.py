"""Tiny networks of many architectures with random weights, as the exporter `optimum` writes them. `tests/it/rows/exports.rs` proves that
their rows are independent, or that they are not (`expected.txt`).

    /usr/bin/python3 -m venv --system-site-packages .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/python export.py FOLDER [NAME…]

Writes `FOLDER/NAME.onnx` for each name, or for all, and says which it could not.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
import transformers as hf
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from optimum.exporters.onnx import main_export

WIDTH, HEADS, LAYERS, VOCABULARY = 8, 2, 1, 40
TEXT = {"vocab_size": VOCABULARY, "max_position_embeddings": 32, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
SIZES = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": 16}
ENCODER = TEXT | SIZES
IMAGE = {"image_size": 16, "patch_size": 8}
SPEECH = {
    "conv_dim": (8, 8), "conv_stride": (5, 4), "conv_kernel": (10, 8), "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2, "vocab_size": 12,
}
SEQ2SEQ = {
    "vocab_size": VOCABULARY, "d_model": WIDTH, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": HEADS,
    "decoder_attention_heads": HEADS, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "pad_token_id": 1, "bos_token_id": 2,
    "eos_token_id": 3, "decoder_start_token_id": 2,
}
WHISPER = {"max_source_positions": 1500, "max_target_positions": 32, "suppress_tokens": None, "begin_suppress_tokens": None}
T5 = {
    "vocab_size": VOCABULARY, "d_model": WIDTH, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": HEADS, "decoder_start_token_id": 1,
    "relative_attention_num_buckets": 8,
}
LABELS = {"id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
GENERATION = "text-generation-with-past"


@dataclass(frozen=True)
class Export:
    """A network to export: its configuration, class, task, and the exporter's file to keep."""

    configuration: Callable[[], hf.PretrainedConfig]
    kind: str
    task: str
    file: str = "model.onnx"


def exports() -> Iterator[tuple[str, Export]]:
    text = [
        ("bert", "Bert", "ForSequenceClassification", "text-classification", {}),
        ("distilbert", "DistilBert", "Model", "feature-extraction",
         {"dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": 16}),
        ("roberta", "Roberta", "ForTokenClassification", "token-classification", {}),
        ("albert", "Albert", "ForQuestionAnswering", "question-answering", {"embedding_size": 4}),
        ("electra", "Electra", "ForTokenClassification", "token-classification", {"embedding_size": 4}),
        ("mpnet", "MPNet", "ForSequenceClassification", "text-classification", {}),
        ("deberta", "Deberta", "Model", "feature-extraction",
         {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "max_relative_positions": 16}),
        ("deberta-v2", "DebertaV2", "ForSequenceClassification", "text-classification",
         {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8, "share_att_key": True,
          "norm_rel_ebd": "layer_norm"}),
        ("mobilebert", "MobileBert", "Model", "feature-extraction",
         {"embedding_size": 8, "intra_bottleneck_size": 8, "true_hidden_size": 8, "num_feedforward_networks": 1}),
        ("roformer", "RoFormer", "Model", "feature-extraction", {"embedding_size": 8}),
        ("squeezebert", "SqueezeBert", "Model", "feature-extraction",
         {f"{part}_groups": 2 for part in ["q", "k", "v", "post_attention", "intermediate", "output"]} | {"embedding_size": 8}),
        ("convbert", "ConvBert", "Model", "feature-extraction", {"embedding_size": 8, "head_ratio": 1, "conv_kernel_size": 3}),
        ("xlm", "XLM", "Model", "feature-extraction", {"emb_dim": WIDTH, "n_layers": 1, "n_heads": HEADS, "n_words": VOCABULARY}),
        ("layoutlm", "LayoutLM", "ForTokenClassification", "token-classification", {"max_2d_position_embeddings": 32}),
    ]
    for name, family, head, task, more in text:
        sizes = TEXT if "n_layers" in more else ENCODER
        yield name, Export(lambda f=family, c=sizes | LABELS | more: config(f, c), f"{family}{head}", task)
    images = [
        ("vit", "ViT", "ForImageClassification", "image-classification", SIZES | IMAGE),
        ("deit", "Deit", "ForImageClassification", "image-classification", SIZES | IMAGE),
        ("beit", "Beit", "ForImageClassification", "image-classification", SIZES | IMAGE | {"use_relative_position_bias": True}),
        ("swin", "Swin", "ForImageClassification", "image-classification",
         {"image_size": 8, "patch_size": 2, "embed_dim": 8, "depths": [2], "num_heads": [2], "window_size": 2}),
        ("convnext", "ConvNext", "ForImageClassification", "image-classification", {"hidden_sizes": [8, 8], "depths": [1, 1], "num_stages": 2}),
        ("resnet", "ResNet", "ForImageClassification", "image-classification",
         {"embedding_size": 8, "hidden_sizes": [8, 8], "depths": [1, 1], "layer_type": "basic"}),
        ("mobilevit", "MobileViT", "ForImageClassification", "image-classification",
         {"image_size": 32, "hidden_sizes": [8, 8, 8], "neck_hidden_sizes": [4, 4, 4, 4, 4, 4, 8], "num_attention_heads": 2,
          "expand_ratio": 1.0, "num_hidden_layers": 1}),
        ("levit", "Levit", "ForImageClassification", "image-classification",
         {"image_size": 32, "hidden_sizes": [8, 8, 8], "num_attention_heads": [2, 2, 2], "depths": [1, 1, 1], "key_dim": [4, 4, 4]}),
        ("segformer", "Segformer", "ForSemanticSegmentation", "semantic-segmentation",
         {"num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "hidden_sizes": [4, 8], "patch_sizes": [7, 3],
          "strides": [4, 2], "num_attention_heads": [1, 2], "mlp_ratios": [2, 2], "decoder_hidden_size": 8}),
        ("poolformer", "PoolFormer", "ForImageClassification", "image-classification",
         {"num_encoder_blocks": 2, "depths": [1, 1], "hidden_sizes": [4, 8], "patch_sizes": [7, 3], "strides": [4, 2], "padding": [2, 1]}),
        ("yolos", "Yolos", "ForObjectDetection", "object-detection",
         SIZES | {"image_size": [32, 32], "patch_size": 8, "num_detection_tokens": 3}),
    ]
    for name, family, head, task, sizes in images:
        yield name, Export(lambda f=family, c=sizes | LABELS: config(f, c), f"{family}{head}".replace("DeitFor", "DeiTFor"), task)
    for name, family, head, task in [
        ("wav2vec2", "Wav2Vec2", "ForCTC", "automatic-speech-recognition"),
        ("hubert", "Hubert", "Model", "feature-extraction"),
        ("wavlm", "WavLM", "ForSequenceClassification", "audio-classification"),
    ]:
        yield name, Export(lambda f=family: config(f, SIZES | SPEECH | LABELS), f"{family}{head}", task)
    yield "audio-spectrogram-transformer", Export(
        lambda: config("AST", SIZES | LABELS | {"max_length": 32, "num_mel_bins": 16, "patch_size": 8, "frequency_stride": 8,
                                                "time_stride": 8}),
        "ASTForAudioClassification", "audio-classification")
    yield "clip", Export(
        lambda: hf.CLIPConfig(text_config=ENCODER, vision_config=SIZES | IMAGE, projection_dim=4), "CLIPModel",
        "zero-shot-image-classification")
    for name, family, sizes in [
        ("gpt2", "GPT2", {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 32, "vocab_size": VOCABULARY}),
        ("llama", "Llama", ENCODER | {"num_key_value_heads": 1}),
        ("mistral", "Mistral", ENCODER | {"num_key_value_heads": 1, "sliding_window": 16}),
        ("gpt-neox", "GPTNeoX", ENCODER | {"rotary_pct": 0.5}),
        ("gpt-neo", "GPTNeo",
         {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_layers": 2, "num_heads": HEADS, "max_position_embeddings": 32,
          "attention_types": [[["global", "local"], 1]], "window_size": 8}),
        ("gptj", "GPTJ",
         {"n_embd": WIDTH, "n_layer": 1, "n_head": HEADS, "n_positions": 32, "vocab_size": VOCABULARY, "rotary_dim": 4}),
        ("opt", "OPT", TEXT | {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "ffn_dim": 16, "num_attention_heads": HEADS,
                               "word_embed_proj_dim": WIDTH}),
        ("bloom", "Bloom", {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "n_layer": LAYERS, "n_head": HEADS}),
        ("phi", "Phi", ENCODER),
        ("qwen2", "Qwen2", ENCODER | {"num_key_value_heads": 1}),
        ("falcon", "Falcon", {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": HEADS}),
    ]:
        kind = "GPT2LMHeadModel" if family == "GPT2" else f"{family}ForCausalLM"
        yield name, Export(lambda f=family, c=sizes: config(f, c), kind, GENERATION)
    # A head that looks for the last token that is no padding.
    yield "gpt2-classification", Export(
        lambda: config("GPT2", {"n_embd": WIDTH, "n_layer": 1, "n_head": HEADS, "n_positions": 32, "vocab_size": VOCABULARY,
                                "pad_token_id": 1} | LABELS),
        "GPT2ForSequenceClassification", "text-classification")
    for part in ["encoder_model", "decoder_model", "decoder_with_past_model", "decoder_model_merged"]:
        end = part.replace("_model", "").replace("_", "-")
        yield f"t5-{end}", Export(lambda: config("T5", T5), "T5ForConditionalGeneration", "text2text-generation-with-past", f"{part}.onnx")
        yield f"whisper-{end}", Export(
            lambda: config("Whisper", SEQ2SEQ | WHISPER), "WhisperForConditionalGeneration", "automatic-speech-recognition-with-past",
            f"{part}.onnx")


def config(family: str, values: dict) -> hf.PretrainedConfig:
    return getattr(hf, {"Deit": "DeiT"}.get(family, family) + "Config")(**values)


def export(wanted: Export) -> onnx.ModelProto:
    """The network as the exporter writes it, without descriptive texts."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        network = getattr(hf, wanted.kind)(wanted.configuration()).eval()
        network.save_pretrained(source)
        if "speech" in wanted.task or "audio" in wanted.task or wanted.kind == "HubertModel":
            feature_extractor(wanted).save_pretrained(source)
        main_export(str(source), output=target, task=wanted.task, do_validation=False, device="cpu")
        return onnx.load(target / wanted.file)


def feature_extractor(wanted: Export) -> hf.FeatureExtractionMixin:
    if wanted.kind.startswith("AST"):
        return hf.ASTFeatureExtractor(num_mel_bins=16, max_length=32)
    return hf.WhisperFeatureExtractor(feature_size=80, chunk_length=1) if "Whisper" in wanted.kind else hf.Wav2Vec2FeatureExtractor()


def derived(name: str, network: onnx.ModelProto) -> Iterator[tuple[str, onnx.ModelProto]]:
    """Variants of an export: with fused operators, or with weights of 8 bits."""
    if name not in ("bert", "gpt2", "vit", "distilbert"):
        return
    with tempfile.TemporaryDirectory() as folder:
        source, target = str(Path(folder) / "source.onnx"), str(Path(folder) / "target.onnx")
        onnx.save(network, source)
        family = {"distilbert": "bert"}.get(name, name)
        fused = optimize_model(source, model_type=family, num_heads=HEADS, hidden_size=WIDTH, optimization_options=FusionOptions(family))
        yield f"{name}-fused", fused.model
        if name == "bert":
            quantize_dynamic(source, target, weight_type=QuantType.QInt8)
            yield f"{name}-int8-dynamic", onnx.load(target)


def strip(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    """Removes descriptive texts: names of nodes, texts, types of intermediate values. Values get short names; the same name gets the
    same one everywhere, so that subgraphs find what they take from around them."""
    def short(name: str) -> str:
        return names.setdefault(name, f"v{len(names)}") if name else ""

    graph.ClearField("value_info")
    for tensor in graph.initializer:
        tensor.name = short(tensor.name)
    for value in [*graph.input, *graph.output]:
        value.name = short(value.name)
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("name")
        node.input[:], node.output[:] = map(short, node.input), map(short, node.output)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                strip(attribute.g, names)


def main() -> None:
    warnings.filterwarnings("ignore")
    folder, only = Path(sys.argv[1]), sys.argv[2:]
    for name, wanted in exports():
        if only and name not in only:
            continue
        try:
            network = export(wanted)
            for name, network in [(name, network), *derived(name, network)]:
                strip(network.graph, {value.name: value.name for value in [*network.graph.input, *network.graph.output]})
                onnx.save(network, folder / f"{name}.onnx")
                print("written", name, (folder / f"{name}.onnx").stat().st_size, flush=True)
        except Exception as error:  # each release of the exporter lacks some of them
            print("not written", name, type(error).__name__, str(error)[:200].replace("\n", " "), flush=True)


if __name__ == "__main__":
    main()
