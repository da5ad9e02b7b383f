"""Drivers call the server through one client each. A driver's modules add its cases when they are imported."""

from __future__ import annotations

import importlib

from target import Target


def load(driver: str) -> None:
    for module in DRIVERS[driver]:
        importlib.import_module(f"drivers.{module}")


def unreachable(driver: str, target: Target) -> str | None:
    """Why no case of a gRPC driver can run, if none can."""
    if "grpc" not in driver:
        return None
    import grpc  # the other drivers do not need it

    with grpc.insecure_channel(target.grpc) as channel:
        try:
            channel.unary_unary(LIVE)(b"", metadata=target.metadata_of_calls, timeout=10)
        except grpc.RpcError as error:
            none = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.DEADLINE_EXCEEDED}
            return f"{target.grpc} answers no gRPC: {error.code().name}" if error.code() in none else None
    return None


LIVE = "/inference.GRPCInferenceService/ServerLive"


DRIVERS = {
    "rest": ["rest.health", "rest.metadata", "rest.infer", "rest.tensors", "rest.binary", "rest.coding", "rest.refusals"],
    "triton-http": ["triton_http.metadata", "triton_http.tensors", "triton_http.calls"],
    "triton-grpc": ["triton_grpc.client", "triton_grpc.contents", "triton_grpc.refusals"],
    "kserve-rest": ["kserve_rest"],
    "kserve-grpc": ["kserve_grpc"],
}
