//! Converts errors to gRPC statuses.

use std::sync::Arc;

use http::HeaderValue;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::error::Error;

impl From<Error> for Status {
    /// The status, with the error as its source, for the log.
    fn from(error: Error) -> Self {
        let mut headers = http::HeaderMap::new();
        if let Some(wait) = error.retry_after() {
            // gRFC A6: how long a client waits before an automatic retry.
            headers.insert("grpc-retry-pushback-ms", HeaderValue::from(wait.as_secs() * 1000));
        }
        let metadata = MetadataMap::from_headers(headers);
        let mut status = Self::with_metadata(code(&error), error.to_string(), metadata);
        status.set_source(Arc::new(error));
        status
    }
}

/// The gRPC code for the HTTP status of `error`, by the mapping of HTTP statuses to gRPC codes.
fn code(error: &Error) -> Code {
    match error.status().as_u16() {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 => Code::Unimplemented,
        408 => Code::DeadlineExceeded,
        413 | 429 => Code::ResourceExhausted,
        400..500 => Code::InvalidArgument,
        503 => Code::Unavailable,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use amaas_access::AccessError;
    use amaas_engine::RunError;
    use amaas_model::ModelError;

    use super::*;
    use crate::error::{CapacityError, RouteError};

    #[test]
    fn errors_have_the_codes_that_clients_act_on() {
        for (error, code, pushback) in [
            (Error::invalid("x".to_owned()), Code::InvalidArgument, None),
            (Error::Model(ModelError::UnknownModel { model: "m".to_owned() }), Code::NotFound, None),
            (Error::Access(AccessError::KeyMissing), Code::Unauthenticated, None),
            (Error::Route(RouteError::Repository), Code::PermissionDenied, None),
            (Error::Run(RunError::QueueFull), Code::Unavailable, Some("1000")),
            (
                Error::Capacity(CapacityError::TenantBusy { limit: "1".to_owned() }),
                Code::ResourceExhausted,
                Some("1000"),
            ),
            (Error::internal("secret"), Code::Internal, None),
        ] {
            let status = Status::from(error.clone());
            assert_eq!((status.code(), status.message()), (code, &*error.to_string()));
            let told = status.metadata().get("grpc-retry-pushback-ms").map(|value| value.to_str().expect("digits"));
            assert_eq!(told, pushback);
            let source = std::error::Error::source(&status).and_then(|source| source.downcast_ref::<Error>());
            assert_eq!(source.map(Error::slug), Some(error.slug()));
        }
    }
}
