//! Sends the SHA-256 of each body in a header.
//!
//! With origin access control, `CloudFront` signs requests to a Function URL. It does not read bodies, and Lambda refuses a body
//! that the signature does not cover. So the client sends the hash of the body; for a sealed call, of the sealed body.

use amaas_wire::Digest;
use amaas_wire::hex;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};

use crate::spawn::spawn_if_large;
use crate::transport::{OutgoingRequest, Transport, TransportFuture};

/// A transport that adds the hash of the body to requests with a body.
pub(crate) struct ContentHashTransport<T>(pub(crate) T);

impl<T: Transport> Transport for ContentHashTransport<T> {
    fn send(&self, mut request: OutgoingRequest) -> TransportFuture<'_> {
        Box::pin(async move {
            if request.method != Method::GET {
                let body = request.body.clone();
                let digest = spawn_if_large(body.len(), move || Digest::of(&body)).await;
                if let Ok(digits) = HeaderValue::from_str(&hex::encode(digest.as_bytes())) {
                    request.headers.insert(CONTENT_HASH, digits);
                }
            }
            self.0.send(request).await
        })
    }
}

const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::transport::ReceivedResponse;

    /// Answers with the body and the headers of the request.
    struct Mirror;

    impl Transport for Mirror {
        fn send(&self, OutgoingRequest { headers, body, .. }: OutgoingRequest) -> TransportFuture<'_> {
            Box::pin(async move { Ok(ReceivedResponse { status: 200, headers, body }) })
        }
    }

    #[tokio::test]
    async fn the_hash_is_of_the_body_that_goes_out() {
        let million = Bytes::from(vec![b'a'; 1_000_000]);
        // FIPS 180-2, B.1 and B.3.
        for (method, body, expected) in [
            (
                Method::POST,
                Bytes::from("abc"),
                Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ),
            (Method::POST, million, Some("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")),
            (Method::GET, Bytes::new(), None),
        ] {
            let url = "https://models.example.com/v1/models".parse().expect("a URL");
            let request =
                OutgoingRequest { method, url, base: 0, headers: HeaderMap::new(), body: body.clone(), limit: 0 };
            let received = ContentHashTransport(Mirror).send(request).await.expect("it is mirrored");
            assert_eq!(received.headers.get(CONTENT_HASH).and_then(|hash| hash.to_str().ok()), expected);
            assert_eq!(received.body, body);
        }
    }
}
