//! A receipt in its envelope.

use std::fmt;
use std::str::FromStr;

use super::error::ReceiptError;
use super::statement::{PAYLOAD_TYPE, Receipt};
use crate::decode::from_json;
use crate::dsse::{Envelope, VerifyingKey};

/// A receipt in its envelope, well formed but not verified. `Display` writes the envelope.
///
/// ```
/// use amaas_wire::receipt::{ReceiptError, SignedReceipt};
///
/// let error = "{}".parse::<SignedReceipt>().expect_err("no envelope");
/// assert_eq!(error.to_string(), "the receipt: the document is not a DSSE envelope");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    envelope: Envelope,
    receipt: Receipt,
}

impl SignedReceipt {
    /// The receipt, if one of `signers` signed it and every signature by one of them is valid.
    ///
    /// # Errors
    /// [`ReceiptError::Envelope`].
    pub fn verify(&self, signers: &[VerifyingKey]) -> Result<&Receipt, ReceiptError> {
        self.envelope.verify(PAYLOAD_TYPE, signers)?;
        Ok(&self.receipt)
    }

    /// The receipt without verification: do not rely on it before [`verify`](Self::verify).
    pub fn unverified(&self) -> &Receipt {
        &self.receipt
    }
}

impl FromStr for SignedReceipt {
    type Err = ReceiptError;

    /// Reads the value of the header; white space around it is ignored.
    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let text = text.trim_ascii();
        if text.len() > MAX_RECEIPT_LEN {
            return Err(ReceiptError::TooLong { expected: MAX_RECEIPT_LEN, got: text.len() });
        }
        let envelope = Envelope::from_json(text.as_bytes())?;
        let receipt = from_json(envelope.unverified(PAYLOAD_TYPE)?).map_err(ReceiptError::Malformed)?;
        Ok(Self { envelope, receipt })
    }
}

impl fmt::Display for SignedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.envelope.fmt(f)
    }
}

impl fmt::Debug for SignedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedReceipt").field("envelope", &self.envelope).field("unverified", &self.receipt).finish()
    }
}

/// The most bytes of an envelope with a receipt. Typical ones have 900, and many proxies refuse a header longer than this.
pub const MAX_RECEIPT_LEN: usize = 8 << 10;
