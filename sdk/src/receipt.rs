//! Checks the receipt of an answer against the call.
//!
//! Invariant: an answer with an invalid receipt is refused. An answer without a receipt is accepted, because a function without a
//! signer sends none.

use amaas_wire::dsse::VerifyingKey;
use amaas_wire::receipt::{RECEIPT, ReceiptError, SignedReceipt};
use bytes::Bytes;
use reqwest::header::HeaderValue;
use tracing::debug;

use crate::decode;
use crate::error::{Error, ErrorKind};
use crate::spawn::spawn_if_large;
use crate::transport::ReceivedResponse;

/// The call that a receipt has to match.
pub(crate) struct ExpectedReceipt<'a> {
    /// The content that was sent.
    pub(crate) input: &'a Bytes,
    /// The model that was called.
    pub(crate) model: &'a str,
    /// The pinned signers; `None` without pins, and then the signature is not verified.
    pub(crate) signers: Option<&'a [VerifyingKey]>,
}

/// The receipt of an answer, if it has one.
pub(crate) async fn of(
    received: &ReceivedResponse,
    expected: ExpectedReceipt<'_>,
) -> Result<Option<SignedReceipt>, Error> {
    let Some(header) = received.headers.get(RECEIPT) else { return Ok(None) };
    match read(header, received, &expected).await {
        Ok(receipt) => {
            debug!(verified = expected.signers.is_some(), "receipt accepted");
            Ok(Some(receipt))
        }
        Err(error) => Err(Error::new(ErrorKind::Receipt, format!("the answer is refused: {error}"))
            .with_status(received.status)
            .with_source(error)
            .or_request_id(decode::request_id(&received.headers))),
    }
}

async fn read(
    header: &HeaderValue,
    received: &ReceivedResponse,
    expected: &ExpectedReceipt<'_>,
) -> Result<SignedReceipt, ReceiptError> {
    // A value that is not text is refused as a malformed receipt.
    let receipt: SignedReceipt = header.to_str().unwrap_or_default().parse()?;
    if let Some(signers) = expected.signers {
        receipt.verify(signers)?;
    }
    receipt.unverified().is_of_model(expected.model)?;
    let (input, output) = (expected.input.clone(), received.body.clone());
    spawn_if_large(input.len() + output.len(), move || {
        receipt.unverified().is_of(&input, &output)?;
        Ok(receipt)
    })
    .await
}
