"""Cases whose first dimension may have any size, for the proof that rows are independent (`tests/it/rows/operators.rs`)."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import ModelProto, TensorProto

from tensor import Tensor


def variants(model: ModelProto, inputs: list[Tensor]) -> Iterator[tuple[str, bytes]]:
    """Variants of the network with rows, by name: of all inputs, or of one, with the others as constants."""
    if inputs and all(tensor.shape for tensor in inputs) and len({tensor.shape[0] for tensor in inputs}) == 1:
        yield "all", with_rows(model, [], inputs)
    if len(inputs) > 1:
        for index, tensor in enumerate(inputs):
            if tensor.shape:
                yield str(index), with_rows(model, inputs[:index] + inputs[index + 1 :], [tensor])


def with_rows(model: ModelProto, constant: list[Tensor], rows: list[Tensor]) -> bytes:
    changed = ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    names = {tensor.name for tensor in rows}
    kept = [value for value in graph.input if value.name in names]
    del graph.input[:]
    graph.input.extend(kept)
    graph.initializer.extend(tensor_proto(tensor) for tensor in constant)
    graph.ClearField("value_info")
    # An initializer that is no input is from IR version 4 on.
    changed.ir_version = max(changed.ir_version, 8)
    for value in [*graph.input, *graph.output]:
        for dim in value.type.tensor_type.shape.dim[:1]:
            dim.dim_param = "rows"
    # Nothing is known of the others: they may have been sizes of rows.
    for value in graph.output:
        for dim in value.type.tensor_type.shape.dim[1:]:
            dim.Clear()
    return changed.SerializeToString()


def tensor_proto(tensor: Tensor) -> TensorProto:
    proto = TensorProto(name=tensor.name, data_type=tensor.element, dims=tensor.shape)
    if tensor.element == TensorProto.STRING:
        proto.string_data.extend(text.encode() for text in tensor.texts().flatten().tolist())
    else:
        proto.raw_data = tensor.values
    return proto
