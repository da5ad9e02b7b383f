"""Writes the exports and their cases: `python3 -m recipe [NAME…]`, in `tests/pipelines/exports`."""

import os
import sys
import tempfile
import warnings

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import torch

from . import export, inputs, registry


def main(names):
    """Writes the named exports, or all; fails if one fails."""
    torch.set_num_threads(1)
    root = inputs.ROOT
    inputs.write()
    os.makedirs(os.path.join(root, "cases"), exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        for item in registry.EXPORTS:
            if names and item.name not in names:
                continue
            try:
                export.write(item, root, scratch)
                print(f"written  {item.name}", flush=True)
            except Exception as error:
                failed.append(item.name)
                print(f"FAILED   {item.name}: {type(error).__name__}: {str(error)[:300]}", flush=True)
                if os.environ.get("RECIPE_TRACE"):
                    raise
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
