"""Trains the digits network, exports it to ONNX and measures it.

    python3.11 -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt
    python train.py --data FILE    # mnist.npz: x_train, y_train, x_test, y_test
    python verify.py

The last 5,000 training images are held out and only looked at. Each epoch sees each other image once, turned, stretched
and moved a little. The test images are predicted once by Keras and once by ONNX Runtime, behind everything else.

Writes digits.onnx and metrics.json itself; golden.json and images.json come from conformance.py, a process that reads the
network and not the trained model.
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

HERE = Path(__file__).parent
BATCH = 128
EPOCHS = 10
HELD_OUT = 5_000
ONNX_TOLERANCE = 1e-5  # two float32 implementations of the same convolutions


class Varied(keras.utils.PyDataset):
    """The images in batches, each epoch in another order, each image turned, stretched and moved a little."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, seed: int) -> None:
        super().__init__()
        self.pixels, self.labels = pixels, labels
        self.random = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.labels) // BATCH)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[index * BATCH : (index + 1) * BATCH]
        return varied(self.pixels[chosen], self.random), self.labels[chosen]

    def on_epoch_end(self) -> None:
        self.order = self.random.permutation(len(self.labels))


def varied(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Up to 10 degrees, a tenth in size and slant, and two pixels each way; bilinear."""
    count, side = len(pixels), network.SIDE
    turn = random.uniform(-0.17, 0.17, count)
    across, down = random.uniform(0.9, 1.1, (2, count))
    slant = random.uniform(-0.1, 0.1, count)
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.stack([cos * down, slant - sin, sin, cos * across], -1).reshape(count, 2, 2)
    middle = (side - 1) / 2
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij")).reshape(2, -1) - middle
    places = matrix @ grid + middle + random.uniform(-2, 2, (count, 2, 1))
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)))  # outside is black
    places = np.clip(places + 1, 0, side + 0.999)
    row, column = places.astype(np.int64).transpose(1, 0, 2)
    below, right = (places % 1).transpose(1, 0, 2)
    image = np.arange(count)[:, np.newaxis]
    upper = padded[image, row, column] * (1 - right) + padded[image, row, column + 1] * right
    lower = padded[image, row + 1, column] * (1 - right) + padded[image, row + 1, column + 1] * right
    return (upper * (1 - below) + lower * below).reshape(count, side, side, 1).astype(np.float32) / 255


def main() -> None:
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx_path = arguments.out / "digits.onnx"
    data = np.load(arguments.data)
    pixels, labels = data["x_train"].reshape(-1, network.SIDE, network.SIDE), data["y_train"].astype(np.int64)

    keras.utils.set_random_seed(arguments.seed)
    training = Varied(pixels[:-HELD_OUT], labels[:-HELD_OUT], arguments.seed)
    model = network.build(EPOCHS * len(training))
    held_out = (scaled(pixels[-HELD_OUT:]), labels[-HELD_OUT:])
    start = time.perf_counter()
    history = model.fit(training, epochs=EPOCHS, validation_data=held_out, verbose=2).history
    seconds = time.perf_counter() - start
    network.export(model, onnx_path)

    metrics = {
        "seed": arguments.seed,
        "images": {"training": len(training.labels), "held_out": HELD_OUT},
        "epochs": EPOCHS,
        "held_out_accuracy_by_epoch": [round(accuracy, 6) for accuracy in history["val_accuracy"]],
        "training_seconds": round(seconds, 1),
        "test": test(model, onnx_path, data["x_test"], data["y_test"].astype(np.int64)),
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
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to; without it, this script's")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def scaled(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(-1, network.SIDE, network.SIDE, 1).astype(np.float32) / 255


def test(model: keras.Model, onnx_path: Path, pixels: np.ndarray, labels: np.ndarray) -> dict:
    """Predicts the test images with Keras and with the exported graph, and compares both with the labels."""
    by_keras = model.predict(scaled(pixels), batch_size=512, verbose=0)
    session = onnxruntime.InferenceSession(onnx_path, providers=["CPUExecutionProvider"])
    bytes_ = np.ascontiguousarray(pixels.reshape(-1, network.SIDE, network.SIDE), np.uint8)
    by_onnx = np.concatenate([session.run(None, {"pixels": part})[0] for part in np.array_split(bytes_, 20)])
    difference = float(np.abs(by_onnx - by_keras).max())
    assert difference <= ONNX_TOLERANCE, f"the ONNX graph differs from Keras by {difference}"
    right = by_onnx.argmax(1) == labels
    return {
        "images": len(labels),
        "correct": int(right.sum()),
        "accuracy": round(float(right.mean()), 6),
        "accuracy_by_digit": [round(float(right[labels == digit].mean()), 4) for digit in range(network.DIGITS)],
        "max_onnx_minus_keras": difference,
    }


if __name__ == "__main__":
    main()
