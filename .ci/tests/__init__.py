"""Tests of the checks beside this folder: `python3 -m unittest discover -s .ci/tests -t .ci`."""

import importlib.machinery
import importlib.util
import pathlib
import sys

CI = pathlib.Path(__file__).resolve().parent.parent


def script(name):
    """The script `name` of the folder as a module: scripts have no suffix, so `import` does not find them."""
    sys.path[:0] = [] if str(CI) in sys.path else [str(CI)]
    loader = importlib.machinery.SourceFileLoader(name, str(CI / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module
