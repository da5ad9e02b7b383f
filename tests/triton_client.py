"""Drives a function with Triton's own HTTP client. `tests/it/oip/judge.rs` starts it, with two functions in the environment:
`identity` has an input for each datatype and gives each back as `OUT_…`, `scalar` adds 1 to one number without dimensions.
Ends with 77 where a package is not installed.
"""

import itertools
import os
import sys
from importlib.metadata import version

try:
    import numpy as np
    import tritonclient.http as triton
    from tritonclient.utils import InferenceServerException
except ImportError as error:
    print(f"{sys.executable} has no package that this needs: {error}")
    sys.exit(77)

TYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}
CODINGS = [None, "gzip", "deflate"]


def key() -> dict:
    """New for each call: the client puts the codings of one call into the headers that it was given."""
    return {"Authorization": f"Bearer {os.environ['AMAAS_KEY']}"}


def values(name: str, rows: int) -> np.ndarray:
    """`rows` × 4 values, the outermost among them."""
    kind = TYPES[name]
    if name == "BYTES":
        row = np.array(["", "a", "Größe 🎬", 'a\tb\n"\\'], dtype=np.object_)
    elif name == "BOOL":
        row = np.array([True, False, False, True])
    else:
        span = np.finfo(kind) if np.issubdtype(kind, np.floating) else np.iinfo(kind)
        row = np.array([span.min, 0, 1, span.max], dtype=kind)
    return np.tile(row, (rows, 1))


def inputs(rows: int, binary: bool) -> list:
    return [tensor(name, values(name, rows), binary) for name in TYPES]


def tensor(name: str, array: np.ndarray, binary: bool = True, datatype: str | None = None) -> triton.InferInput:
    made = triton.InferInput(name, list(array.shape), datatype or name)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def same(got: np.ndarray, expected: np.ndarray) -> bool:
    if expected.dtype == np.object_:
        texts = [text.decode() if isinstance(text, bytes) else text for text in got.flatten()]
        return texts == list(expected.flatten()) and got.shape == expected.shape
    return got.dtype == expected.dtype and got.shape == expected.shape and got.tobytes() == expected.tobytes()


def check(result: triton.InferResult, rows: int) -> None:
    for name in TYPES:
        got = result.as_numpy(f"OUT_{name}")
        assert same(got, values(name, rows)), (name, got)


def main() -> None:
    client = triton.InferenceServerClient(os.environ["AMAAS_IDENTITY"], concurrency=8, network_timeout=120)
    scalar = triton.InferenceServerClient(os.environ["AMAAS_SCALAR"])
    with client, scalar:
        health(client)
        described(client, scalar)
        count = inference(client)
        count += several(client)
        edges(client, scalar)
        refusals(client, scalar)
        repository(client)
        counted(client, count)
    print(f"tritonclient {version('tritonclient')}: {count} calls of {len(TYPES)} datatypes as expected")


def health(client) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("identity") and client.is_model_ready("identity", "1")
    assert not client.is_model_ready("identity", "2") and not client.is_model_ready("nobody")


def described(client, scalar) -> None:
    server = client.get_server_metadata(key())
    assert server["name"] == "amaas" and "binary_tensor_data" in server["extensions"], server
    for version in ["", "1"]:
        model = client.get_model_metadata("identity", version, headers=key())
        expected = [{"name": name, "datatype": name, "shape": [-1, -1]} for name in TYPES]
        assert model["inputs"] == expected and model["versions"] == ["1"], model
        config = client.get_model_config("identity", version, headers=key())
        assert config["name"] == "identity" and config["backend"] == "onnxruntime" and config["max_batch_size"] > 1, config
        types = [f"TYPE_{name}" if name != "BYTES" else "TYPE_STRING" for name in TYPES]
        assert [entry["data_type"] for entry in config["input"]] == types, config
        assert all(entry["dims"] == [-1] for entry in config["input"] + config["output"]), config
    config = scalar.get_model_config("scalar", headers=key())
    (given,) = config["input"]
    assert config["max_batch_size"] == 0 and given["dims"] == [1] and given["reshape"] == {"shape": []}, config


def inference(client) -> int:
    count = 0
    for given, wanted, request, response in itertools.product([True, False], [True, False], CODINGS, CODINGS):
        outputs = [triton.InferRequestedOutput(f"OUT_{name}", binary_data=wanted) for name in TYPES]
        result = client.infer(
            "identity", inputs(40, given), outputs=outputs, request_id=f"call {count}", model_version=["", "1"][count % 2],
            headers=key(), request_compression_algorithm=request, response_compression_algorithm=response,
        )
        check(result, 40)
        answer = result.get_response()
        assert (answer["id"], answer["model_name"], answer["model_version"]) == (f"call {count}", "identity", "1"), answer
        assert [output["name"] for output in answer["outputs"]] == [f"OUT_{name}" for name in TYPES]
        assert all(("data" in output) != wanted for output in answer["outputs"]), "in the form that was asked for"
        count += 1
    return count


def several(client) -> int:
    under_way = [client.async_infer("identity", inputs(rows, True), headers=key()) for rows in range(1, 17)]
    for rows, call in enumerate(under_way, 1):
        check(call.get_result(), rows)
    return len(under_way)


def edges(client, scalar) -> None:
    for binary in [True, False]:
        result = scalar.infer("scalar", [tensor("x", np.array(41, np.float32), binary, "FP32")], headers=key())
        assert same(result.as_numpy("y"), np.array(42, np.float32)), result.get_response()
        outputs = [triton.InferRequestedOutput("OUT_FP32"), triton.InferRequestedOutput("OUT_BYTES", binary_data=False)]
        empty = [tensor(name, values(name, 0), binary) for name in TYPES]
        result = client.infer("identity", empty, outputs=outputs, headers=key())
        assert [output["name"] for output in result.get_response()["outputs"]] == ["OUT_FP32", "OUT_BYTES"]
        assert result.as_numpy("OUT_FP32").shape == result.as_numpy("OUT_BYTES").shape == (0, 4)
    odd = np.array([[np.nan, np.inf, -np.inf, -0.0]], np.float32)
    given = [tensor(name, odd if name == "FP32" else values(name, 1)) for name in TYPES]
    assert same(client.infer("identity", given, headers=key()).as_numpy("OUT_FP32"), odd), "bytes are not judged"


def refusals(client, scalar) -> None:
    one = np.zeros((1, 4), np.float32)
    asked = [triton.InferRequestedOutput("OUT_FP32", class_count=3)]
    for status, says, call in [
        ("400", "unknown input \"other\"", lambda: client.infer("identity", [tensor("other", one, datatype="FP32")], headers=key())),
        ("400", "is missing; the model takes", lambda: client.infer("identity", [tensor("FP32", one)], headers=key())),
        ("400", "expected shape []", lambda: scalar.infer("scalar", [tensor("x", one, datatype="FP32")], headers=key())),
        ("400", "`classification` is not taken", lambda: client.infer("identity", inputs(1, True), outputs=asked, headers=key())),
        ("404", "unknown model", lambda: client.infer("nobody", [tensor("FP32", one)], headers=key())),
        ("404", "no version", lambda: scalar.infer("scalar", [tensor("x", one, datatype="FP32")], model_version="9", headers=key())),
        ("401", "no API key", lambda: scalar.infer("scalar", [tensor("x", one, datatype="FP32")])),
        ("401", "no API key", lambda: client.get_model_config("identity")),
        ("401", "no API key", lambda: client.get_inference_statistics()),
    ]:
        refused(status, says, call)


def repository(client) -> None:
    index = client.get_model_repository_index(key())
    assert index == [{"name": "identity", "version": "1", "state": "READY", "reason": ""}], index
    refused("403", "not loaded or unloaded by calls", lambda: client.load_model("identity", headers=key()))
    refused("403", "not loaded or unloaded by calls", lambda: client.unload_model("identity", headers=key()))
    refused("401", "no API key", lambda: client.unload_model("identity"))


def counted(client, count: int) -> None:
    every = client.get_inference_statistics(headers=key())["model_stats"]
    assert [model["name"] for model in every] == ["identity"], every
    for version in ["", "1"]:
        (stats,) = client.get_inference_statistics("identity", version, headers=key())["model_stats"]
        # Beyond those that were counted here: two of no rows, and one with odd values.
        assert stats["inference_stats"]["success"]["count"] == count + 3, (stats, count)
        assert 0 < stats["execution_count"] <= count + 3 and stats["last_inference"] > 1_700_000_000_000, stats


def refused(status: str, says: str, call) -> None:
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == status and says in error.message(), (error.status(), error.message())
    else:
        raise AssertionError(f"expected {status}, {says}")


if __name__ == "__main__":
    main()
