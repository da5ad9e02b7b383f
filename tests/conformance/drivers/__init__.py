"""What speaks to the server. A driver's modules add its cases when they are imported."""

from __future__ import annotations

import importlib


def load(driver: str) -> None:
    for module in DRIVERS[driver]:
        importlib.import_module(f"drivers.{module}")


DRIVERS = {
    "rest": ["rest.health", "rest.metadata", "rest.infer", "rest.tensors", "rest.binary", "rest.coding", "rest.refusals"],
    "triton-http": ["triton_http"],
    "triton-grpc": ["triton_grpc.client", "triton_grpc.contents", "triton_grpc.refusals"],
    "kserve-rest": ["kserve_rest"],
    "kserve-grpc": ["kserve_grpc"],
}
