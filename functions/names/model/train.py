"""Trains the names network, exports it to ONNX and measures it.

    python3.11 -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt
    python train.py --data DIR --tune    # tries weights on the validation names; writes nothing
    python train.py --data DIR
    python verify.py

DIR holds a file of names for each language. Rare languages count for more: a name weighs (1 / share of its language) to
the power POWER. POWER and EPOCHS were chosen with --tune, which trains on the training names and looks at the validation
names only. The shipped network is trained on both, and sees the test names once.

Writes names.onnx, languages.txt and metrics.json itself; golden.json and names.json come from conformance.py, a process
that reads those files and not the trained model.
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
import surnames
from surnames import Surnames

HERE = Path(__file__).parent
BATCH = 64
EPOCHS = 16
POWER = 0.5
TRIED_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
ONNX_TOLERANCE = 1e-5  # two float32 implementations of the same LSTM


def main() -> None:
    arguments = parse_arguments()
    languages, training, validation, test = surnames.load(arguments.data)
    if arguments.tune:
        tune(languages, training, validation, arguments.seed)
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx_path = arguments.out / "names.onnx"
    start = time.perf_counter()
    model = train(languages, training + validation, POWER, arguments.seed)
    seconds = time.perf_counter() - start
    network.export(model, len(languages), onnx_path)
    (arguments.out / "languages.txt").write_text("".join(f"{language}\n" for language in languages))

    metrics = {
        "seed": arguments.seed,
        "names": {"training": len(training.names), "validation": len(validation.names), "test": len(test.names)},
        "epochs": EPOCHS,
        "weight_power": POWER,
        "training_seconds": round(seconds, 1),
        "test": judge(model, onnx_path, languages, test),
        "size": {"parameters": model.count_params(), "onnx_bytes": onnx_path.stat().st_size},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("jax", "keras", "numpy", "onnx", "onnxruntime")},
    }
    text = json.dumps(metrics, indent=2)
    (arguments.out / "metrics.json").write_text(f"{text}\n")
    print(text)
    subprocess.run([sys.executable, HERE / "conformance.py", "--out", arguments.out], check=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with a file of names for each language")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to; without it, this script's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tune", action="store_true", help="try class weights on the validation names")
    return parser.parse_args()


def tune(languages: list[str], training: Surnames, validation: Surnames, seed: int) -> None:
    for power in TRIED_POWERS:
        model = train(languages, training, power, seed)
        figures = scores(model.predict(characters(validation), batch_size=512, verbose=0), validation.labels)
        print(f"power {power}:", " ".join(f"{name} {value:.3f}" for name, value in figures.items()), flush=True)


def train(languages: list[str], names: Surnames, power: float, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = network.build(len(languages), EPOCHS * -(-len(names.names) // BATCH))
    weights = np.bincount(names.labels, minlength=len(languages)).astype(np.float64) ** -power
    weights = weights[names.labels] / weights[names.labels].mean()
    targets = np.eye(len(languages), dtype=np.float32)[names.labels]
    model.fit(characters(names), targets, sample_weight=weights, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def characters(names: Surnames) -> np.ndarray:
    """The ids up to the longest name, since Keras' time is that of the padding."""
    ids, lengths = names.encoded()
    return ids[:, : lengths.max()].astype(np.int32)


def judge(model: keras.Model, onnx_path: Path, languages: list[str], test: Surnames) -> dict:
    """Predicts the test names with Keras and with the exported graph."""
    by_keras = model.predict(characters(test), batch_size=512, verbose=0)
    session = onnxruntime.InferenceSession(onnx_path, providers=["CPUExecutionProvider"])
    ids, lengths = test.encoded()
    by_onnx = session.run(["probabilities"], {"input_ids": ids, "lengths": lengths})[0]
    difference = float(np.abs(by_onnx - by_keras).max())
    assert difference <= ONNX_TOLERANCE, f"the ONNX graph differs from Keras by {difference}"
    judged = by_onnx.argmax(1)
    recalls = {name: recall(judged, test.labels, label) for label, name in enumerate(languages)}
    return (
        {name: round(value, 6) for name, value in scores(by_onnx, test.labels).items()}
        | {"majority_class": round(float(np.bincount(test.labels).max() / len(test.labels)), 6)}
        | {"max_onnx_minus_keras": difference, "recall": {name: round(value, 4) for name, value in recalls.items()}}
    )


def scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    order = np.argsort(-probabilities, axis=1, kind="stable")
    recalls = [recall(order[:, 0], labels, label) for label in range(probabilities.shape[1])]
    return {
        "accuracy": float((order[:, 0] == labels).mean()),
        "top3": float((order[:, :3] == labels[:, np.newaxis]).any(axis=1).mean()),
        "top5": float((order[:, :5] == labels[:, np.newaxis]).any(axis=1).mean()),
        "balanced_accuracy": float(np.mean(recalls)),
    }


def recall(judged: np.ndarray, labels: np.ndarray, label: int) -> float:
    return float((judged[labels == label] == label).mean())


if __name__ == "__main__":
    main()
