//! Receipts: which answers are taken with one, and which are not.

use std::error::Error as _;

use amaas::testing::{ReceiptOf, TestServer};
use amaas::{Digest, ErrorKind, ReceiptError, Sealing, Tensor};

use crate::Result;

#[tokio::test]
async fn an_answer_has_the_receipt_that_came_with_it() -> Result {
    let server = TestServer::start().await?;
    let pinned = server.client_builder().signers([server.signer()]).build()?;
    for client in [pinned, server.client()?, server.client_builder().sealing(Sealing::Off).build()?] {
        let model = client.model("m");
        server.predict("m", [1]).receipt(ReceiptOf::ThisCall);
        let answer = model.predict::<u8>("x").await?;
        let signed = answer.receipt().expect("a receipt");
        let receipt = signed.verify(&[server.signer()])?;
        assert_eq!((receipt.model.as_str(), receipt.request_id.as_str()), ("m", answer.request_id()));
        assert_eq!(receipt.input, Digest::of(br#"{"inputs":["x"]}"#));
        assert_eq!((receipt.usage.units, receipt.usage.unit.as_str()), (1, "rows"));
        assert_eq!(signed.to_string().parse().as_ref(), Ok(signed));

        let ids = || Tensor::new("ids", vec![1, 2], vec![1_i64, 2]);
        server.infer("m", vec![ids()?]).receipt(ReceiptOf::ThisCall);
        let answer = model.infer(vec![ids()?]).await?;
        let request = server.requests().pop().expect("a request");
        answer.receipt().expect("a receipt").verify(&[server.signer()])?.is_of_input(request.body())?;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_without_a_receipt_has_none() -> Result {
    let server = TestServer::start().await?;
    let client = server.client_builder().signers([server.signer()]).build()?;
    server.predict("m", [1]).infer("m", Vec::new());
    assert_eq!(client.model("m").predict::<u8>("x").await?.receipt(), None);
    assert_eq!(client.model("m").infer(Vec::new()).await?.receipt(), None);
    Ok(())
}

#[tokio::test]
async fn an_answer_whose_receipt_does_not_hold_is_not_taken() -> Result {
    let server = TestServer::start().await?;
    let pinned = server.client_builder().signers([server.signer()]).build()?;
    let unpinned = server.client()?;
    for (of, part) in [
        (ReceiptOf::OtherInput, "the receipt is for another input"),
        (ReceiptOf::OtherOutput, "the receipt is for another output"),
        (ReceiptOf::OtherModel, "the receipt is not for the model \"m\""),
        (ReceiptOf::OtherSigner, "the receipt: no signature is by a known signer"),
    ] {
        for (client, is_pinned) in [(&pinned, true), (&unpinned, false)] {
            server.predict("m", [1]).receipt(of);
            let answer = client.model("m").predict::<u8>("x").await;
            if of == ReceiptOf::OtherSigner && !is_pinned {
                assert!(answer?.receipt().is_some(), "no signer is pinned");
                continue;
            }
            let error = answer.expect_err("refused");
            assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Receipt, Some(200), 1));
            assert!(!error.is_retryable() && error.request_id().is_some());
            assert!(error.to_string().contains(part), "{error}");
            assert!(error.source().is_some_and(<dyn std::error::Error>::is::<ReceiptError>));
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_receipt_is_not_taken_and_not_repeated() -> Result {
    let server = TestServer::start().await?;
    let model = server.client()?.model("m");
    let long = "SECRET".repeat(10_000);
    for value in ["", "SECRET", "{\"payload\":\"SECRET\"}", "S\u{e9}CRET", &long] {
        server.predict("m", [1]).header("amaas-receipt", value);
        let error = model.predict::<u8>("x").await.expect_err("refused");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Receipt, 1));
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_large_call_is_held_against_its_receipt() -> Result {
    let server = TestServer::start().await?;
    let model = server.client_builder().signers([server.signer()]).build()?.model("m");
    let text = "x".repeat(1 << 20);
    for (of, taken) in [(ReceiptOf::ThisCall, true), (ReceiptOf::OtherOutput, false)] {
        server.predict("m", [&text]).receipt(of);
        assert_eq!(model.predict::<String>(&text).await.is_ok(), taken);
    }
    Ok(())
}

#[tokio::test]
async fn only_what_a_model_does_has_a_receipt() -> Result {
    let server = TestServer::start().await?;
    server.json(200, &serde_json::json!({"name": "m", "ready": true})).receipt(ReceiptOf::OtherOutput);
    assert!(server.client()?.model("m").ready().await?.is_ready());
    Ok(())
}
