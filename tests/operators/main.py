"""The operator cases of the package `onnx`, as far as the protocol has their types and ONNX Runtime runs them, with what it
gives for them in process. `tests/it/operators.rs` starts this and calls each case through amaas. `python main.py FOLDER` fills the
folder with

- `NAME.onnx`, the network of each case;
- `rows/NAME.VARIANT.onnx`, the same with a first dimension of any size (`rows.py`);
- `values.bin`, the values of all tensors, in the protocol's binary form;
- `cases.json`, the cases with their calls: inputs and outputs, and where in `values.bin` their values are;
- `left_out.txt`, every other case under the reason why it is left out, and `left_out_here.txt`, those that another machine may
  run.

Ends with 77 where a package is not installed, or in another version.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def missing() -> list[str]:
    """The packages of `requirements.txt` that are missing."""
    lines = (Path(__file__).parent / "requirements.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#") and not is_installed(*line.split("=="))]


def is_installed(package: str, wanted: str) -> bool:
    try:
        return version(package) == wanted
    except PackageNotFoundError:
        return False


if __name__ == "__main__":
    if wanted := missing():
        print(f"{sys.executable} does not have {', '.join(wanted)}")
        sys.exit(77)
    from cases import write

    write(Path(sys.argv[1]))
