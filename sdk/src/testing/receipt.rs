//! Receipts of scripted answers.

use std::time::SystemTime;

use amaas_wire::Digest;
use amaas_wire::dsse::{DsseError, SigningKey};
use amaas_wire::predict::{REQUEST_ID, Usage};
use amaas_wire::receipt::{MeteredUsage, Receipt};

use super::RecordedRequest;

/// The call that the receipt of a scripted answer is for, with [`TestServer::receipt`](super::TestServer::receipt): the answered call,
/// or another one, which a client has to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptOf {
    /// The answered call, signed by the server's signer.
    ThisCall,
    /// A call with another input.
    OtherInput,
    /// A call with another answer.
    OtherOutput,
    /// A call of another model.
    OtherModel,
    /// The answered call, signed by another signer.
    OtherSigner,
}

impl ReceiptOf {
    /// The value of the header, for an answer to `request`.
    pub(super) fn sign(
        self,
        request: &RecordedRequest,
        output: &[u8],
        signer: &SigningKey,
    ) -> Result<String, DsseError> {
        let mut receipt = receipt(request, output);
        let other = Digest::of(b"another");
        match self {
            Self::ThisCall => {}
            Self::OtherInput => receipt.input = other,
            Self::OtherOutput => receipt.output = other,
            Self::OtherModel => receipt.model.push_str("-other"),
            Self::OtherSigner => return Ok(receipt.sign(&[&SigningKey::generate()?])),
        }
        Ok(receipt.sign(&[signer]))
    }
}

fn receipt(request: &RecordedRequest, output: &[u8]) -> Receipt {
    let model = (request.model().unwrap_or_default(), "1", Digest::of(b"the test's model"));
    let usage = MeteredUsage::new(Usage::new(1, 1), "rows");
    let mut receipt = Receipt::new(model, usage, (Digest::of(request.body()), Digest::of(output)));
    request.header(REQUEST_ID).unwrap_or_default().clone_into(&mut receipt.request_id);
    receipt.time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    "test".clone_into(&mut receipt.tenant);
    receipt
}
