"""Trains the sentiment network, exports it to ONNX and measures it.

    python3.11 -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt
    python train.py                # reviews through keras.datasets.imdb
    python train.py --data DIR     # reviews from DIR: imdb_{train,test}.jsonl.xz, imdb_word_index.json.xz
    python verify.py

A fifth of the training reviews is held out; training stops when the loss on it has not fallen for PATIENCE epochs, and the
epoch with the lowest is kept. The test reviews are loaded after that, and predicted once by Keras and once by ONNX Runtime.

Writes sentiment.onnx, words.txt and metrics.json itself; golden.json and texts.json come from conformance.py, a process
that reads those files and not the trained model. The same seed on the same machine gives the same files, but for the seconds taken.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it when imported

import argparse
import json
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import onnxruntime

import network
from reviews import Reviews, source

HERE = Path(__file__).parent
BATCH = 32
MAXIMUM_EPOCHS = 30
PATIENCE = 3  # epochs
VALIDATION_SHARE = 0.2
ONNX_TOLERANCE = 1e-5  # two float32 sums over 256 terms, in different order


def main() -> None:
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx_path, words_path = arguments.out / "sentiment.onnx", arguments.out / "words.txt"
    reviews = source(arguments.data)

    keras.utils.set_random_seed(arguments.seed)
    model = network.build()
    training = train(model, reviews.load("train"), arguments.seed)
    network.export(model, onnx_path)
    words = reviews.words()
    words_path.write_bytes("".join(f"{word}\n" for word in words).encode())

    metrics = {
        "data": reviews.name,
        "seed": arguments.seed,
        "training": training,
        "test": test(model, onnx_path, reviews.load("test")),
        "size": {
            "parameters": model.count_params(),
            "onnx_bytes": onnx_path.stat().st_size,
            "words": len(words),
            "words_bytes": words_path.stat().st_size,
        },
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("jax", "keras", "numpy", "onnx", "onnxruntime")},
    }
    text = json.dumps(metrics, indent=2)
    (arguments.out / "metrics.json").write_text(f"{text}\n")
    print(text)

    data = [] if arguments.data is None else ["--data", arguments.data]
    subprocess.run([sys.executable, HERE / "conformance.py", "--out", arguments.out, *data], check=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of raw reviews; without it, keras.datasets.imdb")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to; without it, this script's")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def train(model: keras.Model, reviews: Reviews, seed: int) -> dict:
    """Fits `model`, leaves it with the weights of the chosen epoch, and returns the figures."""
    order = np.random.default_rng(seed).permutation(len(reviews.labels))
    ids, labels = reviews.ids[order], reviews.labels[order]
    cut = round(len(labels) * (1 - VALIDATION_SHARE))
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=PATIENCE, restore_best_weights=True
    )
    start = time.perf_counter()
    history = model.fit(
        ids[:cut],
        labels[:cut],
        batch_size=BATCH,
        epochs=MAXIMUM_EPOCHS,
        validation_data=(ids[cut:], labels[cut:]),
        callbacks=[stop],
        verbose=2,
    ).history
    seconds = time.perf_counter() - start
    chosen = int(np.argmin(history["val_loss"]))
    return {
        "reviews": cut,
        "validation_reviews": len(labels) - cut,
        "batch": BATCH,
        "epochs_run": len(history["loss"]),
        "chosen_epoch": chosen + 1,
        "chosen_by": "lowest validation loss",
        "validation_loss": round(history["val_loss"][chosen], 6),
        "validation_accuracy": round(history["val_accuracy"][chosen], 6),
        "validation_loss_by_epoch": [round(loss, 6) for loss in history["val_loss"]],
        "validation_accuracy_by_epoch": [round(accuracy, 6) for accuracy in history["val_accuracy"]],
        "seconds": round(seconds, 1),
    }


def test(model: keras.Model, onnx_path: Path, reviews: Reviews) -> dict:
    """Predicts the test reviews with Keras and with the exported graph, and compares both with the labels."""
    by_keras = model.predict(reviews.ids, batch_size=512, verbose=0)[:, 0]
    session = onnxruntime.InferenceSession(onnx_path, providers=["CPUExecutionProvider"])
    by_onnx = session.run(["probability"], {"input_ids": reviews.ids})[0][:, 0]
    difference = float(np.abs(by_onnx - by_keras).max())
    assert difference <= ONNX_TOLERANCE, f"the ONNX graph differs from Keras by {difference}"

    positive = reviews.labels == 1
    right = (by_onnx > 0.5) == positive
    return {
        "reviews": len(right),
        "correct": int(right.sum()),
        "accuracy": round(float(right.mean()), 6),
        "accuracy_positive": round(float(right[positive].mean()), 6),
        "accuracy_negative": round(float(right[~positive].mean()), 6),
        "accuracy_keras": round(float(((by_keras > 0.5) == positive).mean()), 6),
        "max_onnx_minus_keras": difference,
    }


if __name__ == "__main__":
    main()
