//! Server reflection, `grpc.reflection.v1` and `v1alpha`, for clients such as `grpcurl`: what the services are, from the files that they were
//! made of. It names no model, so it needs no key.

use tonic_reflection::pb;
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};
use tonic_reflection::server::v1alpha::{
    ServerReflection as ServerReflectionAlpha, ServerReflectionServer as ServerReflectionServerAlpha,
};
use tonic_reflection::server::{Builder, Error};

/// What describes the services on this port.
const DESCRIBED: [&[u8]; 4] = [
    include_bytes!(concat!(env!("OUT_DIR"), "/inference.bin")),
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    pb::v1::FILE_DESCRIPTOR_SET,
    pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// The service.
pub(super) fn v1() -> Result<ServerReflectionServer<impl ServerReflection>, Error> {
    builder().build_v1()
}

/// The same under the name that it had before, which many clients still ask for first.
pub(super) fn v1alpha() -> Result<ServerReflectionServerAlpha<impl ServerReflectionAlpha>, Error> {
    builder().build_v1alpha()
}

fn builder() -> Builder<'static> {
    let of = |builder: Builder<'static>, set| builder.register_encoded_file_descriptor_set(set);
    DESCRIBED.into_iter().fold(Builder::configure().include_reflection_service(false), of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_the_services_can_be_read() {
        assert!(v1().is_ok() && v1alpha().is_ok());
    }
}
