//! The receipt of an answer, held against the call.
//!
//! Invariant: an answer whose receipt does not hold is not taken, whichever part of it does not. An answer without a receipt
//! is: a function whose keys nobody signs has nobody to sign receipts.

use amaas_wire::dsse::VerifyingKey;
use amaas_wire::receipt::{RECEIPT, ReceiptError, SignedReceipt};
use bytes::Bytes;
use reqwest::header::HeaderValue;
use tracing::debug;

use crate::decode;
use crate::error::{Error, ErrorKind};
use crate::spawn::spawn_if_large;
use crate::transport::ReceivedResponse;

/// What a receipt has to fit.
pub(crate) struct ExpectedReceipt<'a> {
    /// The content that was sent.
    pub(crate) input: &'a Bytes,
    /// The model that was called.
    pub(crate) model: &'a str,
    /// Who may have signed it; `None` where nobody is pinned, and only what can be compared is.
    pub(crate) signers: Option<&'a [VerifyingKey]>,
}

/// The receipt of an answer, where it has one.
pub(crate) async fn of(
    received: &ReceivedResponse,
    expected: ExpectedReceipt<'_>,
) -> Result<Option<SignedReceipt>, Error> {
    let Some(header) = received.headers.get(RECEIPT) else { return Ok(None) };
    match read(header, received, &expected).await {
        Ok(receipt) => {
            debug!(verified = expected.signers.is_some(), "the answer has a receipt");
            Ok(Some(receipt))
        }
        Err(error) => Err(Error::new(ErrorKind::Receipt, format!("the answer is not taken: {error}"))
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
    // What is not text is no receipt either, and is refused as such.
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
