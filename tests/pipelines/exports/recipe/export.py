"""One export: its network, its files, and the cases that Python answers."""

import glob
import json
import os
import shutil
from dataclasses import dataclass, field
from typing import Callable, Optional

from optimum.exporters.onnx import main_export

from .check import TOLERANCE, compare, recorded
from .weights import seed


@dataclass(frozen=True)
class Case:
    """A request. `inputs` and `parameters` follow Hugging Face's task specification."""

    name: str
    inputs: list
    parameters: dict = field(default_factory=dict)
    note: Optional[str] = None


@dataclass(frozen=True)
class Export:
    """A folder of `exports/` and its case file.

    `build` answers the network and what else has a `save_pretrained`. `answer` takes the folder of the PyTorch
    checkpoint and a case, and answers one prediction for each input. `finish` changes the folder after the exporter.
    """

    name: str
    pipeline: str
    task: str
    build: Callable
    answer: Callable
    cases: list
    in_onnx_folder: bool = False
    publish: dict = field(default_factory=dict)
    export: Optional[Callable] = None
    finish: tuple = ()
    oracle: str = "transformers"


def write(export, root, scratch):
    """Writes the folder and the case file of one export below `root`."""
    checkpoint = os.path.join(scratch, export.name)
    folder = os.path.join(root, "exports", export.name)
    for path in (checkpoint, folder):
        shutil.rmtree(path, ignore_errors=True)
    seed(export.name)
    for part in export.build():
        part.save_pretrained(checkpoint)
    (export.export or with_optimum)(export, checkpoint, folder)
    for step in export.finish:
        step(folder)
    _name_config(export, folder)
    if export.in_onnx_folder:
        _move_into_onnx(folder)
    with recorded() as calls:
        _write_cases(export, checkpoint, os.path.join(root, "cases", f"{export.name}.json"))
    if calls:
        compare(export.name, folder, calls, export.publish.get("tolerance", TOLERANCE))


def with_optimum(export, checkpoint, folder):
    """The exporter that most folders come from."""
    main_export(checkpoint, output=folder, task=export.task, do_validation=False, no_post_process=False, device="cpu")


def _name_config(export, folder):
    """The exporter writes the checkpoint's path, which here is a temporary one."""
    path = os.path.join(folder, "config.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["_name_or_path"] = export.name
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def _move_into_onnx(folder):
    os.makedirs(os.path.join(folder, "onnx"))
    for path in glob.glob(os.path.join(folder, "*.onnx*")):
        shutil.move(path, os.path.join(folder, "onnx"))


def _write_cases(export, checkpoint, path):
    document = {"pipeline": export.pipeline, "oracle": export.oracle}
    if export.publish:
        document["publish"] = export.publish
    document["cases"] = []
    for case in export.cases:
        request = {"inputs": case.inputs}
        if case.parameters:
            request["parameters"] = case.parameters
        predictions = export.answer(checkpoint, case)
        assert len(predictions) == len(case.inputs), (export.name, case.name)
        entry = {"name": case.name, "request": request, "transformers": rounded(predictions)}
        if case.note:
            entry["note"] = case.note
        document["cases"].append(entry)
    with open(path, "w", encoding="utf-8") as file:
        file.write(_dumps(document) + "\n")


def rounded(value):
    """Numbers with 7 significant digits: single precision has no more."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    return float(f"{float(value):.7g}")


def _dumps(value, indent=0, width=110):
    """JSON with one line for what fits a line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= width or not isinstance(value, (dict, list)):
        return line
    pad = " " * (indent + 1)
    if isinstance(value, list) and all(isinstance(item, (int, float)) for item in value):
        return line
    if isinstance(value, dict):
        inner = [f"{json.dumps(k, ensure_ascii=False)}: {_dumps(v, indent + 1, width)}" for k, v in value.items()]
        return "{\n" + ",\n".join(pad + item for item in inner) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + _dumps(v, indent + 1, width) for v in value) + "\n" + " " * indent + "]"
