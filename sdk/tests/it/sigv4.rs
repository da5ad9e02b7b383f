//! Requests that are signed for AWS IAM. `tests/it/identity.rs` of the workspace has another implementation judge the signatures.

use std::fmt::Write as _;

use amaas::sigv4::{Credentials, ProvideCredentials};
use amaas::testing::{RecordedRequest, TestServer};
use amaas::{Client, ClientBuilder, ErrorKind, Sealing, SigV4};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Future;

use crate::Result;

const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "SESSIONTOKENEXAMPLE";

fn signing() -> SigV4 {
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, Some(TOKEN.to_owned()), None, "test");
    SigV4::new("eu-central-1", "lambda").credentials(credentials)
}

/// A client without any other credentials.
fn without_key(server: &TestServer) -> ClientBuilder {
    Client::builder().endpoint(server.url()).sigv4(signing())
}

/// Whether it is signed, and what is signed of it.
fn signed_headers(request: &RecordedRequest) -> Option<Vec<&str>> {
    let parts = request.outer_header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")?;
    let (scope, rest) = parts.split_once(", SignedHeaders=")?;
    let (headers, signature) = rest.split_once(", Signature=")?;
    let date = request.outer_header("x-amz-date")?.split_once('T')?.0;
    assert_eq!(scope, format!("{date}/eu-central-1/lambda/aws4_request"));
    assert_eq!((signature.len(), request.outer_header("x-amz-security-token")), (64, Some(TOKEN)));
    Some(headers.split(';').collect())
}

#[tokio::test]
async fn all_that_goes_out_is_signed_outside_the_seal() -> Result {
    let server = TestServer::start().await?;
    server.problem(503, "queue-full", "full").retry_after(0).predict("m", [1]);
    let client = without_key(&server).signers([server.signer()]).build()?;
    client.model("m").predict::<u8>("x").await?;

    let (calls, keys) = (server.requests(), server.key_requests());
    assert_eq!((calls.len(), keys.len()), (2, 2), "two attempts; the list and its manifest");
    for request in calls.iter().chain(&keys) {
        let headers = signed_headers(request).ok_or("it is not signed")?;
        for header in ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"] {
            assert!(headers.contains(&header), "{header}: {headers:?}");
        }
    }
    for call in &calls {
        assert!(call.is_sealed());
        assert_eq!(call.header("authorization"), None, "IAM is all the identity that there is");
        assert_eq!(call.header("x-amz-date"), None, "what is inside is as it is without signatures");
    }
    let signature = |call: &RecordedRequest| call.outer_header("authorization").map(str::to_owned);
    assert_ne!(signature(&calls[0]), signature(&calls[1]), "each attempt is signed anew");
    Ok(())
}

#[tokio::test]
async fn a_key_is_inside_the_seal_or_in_its_own_header() -> Result {
    let server = TestServer::start().await?;
    let key = server.api_key().expose();
    for (sealing, inside, outside) in [
        (Sealing::Required, ("authorization", format!("Bearer {key}")), None),
        (Sealing::Off, ("x-api-key", key.to_owned()), Some(key)),
    ] {
        server.predict("m", [1]);
        let client = without_key(&server).api_key(key).sealing(sealing).build()?;
        client.model("m").predict::<u8>("x").await?;
        let call = server.requests().pop().ok_or("a call")?;
        let headers = signed_headers(&call).ok_or("it is not signed")?;
        assert!(!headers.contains(&"x-api-key"), "a signature is no place for secrets: {headers:?}");
        assert_eq!(call.header(inside.0), Some(&*inside.1));
        assert_eq!(call.outer_header("x-api-key"), outside);
    }
    Ok(())
}

#[tokio::test]
async fn no_text_shows_a_secret() -> Result {
    let server = TestServer::start().await?;
    let builder = without_key(&server).api_key(server.api_key());
    let mut text = format!("{:?} {builder:?}", signing());
    let client = builder.build()?;
    server.predict("m", [1]);
    client.model("m").predict::<u8>("x").await?;
    write!(text, "{client:?} {:?} {:?}", server.requests(), server.key_requests())?;
    for secret in [SECRET, TOKEN, &server.api_key().expose()["amaas_test_".len()..]] {
        assert!(!text.contains(secret), "{text}");
    }
    Ok(())
}

#[derive(Debug)]
struct Broken;

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> Future<'a>
    where
        Self: 'a,
    {
        Future::ready(Err(CredentialsError::not_loaded("nobody is logged in")))
    }
}

#[tokio::test]
async fn without_aws_credentials_nothing_is_sent() -> Result {
    let server = TestServer::start().await?;
    for sealing in [Sealing::Required, Sealing::Off] {
        let signing = SigV4::new("eu-central-1", "lambda").credentials(Broken);
        let client = Client::builder().endpoint(server.url()).sigv4(signing).sealing(sealing).build()?;
        let error = client.model("m").predict::<u8>("x").await.expect_err("no credentials");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, 1), "{error:?}");
        assert!(format!("{error:?}").contains("nobody is logged in"), "{error:?}");
    }
    assert!(server.requests().is_empty() && server.key_requests().is_empty());
    Ok(())
}

#[test]
fn what_a_signature_is_for_is_known_when_the_client_is_built() {
    let builder = |endpoint: &str, signing| Client::builder().endpoint(endpoint).sigv4(signing).build();
    for (endpoint, signing, expected) in [
        ("https://abc.lambda-url.eu-central-1.on.aws", SigV4::by_host(), None),
        ("https://models.example.com", SigV4::new("eu-central-1", "execute-api"), None),
        ("https://models.example.com", SigV4::by_host(), Some("expected a host name *.lambda-url.REGION.on.aws")),
        ("https://models.example.com", SigV4::new("Frankfurt", "lambda"), Some("got \"Frankfurt\"")),
    ] {
        match (builder(endpoint, signing), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => {
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(error.to_string().contains(part), "{error}");
            }
            (built, _) => panic!("{endpoint}: {built:?}"),
        }
    }
}
