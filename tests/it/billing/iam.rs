//! Clients authenticated by AWS IAM, under Lambda.

use amaas::sigv4::Credentials;
use amaas::task::TextClassification;
use amaas::{Answer, Client, ClientBuilder, SigV4};
use amaas_access::{Accounts, Tenant, now};
use amaas_e2e::TestEnv;
use amaas_e2e::lambda::Lambda;
use reqwest::Response;
use serde_json::json;

use super::{TEXT, add_suspended, name, prediction, records, refusal};

const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/app";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/app/i-0abc";
const LATE_PAYER: &str = "arn:aws:iam::123456789012:user/late-payer";

/// An environment with accounts, a role among them, and the sentiment function under Lambda, which trusts IAM.
async fn iam_env() -> (TestEnv, Accounts, Lambda) {
    let env = TestEnv::start().await;
    let accounts = env.accounts().await;
    assert!(accounts.add_tenant(&Tenant::new(name(ROLE), now())).await.expect("reached"));
    let lambda = Lambda::start(env.sentiment().await.set("AMAAS_IAM", "tenant")).await;
    (env, accounts, lambda)
}

async fn call(lambda: &Lambda) -> Response {
    // With a signature, which is no bearer token.
    let signature = "AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20261126/us-east-1/lambda/aws4_request, Signature=0";
    prediction(&lambda.url()).header("authorization", signature).send().await.expect("an answer")
}

#[tokio::test]
async fn a_principal_is_the_tenant_that_has_its_arn_for_a_name() {
    let (env, accounts, lambda) = iam_env().await;
    add_suspended(&accounts, LATE_PAYER).await;
    let another_session = format!("{ROLE}/somebody@example.com");
    for (signer, status, kind) in [
        (None, 401, "key-missing"),
        (Some(SESSION), 200, ""),
        (Some(another_session.as_str()), 200, ""),
        (Some("arn:aws:sts::123456789012:assumed-role/other/app"), 403, "tenant-unknown"),
        (Some("arn:aws:sts::999999999999:assumed-role/app/i-0abc"), 403, "tenant-unknown"),
        (Some("arn:aws:iam::123456789012:user/alice"), 403, "tenant-unknown"),
        (Some(LATE_PAYER), 403, "tenant-suspended"),
        (None, 401, "key-missing"),
    ] {
        lambda.signed_by(signer);
        let (got, slug) = refusal(call(&lambda).await).await;
        assert_eq!((got.as_u16(), slug.as_str()), (status, kind), "{signer:?}");
    }
    let counted = records(&accounts, &name(ROLE)).await;
    assert_eq!(counted.len(), 2, "both sessions of the role");
    assert!(counted.values().all(|record| record.key.is_none()));

    // A client that also has a key calls as the key's tenant.
    lambda.signed_by(Some(SESSION));
    let answer = prediction(&lambda.url()).header("x-api-key", env.key().expose()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!((records(&accounts, &name("tests")).await.len(), records(&accounts, &name(ROLE)).await.len()), (1, 2));
    let answer = prediction(&lambda.url()).bearer_auth("amaas_test_wrong").send().await.expect("an answer");
    assert_eq!(refusal(answer).await.1, "key-malformed", "a wrong key is not made good by a signature");
}

#[tokio::test]
async fn iam_identity_counts_only_if_configured() {
    let env = TestEnv::start().await;
    assert!(env.accounts().await.add_tenant(&Tenant::new(name(ROLE), now())).await.expect("reached"));
    for launch in [env.sentiment().await, env.sentiment().await.set("AMAAS_IAM", "ignore")] {
        let lambda = Lambda::start(launch).await;
        lambda.signed_by(Some(SESSION));
        let (status, kind) = refusal(call(&lambda).await).await;
        assert_eq!((status.as_u16(), kind.as_str()), (401, "key-missing"));
    }
}

#[tokio::test]
async fn no_header_can_set_the_signer() {
    let (env, accounts, lambda) = iam_env().await;
    let server = env.sentiment().await.set("AMAAS_IAM", "tenant").start();
    server.ready().await;
    let iam = json!({ "iam": { "userArn": SESSION } });
    let context = json!({ "authorizer": iam, "requestContext": { "authorizer": iam } }).to_string();
    for endpoint in [lambda.url(), server.endpoint().await] {
        for header in
            ["x-amzn-request-context", "x-amzn-lambda-context", "requestcontext", "authorizer", "x-amz-caller-arn"]
        {
            for value in [&context, SESSION] {
                let pretended = prediction(&endpoint).header(header, value).send().await.expect("an answer");
                let (status, kind) = refusal(pretended).await;
                assert_eq!((status.as_u16(), kind.as_str()), (401, "key-missing"), "{header} to {endpoint}");
            }
        }
    }
    assert!(records(&accounts, &name(ROLE)).await.is_empty());
}

#[tokio::test]
async fn the_outer_signature_of_a_sealed_call_counts_unless_a_key_is_inside() {
    let (env, accounts, lambda) = iam_env().await;
    lambda.signed_by(Some(SESSION));
    let predict = async |client: Client| {
        let answer: Answer<TextClassification> = client.model("sentiment").predict(TEXT).await.expect("an answer");
        answer.prediction().label.clone()
    };
    assert_eq!(predict(signing(&lambda).build().expect("enough is set")).await, "positive");
    let counted = records(&accounts, &name(ROLE)).await;
    assert!(counted.len() == 1 && counted.values().all(|record| record.sealed && record.key.is_none()), "{counted:?}");

    assert_eq!(predict(signing(&lambda).api_key(env.key()).build().expect("enough is set")).await, "positive");
    assert_eq!((records(&accounts, &name("tests")).await.len(), records(&accounts, &name(ROLE)).await.len()), (1, 1));
}

/// A client that signs and seals.
fn signing(lambda: &Lambda) -> ClientBuilder {
    let credentials = Credentials::new("ASIAEXAMPLE", "secret", None, None, "test");
    Client::builder().endpoint(lambda.url()).sigv4(SigV4::new("us-east-1", "lambda").credentials(credentials))
}
