//! Server reflection, `grpc.reflection.v1` and `v1alpha`, for clients such as `grpcurl`. It serves the descriptors of the services and names
//! no model, so it needs no key.

use tonic_reflection::pb;
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};
use tonic_reflection::server::v1alpha::{
    ServerReflection as ServerReflectionAlpha, ServerReflectionServer as ServerReflectionServerAlpha,
};
use tonic_reflection::server::{Builder, Error};

/// The descriptors of the services on this port.
const DESCRIPTORS: [&[u8]; 4] = [
    include_bytes!(concat!(env!("OUT_DIR"), "/inference.bin")),
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    pb::v1::FILE_DESCRIPTOR_SET,
    pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// The reflection service.
pub(super) fn v1() -> Result<ServerReflectionServer<impl ServerReflection>, Error> {
    builder().build_v1()
}

/// The same service under its earlier name, which many clients try first.
pub(super) fn v1alpha() -> Result<ServerReflectionServerAlpha<impl ServerReflectionAlpha>, Error> {
    builder().build_v1alpha()
}

fn builder() -> Builder<'static> {
    let of = |builder: Builder<'static>, set| builder.register_encoded_file_descriptor_set(set);
    DESCRIPTORS.into_iter().fold(Builder::configure().include_reflection_service(false), of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_the_services_can_be_read() {
        assert!(v1().is_ok() && v1alpha().is_ok());
    }
}
