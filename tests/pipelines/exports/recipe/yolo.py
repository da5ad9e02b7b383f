"""Exports of `object-detection` in the form of YOLO: anchors, and suppression of overlapping boxes after the network.

The networks are small convolutions of our own whose inputs, outputs and metadata have the form that ultralytics'
exporter writes. The reference for boxes is written here in NumPy.
"""

import os

import cv2
import numpy
import onnx
import onnxruntime
import torch

from . import inputs
from .export import Case, Export
from .weights import randomize

SIZE = 64
STRIDES = (8, 16, 32)
NAMES = {0: "person", 1: "bicycle", 2: "car", 3: "dog"}
THRESHOLD, OVERLAP, LIMIT = 0.25, 0.7, 300

CASES = [
    Case("one", inputs.IMAGES[:1]),
    Case("several", inputs.IMAGES),
    Case("threshold 0.6", inputs.IMAGES, {"threshold": 0.6}),
    Case("less overlap", inputs.IMAGES[:4], {"threshold": 0.4, "iou_threshold": 0.3}),
]


class TinyYolo(torch.nn.Module):
    """Three strides of one convolution each. `objectness` adds YOLOv5's fifth value, and puts anchors first."""

    def __init__(self, objectness):
        super().__init__()
        self.objectness = objectness
        self.stem = torch.nn.Conv2d(3, 8, 8, stride=8)
        self.down = torch.nn.ModuleList([torch.nn.Conv2d(8, 8, 3, stride=2, padding=1) for _ in STRIDES[1:]])
        values = 4 + int(objectness) + len(NAMES)
        self.heads = torch.nn.ModuleList([torch.nn.Conv2d(8, values, 1) for _ in STRIDES])

    def forward(self, images):
        feature, answers = torch.nn.functional.silu(self.stem(images - 0.5)), []
        for i, stride in enumerate(STRIDES):
            feature = torch.nn.functional.silu(self.down[i - 1](feature)) if i else feature
            answers.append(self._decode(self.heads[i](feature), stride))
        values = torch.cat(answers, 2)
        return values.transpose(1, 2) if self.objectness else values

    def _decode(self, values, stride):
        cells = SIZE // stride
        rows, columns = torch.meshgrid(torch.arange(cells), torch.arange(cells), indexing="ij")
        grid = torch.stack([columns, rows]).float()[None] + 0.5
        centre = (torch.tanh(values[:, 0:2]) + grid) * stride
        extent = torch.exp(0.3 * torch.tanh(values[:, 2:4])) * stride * 2 + 16
        likely = torch.sigmoid(values[:, 4:] - (0.5 if self.objectness else 3.0))
        return torch.cat([centre, extent, likely], 1).flatten(2)

    def save_pretrained(self, folder):
        os.makedirs(folder)
        torch.save(self, os.path.join(folder, "network.pt"))


def _write(name, dynamic):
    def write(export, checkpoint, folder):
        os.makedirs(folder)
        network, path = torch.load(os.path.join(checkpoint, "network.pt")).eval(), os.path.join(folder, name)
        torch.onnx.export(
            network,
            torch.zeros(1, 3, SIZE, SIZE),
            path,
            input_names=["images"],
            output_names=["output0"],
            dynamic_axes={"images": {0: "batch"}, "output0": {0: "batch"}} if dynamic else None,
            opset_version=12,
        )
        graph = onnx.load(path)
        metadata = {"stride": "32", "task": "detect", "batch": "1", "imgsz": f"[{SIZE}, {SIZE}]", "names": str(NAMES)}
        metadata |= {"description": "tiny network with random weights", "channels": "3"}
        for key, value in metadata.items():
            entry = graph.metadata_props.add()
            entry.key, entry.value = key, value
        onnx.save(graph, path)
        onnx.save(graph, os.path.join(checkpoint, "model.onnx"))

    return write


def letterbox(image):
    """Resizes RGB pixels into the square, proportions kept, and pads with grey 114; answers gain and padding."""
    height, width = image.shape[:2]
    gain = min(SIZE / height, SIZE / width)
    inner = (round(width * gain), round(height * gain))
    if inner != (width, height):
        image = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    left, top = ((SIZE - inner[0]) / 2, (SIZE - inner[1]) / 2)
    square = numpy.full((SIZE, SIZE, 3), 114, numpy.uint8)
    x, y = round(left - 0.1), round(top - 0.1)
    square[y : y + inner[1], x : x + inner[0]] = image
    return square, gain, (x, y)


def suppress(boxes, scores, classes, overlap):
    """Indices that stay, best first: a box goes if it overlaps a better one of its class by more than `overlap`."""
    order, kept = numpy.argsort(-scores, kind="stable"), []
    for index in order:
        rivals = [k for k in kept if classes[k] == classes[index]]
        if all(intersection_over_union(boxes[index], boxes[k]) <= overlap for k in rivals):
            kept.append(index)
    return kept[:LIMIT]


def intersection_over_union(a, b):
    """Of two boxes with corners `xmin, ymin, xmax, ymax`."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (_area(a) + _area(b) - shared)


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def _answer(objectness):
    def answer(checkpoint, case):
        session = onnxruntime.InferenceSession(os.path.join(checkpoint, "model.onnx"))
        return [_detect(session, image, case.parameters, objectness) for image in map(_pixels, case.inputs)]

    return answer


def _pixels(value):
    return numpy.array(inputs.load_image(inputs.path(value)))


def _detect(session, image, parameters, objectness):
    square, gain, padding = letterbox(image)
    batch = numpy.ascontiguousarray(square.transpose(2, 0, 1)[None]).astype(numpy.float32) / 255
    output = session.run(None, {"images": batch})[0][0]
    rows = output if objectness else output.T
    centre, extent = rows[:, :2], rows[:, 2:4]
    likely = rows[:, 5:] * rows[:, 4:5] if objectness else rows[:, 4:]
    classes, scores = likely.argmax(1), likely.max(1)
    boxes = numpy.concatenate([centre - extent / 2, centre + extent / 2], 1)
    some = numpy.flatnonzero(scores > parameters.get("threshold", THRESHOLD))
    kept = some[suppress(boxes[some], scores[some], classes[some], parameters.get("iou_threshold", OVERLAP))]
    limits = numpy.array([image.shape[1], image.shape[0]] * 2)
    found = ((boxes[kept] - numpy.array(padding * 2)) / gain).clip(0, limits)
    return [_prediction(NAMES[classes[i]], scores[i], box.tolist()) for i, box in zip(kept, found)]


def _prediction(label, score, box):
    corners = dict(zip(("xmin", "ymin", "xmax", "ymax"), map(int, box)))
    return {"label": label, "score": float(score), "box": corners, "box_exact": box}


def _export(name, file, objectness, dynamic):
    return Export(
        name,
        "object-detection",
        "object-detection",
        lambda: [randomize(TinyYolo(objectness), gain=3.0)],
        _answer(objectness),
        CASES,
        export=_write(file, dynamic),
        oracle="NumPy, after ONNX Runtime",
    )


EXPORTS = [
    _export("yolov8-form-object-detection", "best.onnx", objectness=False, dynamic=False),
    _export("yolov5-form-object-detection", "model.onnx", objectness=True, dynamic=True),
]
