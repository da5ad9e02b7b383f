"""Trains the small decoder on the plays of Shakespeare, from the first byte: tokenizer, weights, network.

    python train.py --data DIR     # input.txt.xz (tinyshakespeare); some minutes on two cores

Writes tokenizer.json, generate.json, generate.onnx and metrics.json, then has conformance.py write what others are held to.
The last tenth of the text is held out: nothing learns from it, the tokenizer neither.
"""

import argparse
import json
import lzma
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import conformance
from network import Shape, build, rotation

HERE = Path(__file__).parent
SEED = 0
VOCABULARY, CONTEXT = 512, 256
WIDTH, INNER = 128, 352
SHAPE = Shape(layers=4, heads=4, kv_heads=2, size=32, epsilon=1e-5)
ROWS, STEPS, RATE, WARM_UP, DECAY = 16, 1000, 3e-3, 60, 0.1
BEGIN = "<|begin|>"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    text = lzma.decompress((arguments.data / "input.txt.xz").read_bytes()).decode()
    learned, held_out = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]
    tokenizer = words(learned)
    tokenizer.save(str(arguments.out / "tokenizer.json"))
    begin = tokenizer.token_to_id(BEGIN)
    (arguments.out / "generate.json").write_text(json.dumps({"context": CONTEXT, "ends": [begin]}) + "\n")
    begun = time.monotonic()
    params = train(tokenizer, learned, arguments.steps)
    seconds = time.monotonic() - begun
    weights = {name: np.asarray(value) for name, value in params.items()}
    build(weights, SHAPE, CONTEXT, arguments.out / "generate.onnx")
    metrics = {
        "seed": SEED,
        "steps": arguments.steps,
        "tokens_seen": arguments.steps * ROWS * CONTEXT,
        "seconds": round(seconds),
        "parameters": sum(value.size for value in weights.values()),
        "onnx_bytes": (arguments.out / "generate.onnx").stat().st_size,
    }
    conformance.main(arguments.out, held_out, metrics)


def words(text: str) -> Tokenizer:
    """Byte pair encoding: adjacent pairs, merged by frequency."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[BEGIN], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([text], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]
    )
    return tokenizer


def start() -> dict[str, jax.Array]:
    random = np.random.default_rng(SEED)
    query, kept = SHAPE.heads * SHAPE.size, SHAPE.kv_heads * SHAPE.size
    sizes = {"query": (WIDTH, query), "key": (WIDTH, kept), "value": (WIDTH, kept), "output": (query, WIDTH)}
    sizes |= {"gate": (WIDTH, INNER), "up": (WIDTH, INNER), "down": (INNER, WIDTH)}
    params = {"token": random.normal(0, 0.05, (VOCABULARY, WIDTH)), "final_norm": np.ones(WIDTH)}
    for layer in range(SHAPE.layers):
        for at, (rows, columns) in sizes.items():
            shrink = (2 * SHAPE.layers) ** -0.5 if at in ("output", "down") else 1.0
            params[f"layer.{layer}.{at}"] = random.normal(0, shrink * rows**-0.5, (rows, columns))
        params |= {f"layer.{layer}.{at}": np.ones(WIDTH) for at in ("attention_norm", "feed_norm")}
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def decode(params: dict[str, jax.Array], ids: jax.Array) -> jax.Array:
    """The computation of the exported graph with an empty KV cache."""
    rows, length = ids.shape
    cos, sin = (table[:length] for table in rotation(CONTEXT, SHAPE.size))
    seen = jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0, -1e9)

    def normalise(x: jax.Array, weight: jax.Array) -> jax.Array:
        return x * jax.lax.rsqrt((x * x).mean(axis=-1, keepdims=True) + SHAPE.epsilon) * weight

    def heads(x: jax.Array, count: int) -> jax.Array:
        return x.reshape(rows, length, count, SHAPE.size).swapaxes(1, 2)

    def rotate(x: jax.Array) -> jax.Array:
        first, second = jnp.split(x, 2, axis=-1)
        return jnp.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)

    x = params["token"][ids]
    for layer in range(SHAPE.layers):
        at = lambda name: params[f"layer.{layer}.{name}"]
        hidden = normalise(x, at("attention_norm"))
        query = rotate(heads(hidden @ at("query"), SHAPE.heads))
        key, value = rotate(heads(hidden @ at("key"), SHAPE.kv_heads)), heads(hidden @ at("value"), SHAPE.kv_heads)
        key, value = (jnp.repeat(x, SHAPE.heads // SHAPE.kv_heads, axis=1) for x in (key, value))
        attention = jax.nn.softmax(query @ key.swapaxes(-1, -2) * SHAPE.size**-0.5 + seen)
        x = x + (attention @ value).swapaxes(1, 2).reshape(rows, length, -1) @ at("output")
        hidden = normalise(x, at("feed_norm"))
        x = x + (jax.nn.silu(hidden @ at("gate")) * (hidden @ at("up"))) @ at("down")
    return normalise(x, params["final_norm"]) @ params["token"].T


def loss(params: dict[str, jax.Array], rows: jax.Array) -> jax.Array:
    chances = jax.nn.log_softmax(decode(params, rows[:, :-1]))
    return -jnp.take_along_axis(chances, rows[:, 1:, None], axis=-1).mean()


@partial(jax.jit, donate_argnums=0)
def adam(state, rows, step, steps):
    params, first, second = state
    value, gradient = jax.value_and_grad(loss)(params, rows)
    norm = jnp.sqrt(sum(jnp.square(part).sum() for part in gradient.values()))
    gradient = jax.tree.map(lambda part: part * jnp.minimum(1, 1 / norm), gradient)
    rate = RATE * jnp.minimum((step + 1) / WARM_UP, 0.05 + 0.475 * (1 + jnp.cos(jnp.pi * step / steps)))
    first = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, first, gradient)
    second = jax.tree.map(lambda old, new: 0.98 * old + 0.02 * new * new, second, gradient)
    unbiased = (1 - 0.98 ** (step + 1.0)) ** 0.5 / (1 - 0.9 ** (step + 1.0))

    def move(value: jax.Array, first: jax.Array, second: jax.Array) -> jax.Array:
        kept = value * (1 - rate * DECAY) if value.ndim > 1 else value
        return kept - rate * unbiased * first / (jnp.sqrt(second) + 1e-9)

    return (jax.tree.map(move, params, first, second), first, second), value


def train(tokenizer: Tokenizer, text: str, steps: int) -> dict[str, jax.Array]:
    """Every row begins with the begin token, at the beginning of a speech."""
    speeches = [tokenizer.encode(speech + "\n\n", add_special_tokens=False).ids for speech in text.split("\n\n")]
    begins = np.cumsum([0] + [len(speech) for speech in speeches])
    ids = np.array([token for speech in speeches for token in speech], np.int32)
    begins = begins[begins < len(ids) - CONTEXT]
    begin = tokenizer.token_to_id(BEGIN)
    print(f"{len(text)} characters, {len(ids)} tokens, {len(begins)} speeches", flush=True)
    random, params = np.random.default_rng(SEED), start()
    state = (params, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params))
    begun, total = time.monotonic(), 0.0
    for step in range(steps):
        rows = ids[random.choice(begins, ROWS)[:, None] + np.arange(CONTEXT)]
        rows = np.concatenate([np.full((ROWS, 1), begin, np.int32), rows], axis=1)
        state, value = adam(state, rows, step, steps)
        total += float(value)
        if step % 50 == 49:
            print(f"step {step + 1} of {steps}, loss {total / 50:.4f}, {time.monotonic() - begun:.0f} s", flush=True)
            total = 0.0
    return state[0]


if __name__ == "__main__":
    main()
