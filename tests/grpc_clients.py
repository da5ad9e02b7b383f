"""gRPC's own clients ask a host for its health, and what its services are.

Arguments: HOST:PORT, the name of a model there, and the health that it and the host have. Ends with 77 where a package is missing.
"""

import faulthandler
import sys

try:
    import grpc
    from google.protobuf import descriptor_pool, message_factory
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection_pb2
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
except ImportError as error:
    print(f"{error}; tests/requirements.txt has it")
    sys.exit(77)

SERVICES = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "inference.GRPCInferenceService",
]


def health(channel, model, expected):
    stub = health_pb2_grpc.HealthStub(channel)
    name = health_pb2.HealthCheckResponse.ServingStatus.Name
    for service in ["", *SERVICES, model]:
        request = health_pb2.HealthCheckRequest(service=service)
        got = name(stub.Check(request, timeout=10).status)
        assert got == expected, f"Check {service!r}: {got}"
        watch = stub.Watch(request, timeout=10)
        got = name(next(watch).status)
        watch.cancel()
        assert got == expected, f"Watch {service!r}: {got}"
    for service in ["nobody", "inference.Nobody", "x" * 1000]:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            stub.Check(request, timeout=10)
            raise AssertionError(f"Check {service!r} was answered")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND, error
        watch = stub.Watch(request, timeout=10)
        got = name(next(watch).status)
        watch.cancel()
        assert got == "SERVICE_UNKNOWN", f"Watch {service!r}: {got}"


def reflection(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert sorted(database.get_services()) == SERVICES, database.get_services()
    pool = descriptor_pool.DescriptorPool(database)
    service = pool.FindServiceByName("inference.GRPCInferenceService")
    method = service.FindMethodByName("ServerLive")
    assert service.FindMethodByName("ModelInfer").input_type.full_name == "inference.ModelInferRequest"
    # As grpcurl calls what it has learnt of.
    request, response = (message_factory.GetMessageClass(of) for of in (method.input_type, method.output_type))
    call = channel.unary_unary(
        "/inference.GRPCInferenceService/ServerLive",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    assert call(request(), timeout=10).live
    # The messages of the newer version are the same on the wire.
    call = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
    ]
    listed, found = call(iter(asked), timeout=10)
    assert sorted(service.name for service in listed.list_services_response.service) == SERVICES
    assert found.file_descriptor_response.file_descriptor_proto
    nobody = reflection_pb2.ServerReflectionRequest(file_containing_symbol="inference.Nobody")
    try:
        list(call(iter([nobody]), timeout=10))
        raise AssertionError("a service was described that is not there")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error


def main(address, model, expected):
    with grpc.insecure_channel(address) as channel:
        health(channel, model, expected)
        reflection(channel)
    print(f"health of {len(SERVICES)} services and a model is {expected}, and reflection describes them")


# Neither the reflection database nor the end of a channel has a timeout of its own.
faulthandler.dump_traceback_later(120, exit=True)
main(*sys.argv[1:])
