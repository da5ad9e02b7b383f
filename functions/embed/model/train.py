"""Trains the committed small encoder by distillation: it learns MiniLM's vectors.

    python build.py                # MiniLM, the teacher, into built/
    python train.py --data DIR     # DIR holds imdb_train.jsonl.xz and imdb_test.jsonl.xz; their labels are not read

Writes embed.onnx, tokenizer.json and metrics.json, and, through conformance.py, golden.json and texts.json.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from onnx import TensorProto

import build
import conformance
from network import Graph, Shape, encode, pool, positions, unit
from sentences import salads, sentences
from teacher import Teacher, padded

HERE = Path(__file__).parent
SEED = 0
TEXTS, SALADS = 120_000, 60_000
LONGEST = 128  # tokens; longer texts are truncated
WORD, WIDTH, INNER, HEADS, LAYERS = 64, 128, 384, 4, 2
EPSILON = 1e-6
EPOCHS, RATE, WARM_UP = 3, 2e-3, 200
LENGTHS = {8: 1024, 16: 512, 32: 256, 64: 128, 128: 64}  # rows of a batch, by length
ALIKE = 10.0  # what the loss of likenesses inside a batch counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--built", type=Path, default=HERE / "built", help="where build.py wrote MiniLM")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    build.write_tokenizer((arguments.built / "tokenizer.json").read_bytes(), arguments.out / "tokenizer.json", LONGEST)
    ids, vectors, words = lesson(arguments)
    begun = time.monotonic()
    params = train(ids, vectors, start(words), lambda params: export(params, arguments.out / "embed.onnx"))
    metrics = {
        "seed": SEED,
        "texts": TEXTS,
        "salads": SALADS,
        "words": len(words),
        "epochs": EPOCHS,
        "seconds": round(time.monotonic() - begun),
        "parameters": sum(value.size for value in params.values()),
        "onnx_bytes": (arguments.out / "embed.onnx").stat().st_size,
        "cosine_to_teacher_of_held_out_sentences": round(held_out(params, ids, vectors), 4),
    }
    (arguments.out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    conformance.main(arguments.out)


def lesson(arguments: argparse.Namespace) -> tuple[list[list[int]], np.ndarray, np.ndarray]:
    """Ids and the teacher's vectors of all texts and all words alone, and the latter once more; kept in built/."""
    kept = arguments.built / "lesson.npz"
    teacher = Teacher(arguments.built)
    teacher.tokenizer.enable_truncation(LONGEST)
    texts = sentences(arguments.data, TEXTS, SEED) + salads(teacher.tokenizer, SALADS, SEED)
    ids = [encoding.ids for encoding in teacher.tokenizer.encode_batch(texts)]
    if not kept.exists():
        say = lambda done: done % 20_000 < 32 and print(f"{done} of {len(ids)} texts taught", flush=True)
        np.savez(kept, vectors=teacher.texts(ids, say).astype(np.float16), words=teacher.words())
    lesson = np.load(kept)
    words = lesson["words"]
    ids += [[101, word, 102] for word in range(len(words))]
    return ids, np.concatenate([lesson["vectors"], words.astype(np.float16)]), words


def start(words: np.ndarray) -> dict[str, jax.Array]:
    """Initial weights. Words begin with the principal components of the vectors that the teacher gives them alone."""
    random = np.random.default_rng(SEED)
    centred = words - words.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :WORD]
    table = centred @ axes
    scale = table.std()
    draw = lambda rows, columns: random.normal(0, rows**-0.5, (rows, columns))
    params = {"word": table / scale, "widen.weight": draw(WORD, WIDTH), "widen.bias": np.zeros(WIDTH)}
    params["position"] = random.normal(0, 0.02, (LONGEST, WIDTH))
    params |= norm("embedded.norm")
    for layer in range(LAYERS):
        name = f"layer.{layer}"
        sizes = {"qkv": (WIDTH, 3 * WIDTH), "output": (WIDTH, WIDTH), "inner": (WIDTH, INNER), "outer": (INNER, WIDTH)}
        for at, (rows, columns) in sizes.items():
            shrink = 0.3 if at in ("output", "outer") else 1.0
            params |= {f"{name}.{at}.weight": shrink * draw(rows, columns), f"{name}.{at}.bias": np.zeros(columns)}
        params |= norm(f"{name}.attention_norm") | norm(f"{name}.feed_norm")
    # What the words were turned by, turned back.
    back = np.linalg.pinv(params["widen.weight"]) @ axes.T
    params |= {"head.weight": back, "head.bias": words.mean(axis=0)}
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def norm(name: str) -> dict[str, np.ndarray]:
    return {f"{name}.weight": np.ones(WIDTH), f"{name}.bias": np.zeros(WIDTH)}


def embed(params: dict[str, jax.Array], ids: jax.Array, mask: jax.Array) -> jax.Array:
    """The computation of the exported graph."""
    linear = lambda x, name: x @ params[f"{name}.weight"] + params[f"{name}.bias"]

    def normalise(x: jax.Array, name: str) -> jax.Array:
        x = x - x.mean(axis=-1, keepdims=True)
        x = x * jax.lax.rsqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
        return x * params[f"{name}.weight"] + params[f"{name}.bias"]

    rows, length = ids.shape
    x = linear(params["word"][ids], "widen") + params["position"][:length]
    x = normalise(x, "embedded.norm")
    bias = (1 - mask)[:, None, None, :] * -1e9
    for layer in range(LAYERS):
        name = f"layer.{layer}"
        qkv = linear(x, f"{name}.qkv").reshape(rows, length, 3, HEADS, WIDTH // HEADS).transpose(2, 0, 3, 1, 4)
        scores = qkv[0] @ qkv[1].swapaxes(-1, -2) * (WIDTH // HEADS) ** -0.5 + bias
        context = (jax.nn.softmax(scores) @ qkv[2]).swapaxes(1, 2).reshape(rows, length, WIDTH)
        x = normalise(linear(context, f"{name}.output") + x, f"{name}.attention_norm")
        inner = jax.nn.gelu(linear(x, f"{name}.inner"), approximate=False)
        x = normalise(linear(inner, f"{name}.outer") + x, f"{name}.feed_norm")
    mean = (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    vectors = linear(mean, "head")
    return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)


def loss(params: dict[str, jax.Array], ids: jax.Array, mask: jax.Array, vectors: jax.Array) -> jax.Array:
    """The distance of vectors, and of their pairwise similarities, from the teacher's."""
    ours = embed(params, ids, mask)
    apart = 1 - (ours * vectors).sum(axis=-1).mean()
    return apart + ALIKE * jnp.square(ours @ ours.T - vectors @ vectors.T).mean()


def train(ids: list[list[int]], vectors: np.ndarray, params: dict[str, jax.Array], kept) -> dict[str, jax.Array]:
    """Adam over all texts, EPOCHS times; `kept` is called with the weights of each epoch."""
    steps = EPOCHS * len(batches(ids, np.random.default_rng(SEED)))
    state = (params, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params))
    step, begun = 0, time.monotonic()
    for epoch in range(EPOCHS):
        total = 0.0
        for number, rows in enumerate(order := batches(ids, np.random.default_rng(SEED + epoch))):
            batch, mask = batch_of(ids, rows)
            state, value = adam(state, batch, mask, vectors[rows].astype(np.float32), step, steps)
            step, total = step + 1, total + float(value)
            if number % 100 == 99:
                print(f"epoch {epoch + 1}, step {number + 1} of {len(order)}, loss {total / (number + 1):.4f}", flush=True)
        cosine, seconds = held_out(state[0], ids, vectors), time.monotonic() - begun
        print(f"epoch {epoch + 1}: loss {total / len(order):.4f}, held out cosine {cosine:.4f}, {seconds:.0f} s", flush=True)
        kept(state[0])
    return state[0]


@partial(jax.jit, donate_argnums=0)
def adam(state, ids, mask, vectors, step, steps):
    params, first, second = state
    value, gradient = jax.value_and_grad(loss)(params, ids, mask, vectors)
    rate = RATE * jnp.minimum((step + 1) / WARM_UP, 0.5 * (1 + jnp.cos(jnp.pi * step / steps)))
    first = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, first, gradient)
    second = jax.tree.map(lambda old, new: 0.999 * old + 0.001 * new * new, second, gradient)
    unbiased = (1 - 0.999 ** (step + 1.0)) ** 0.5 / (1 - 0.9 ** (step + 1.0))
    move = lambda value, first, second: value - rate * unbiased * first / (jnp.sqrt(second) + 1e-8)
    return (jax.tree.map(move, params, first, second), first, second), value


def batches(ids: list[list[int]], random: np.random.Generator) -> list[np.ndarray]:
    """Rows of about equal length, full batches only, in any order."""
    lengths = np.array([len(row) for row in ids])
    lengths[:HELD_OUT] = 0
    found, least = [], 0
    for length, rows in LENGTHS.items():
        fitting = random.permutation(np.flatnonzero((lengths > least) & (lengths <= length)))
        found += [fitting[at : at + rows] for at in range(0, len(fitting) - rows + 1, rows)]
        least = length
    return [found[at] for at in random.permutation(len(found))]


def batch_of(ids: list[list[int]], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    longest = max(len(ids[row]) for row in rows)
    length = next(length for length in LENGTHS if length >= longest)
    batch = padded([ids[row] for row in rows], length)
    mask = np.arange(length)[None] < np.array([len(ids[row]) for row in rows])[:, None]
    return batch.astype(np.int32), mask.astype(np.float32)


def held_out(params: dict[str, jax.Array], ids: list[list[int]], vectors: np.ndarray) -> float:
    """The mean cosine to the teacher over the first texts, which are held out."""
    cosines = []
    for at in range(0, HELD_OUT, 64):
        rows = np.arange(at, min(at + 64, HELD_OUT))
        batch, mask = batch_of(ids, rows)
        cosines.append((forward(params, batch, mask) * vectors[rows]).sum(axis=-1))
    return float(np.concatenate(cosines).mean())


forward = jax.jit(embed)


def export(params: dict[str, jax.Array], path: Path) -> None:
    """Writes the network: words in eight bits with a scale a word, matrices in sixteen; the arithmetic is in 32."""
    weights = {name: np.asarray(value) for name, value in params.items()}
    linear = lambda x, name: graph.linear(x, name, weights[f"{name}.weight"], weights[f"{name}.bias"])
    graph = Graph(half=True)
    scale = np.maximum(np.abs(weights["word"]).max(axis=1, keepdims=True) / 127, 1e-6)
    graph.constant("word.bytes", np.rint(weights["word"] / scale).astype(np.int8))
    graph.constant("word.scale", scale.astype(np.float16))
    # Rows are chosen before they are widened to floats, so that the table stays small in memory too.
    taken = [graph.node("Gather", [name, "input_ids"], f"{name}.taken") for name in ("word.bytes", "word.scale")]
    wide = [graph.node("Cast", [name], f"{name}.wide", to=TensorProto.FLOAT) for name in taken]
    x = linear(graph.node("Mul", wide, "words"), "widen")
    x = graph.node("Add", [x, positions(graph, weights["position"])], "embedded")
    norm = weights["embedded.norm.weight"], weights["embedded.norm.bias"]
    x = encode(graph, graph.normalise(x, "embedded.norm", *norm, EPSILON), weights, Shape(LAYERS, HEADS, EPSILON))
    unit(graph, linear(pool(graph, x), "head"))
    graph.save(path, "embed", weights["head.weight"].shape[1])


HELD_OUT = 2_000


if __name__ == "__main__":
    main()
